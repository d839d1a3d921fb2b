#include "migrations/alembic_source.h"

#include <algorithm>
#include <array>
#include <span>

#include "migrations/python_text.h"
#include "migrations/source_text.h"

namespace crossfade::migrations {

namespace {

using Tokens = std::span<const PythonToken>;

bool one_of(std::string_view text, std::span<const std::string_view> names) {
  return std::find(names.begin(), names.end(), text) != names.end();
}

/// Whole logical lines from a `def` at the module's level to the next line that is not indented.
struct Function {
  std::string_view name;
  std::size_t begin = 0;
  std::size_t end = 0;
};

std::vector<Function> functions_of(const std::vector<PythonToken>& tokens) {
  std::vector<Function> out;
  for (std::size_t index = 0; index < tokens.size(); ++index) {
    const bool starts_line = index == 0 || tokens[index - 1].logical_line != tokens[index].logical_line;
    if (!starts_line || tokens[index].indentation != 0) continue;
    if (!out.empty() && out.back().end == 0) out.back().end = index;
    if (tokens[index].is_name("def") && index + 1 < tokens.size())
      out.push_back({tokens[index + 1].text, index, 0});
  }
  if (!out.empty() && out.back().end == 0) out.back().end = tokens.size();
  return out;
}

std::vector<Tokens> lines_of(Tokens tokens) {
  std::vector<Tokens> out;
  for (std::size_t begin = 0; begin < tokens.size();) {
    std::size_t end = begin;
    while (end < tokens.size() && tokens[end].logical_line == tokens[begin].logical_line) ++end;
    out.push_back(tokens.subspan(begin, end - begin));
    begin = end;
  }
  return out;
}

/// Behind the colon of `def upgrade(): pass`, or the lines below it.
bool does_something(Tokens function) {
  const std::vector<Tokens> lines = lines_of(function);
  const auto idle = [](Tokens line) {
    if (line.empty() || line.front().kind == PythonKind::string) return true;
    const bool word = line.front().is_name("pass") || line.front().is_name("return");
    return (line.size() == 1 && word) ||
           std::all_of(line.begin(), line.end(), [](const PythonToken& token) { return token.is_mark('.'); });
  };
  const Tokens head = lines.front();
  const auto colon =
      std::find_if(head.rbegin(), head.rend(), [](const PythonToken& token) { return token.is_mark(':'); });
  const auto behind = static_cast<std::size_t>(colon - head.rbegin());
  return !idle(head.last(behind)) || !std::all_of(lines.begin() + 1, lines.end(), idle);
}

std::size_t closing_bracket(Tokens tokens, std::size_t open) {
  int depth = 0;
  for (std::size_t index = open; index < tokens.size(); ++index) {
    if (tokens[index].is_mark('(') || tokens[index].is_mark('[') || tokens[index].is_mark('{')) ++depth;
    if (tokens[index].is_mark(')') || tokens[index].is_mark(']') || tokens[index].is_mark('}')) --depth;
    if (depth == 0) return index;
  }
  return tokens.size();
}

/// Reads one logical line at a time.
class StepReader {
 public:
  explicit StepReader(std::string_view python) : python_(python) {}

  void read(Tokens line) {
    if (line.front().is_name("import") || line.front().is_name("from")) return;
    for (std::size_t index = 0; index < line.size(); ++index) read_token(line, index);
  }

  std::vector<PythonStep> take() { return std::move(steps_); }

 private:
  static bool attribute(Tokens line, std::size_t index) { return index > 0 && line[index - 1].is_mark('.'); }
  static bool called(Tokens line, std::size_t index) {
    return index + 1 < line.size() && line[index + 1].is_mark('(');
  }

  void read_token(Tokens line, std::size_t index) {
    static constexpr std::array<std::string_view, 2> kOffline = {"is_offline_mode", "as_sql"};
    static constexpr std::array<std::string_view, 7> kSession = {
        "Session", "SessionLocal", "sessionmaker", "scoped_session", "query", "create_engine", "get_engine"};
    static constexpr std::array<std::string_view, 12> kInspection = {
        "inspect",     "Inspector",        "from_engine",
        "has_table",   "get_table_names",  "get_columns",
        "get_indexes", "get_foreign_keys", "get_unique_constraints",
        "has_column",  "reflect",          "get_enums"};
    static constexpr std::array<std::string_view, 4> kExecute = {"execute", "scalar", "scalars",
                                                                 "exec_driver_sql"};
    const PythonToken& token = line[index];
    if (token.kind == PythonKind::string && has_tab(token.text)) add(PythonStepKind::tab, token);
    if (token.kind != PythonKind::name) return;
    if (one_of(token.text, kOffline)) add(PythonStepKind::offline_branch, token);
    if (called(line, index) && one_of(token.text, kSession)) add(PythonStepKind::session, token);
    // Not the module sqlalchemy.engine.
    const bool module_of_it = attribute(line, index) && index >= 2 &&
                              (line[index - 2].is_name("sa") || line[index - 2].is_name("sqlalchemy"));
    const bool owner = token.is_name("session") || (token.is_name("engine") && !module_of_it);
    if (owner && index + 1 < line.size() && line[index + 1].is_mark('.')) add(PythonStepKind::session, token);
    if (called(line, index) && one_of(token.text, kInspection)) add(PythonStepKind::inspection, token);
    if (token.is_name("autoload_with") || token.is_name("autoload")) add(PythonStepKind::inspection, token);
    if (called(line, index) && token.is_name("bindparam")) add(PythonStepKind::parameters, token);
    if (attribute(line, index) && token.is_name("rowcount")) add(PythonStepKind::row_count, token);
    if (attribute(line, index) && called(line, index) && one_of(token.text, kExecute))
      read_execution(line, index);
  }

  /// `receiver.execute(…)` as a statement of its own uses no result; everything else does.
  void read_execution(Tokens line, std::size_t index) {
    const bool of_operations =
        index >= 2 && line[index - 2].is_name("op") && (index == 2 || !line[index - 3].is_mark('.'));
    const std::size_t close = closing_bracket(line, index + 1);
    if (has_second_argument(line.subspan(index + 2, std::min(close, line.size()) - index - 2)))
      add(PythonStepKind::parameters, line[index]);
    const bool alone = close + 1 >= line.size() || line[close + 1].is_mark(';');
    if (of_operations && alone) return;
    const bool plain_receiver = std::none_of(
        line.begin(), line.begin() + static_cast<std::ptrdiff_t>(index), [](const PythonToken& token) {
          return token.is_mark('=') || token.is_name("for") || token.is_name("if") ||
                 token.is_name("while") || token.is_name("return") || token.is_name("in") ||
                 token.is_name("elif") || token.is_name("not") || token.is_name("assert");
        });
    const bool opens_bracket = unclosed_bracket(line.first(index));
    if (plain_receiver && alone && !opens_bracket) return;
    const bool loop = std::any_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(index),
                                  [](const PythonToken& token) { return token.is_name("for"); });
    add(loop ? PythonStepKind::row_loop : PythonStepKind::result, line[index]);
  }

  /// Beside `execution_options = …`, which changes nothing that is printed.
  static bool has_second_argument(Tokens arguments) {
    int depth = 0;
    for (std::size_t index = 0; index + 1 < arguments.size(); ++index) {
      const PythonToken& token = arguments[index];
      if (token.is_mark('(') || token.is_mark('[') || token.is_mark('{')) ++depth;
      if (token.is_mark(')') || token.is_mark(']') || token.is_mark('}')) --depth;
      if (depth == 0 && token.is_mark(',') && !arguments[index + 1].is_name("execution_options")) return true;
    }
    return false;
  }

  static bool unclosed_bracket(Tokens tokens) {
    int depth = 0;
    for (const PythonToken& token : tokens) {
      if (token.is_mark('(') || token.is_mark('[')) ++depth;
      if (token.is_mark(')') || token.is_mark(']')) --depth;
    }
    return depth > 0;
  }

  void add(PythonStepKind kind, const PythonToken& token) {
    const std::size_t at = static_cast<std::size_t>(token.text.data() - python_.data());
    const std::size_t begin = at == 0 ? 0 : python_.rfind('\n', at - 1) + 1;
    const std::size_t end = std::min(python_.find('\n', at), python_.size());
    steps_.push_back({kind, token.line, std::string(trimmed(python_.substr(begin, end - begin)))});
  }

  std::string_view python_;
  std::vector<PythonStep> steps_;
};

/// A result that was kept in a variable is looped over further down.
void mark_loops(const std::vector<Tokens>& lines, std::vector<PythonStep>& steps) {
  std::vector<int> loops;
  for (const Tokens line : lines) {
    if (std::any_of(line.begin(), line.end(), [](const PythonToken& token) { return token.is_name("for"); }))
      loops.push_back(line.front().line);
  }
  for (PythonStep& step : steps) {
    if (step.kind != PythonStepKind::result) continue;
    const bool followed = std::any_of(loops.begin(), loops.end(), [&](int line) { return line > step.line; });
    if (followed) step.kind = PythonStepKind::row_loop;
  }
}

}  // namespace

const PythonStep* RevisionSource::find(PythonStepKind kind) const {
  const auto found =
      std::find_if(steps.begin(), steps.end(), [&](const PythonStep& step) { return step.kind == kind; });
  return found == steps.end() ? nullptr : &*found;
}

std::optional<RevisionSource> read_revision_source(std::string_view python) {
  const auto tokens = scan_python(python);
  if (!tokens) return std::nullopt;
  const std::vector<Function> functions = functions_of(*tokens);
  const auto named = [&](std::string_view name) {
    return std::find_if(functions.begin(), functions.end(),
                        [&](const Function& function) { return function.name == name; });
  };
  const auto upgrade = named("upgrade");
  if (upgrade == functions.end()) return std::nullopt;
  const Tokens all(*tokens);
  RevisionSource out;
  out.has_body = does_something(all.subspan(upgrade->begin, upgrade->end - upgrade->begin));

  const auto downgrade = named("downgrade");
  const bool undone = downgrade != functions.end();
  std::vector<Tokens> lines = lines_of(all.first(undone ? downgrade->begin : all.size()));
  if (undone) {
    for (const Tokens line : lines_of(all.subspan(downgrade->end))) lines.push_back(line);
  }
  StepReader reader(python);
  for (const Tokens line : lines) reader.read(line);
  out.steps = reader.take();
  mark_loops(lines, out.steps);
  return out;
}

std::string revision_of_source(std::string_view python) {
  const auto tokens = scan_python(python);
  if (!tokens) return {};
  for (const Tokens line : lines_of(*tokens)) {
    if (line.front().indentation != 0 || !line.front().is_name("revision")) continue;
    // revision = "…", perhaps with a type: revision: str = "…"
    const PythonToken& value = line.back();
    if (value.kind == PythonKind::string && value.text.size() > 2)
      return std::string(value.text.substr(1, value.text.size() - 2));
  }
  return {};
}

std::string describe(PythonStepKind kind) {
  switch (kind) {
    case PythonStepKind::offline_branch:
      return "behaves otherwise in offline mode";
    case PythonStepKind::result:
      return "uses what a statement returns";
    case PythonStepKind::row_loop:
      return "loops over rows in Python";
    case PythonStepKind::row_count:
      return "uses the number of rows that a statement changed";
    case PythonStepKind::session:
      return "works through a session or connection of its own";
    case PythonStepKind::inspection:
      return "inspects the database";
    case PythonStepKind::parameters:
      return "gives a statement parameters, which offline SQL prints as NULL or not at all";
    case PythonStepKind::tab:
      return "has a tab in a text, which offline SQL turns into blanks";
  }
  return {};
}

std::optional<std::string> named_parameter_style(std::string_view python) {
  const auto tokens = scan_python(python);
  if (!tokens) return std::nullopt;
  for (std::size_t index = 0; index + 2 < tokens->size(); ++index) {
    const PythonToken& key = (*tokens)[index];
    const PythonToken& between = (*tokens)[index + 1];
    const PythonToken& value = (*tokens)[index + 2];
    const bool is_key =
        key.text == "paramstyle" || key.text == "\"paramstyle\"" || key.text == "'paramstyle'";
    if (!is_key || !(between.is_mark(':') || between.is_mark('='))) continue;
    if (value.kind != PythonKind::string || value.text.size() < 3) continue;
    return std::string(value.text.substr(1, value.text.size() - 2));
  }
  return std::nullopt;
}

}  // namespace crossfade::migrations
