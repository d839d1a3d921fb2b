# crossfade_library(NAME SOURCES ... DEPENDS ... ) makes one library of one folder.
#
# A library sees the headers of its own folder and of the libraries in DEPENDS, and no others: its include path is a
# folder of links that holds exactly those folders. A wrong #include therefore fails to compile.
function(crossfade_library folder)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  set(target crossfade_${folder})
  add_library(${target} STATIC ${ARG_SOURCES})
  add_library(crossfade::${folder} ALIAS ${target})
  set(room ${PROJECT_BINARY_DIR}/include/${folder})
  file(MAKE_DIRECTORY ${room})
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${folder} ${room}/${folder} SYMBOLIC)
  target_include_directories(${target} PUBLIC ${room})
  target_link_libraries(${target} PUBLIC ${ARG_DEPENDS} PRIVATE ${ARG_PRIVATE_DEPENDS})
  crossfade_compile_options(${target})
  crossfade_use_precompiled_headers(${target} crossfade_headers)
endfunction()

# crossfade_precompiled_headers(TARGET LIBRARIES … HEADERS …) compiles what most sources include once; others take it with
# crossfade_use_precompiled_headers. Every source still includes what it needs: clang-tidy compiles without these.
function(crossfade_precompiled_headers target)
  cmake_parse_arguments(ARG "" "" "LIBRARIES;HEADERS" ${ARGN})
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${target}.cc)
  file(CONFIGURE OUTPUT ${source} CONTENT "")
  add_library(${target} OBJECT ${source})
  target_link_libraries(${target} PRIVATE ${ARG_LIBRARIES})
  target_precompile_headers(${target} PRIVATE ${ARG_HEADERS})
  crossfade_compile_options(${target}) # the compiler takes them only under the same options
  crossfade_pch_options(${target})
endfunction()

function(crossfade_use_precompiled_headers target from)
  target_precompile_headers(${target} REUSE_FROM ${from})
  crossfade_pch_options(${target})
endfunction()

function(crossfade_pch_options target)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # What ccache needs to see the included headers.
    target_compile_options(${target} PRIVATE -fpch-preprocess)
  endif()
endfunction()

function(crossfade_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                                           -Wno-missing-field-initializers)
  if(CROSSFADE_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()

# crossfade_embed_sql(TARGET FOLDER) turns every FOLDER/*.sql into one generated source with a table of (name, text).
function(crossfade_embed_sql target folder header namespace)
  file(GLOB scripts CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.sql)
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/${folder}_sql.cc)
  add_custom_command(
    OUTPUT ${generated}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${generated} "-DSCRIPTS=${scripts}" -DHEADER=${header} -DNAMESPACE=${namespace}
            -P ${PROJECT_SOURCE_DIR}/cmake/EmbedSql.cmake
    DEPENDS ${scripts} ${PROJECT_SOURCE_DIR}/cmake/EmbedSql.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${generated})
endfunction()
