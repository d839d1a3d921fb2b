# Writes a C++ source that holds SQL scripts as (name, text) pairs, in the order of their names.
string(REPLACE " " ";" SCRIPTS "${SCRIPTS}")
list(SORT SCRIPTS)
list(LENGTH SCRIPTS count)
set(entries "")
foreach(script IN LISTS SCRIPTS)
  get_filename_component(name ${script} NAME_WE)
  file(READ ${script} text)
  string(APPEND entries "    {\"${name}\", R\"crossfade_sql(${text})crossfade_sql\"},\n")
endforeach()
# std::array, because an array of its own with no elements is not C++.
file(WRITE ${OUTPUT} "#include <array>\n\n#include \"${HEADER}\"\n\nnamespace ${NAMESPACE} {\n\nnamespace {\nconstexpr std::array<EmbeddedScript, ${count}> kScripts{{\n${entries}}};\n}  // namespace\n\nstd::span<const EmbeddedScript> embedded_scripts() { return kScripts; }\n\n}  // namespace ${NAMESPACE}\n")
