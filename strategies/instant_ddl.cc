#include "strategies/instant_ddl.h"

#include <fmt/format.h>

#include <algorithm>

#include "strategies/step_list.h"

namespace crossfade::strategies {

namespace {

/// In a few words, for the step's name: the first of the statement.
std::string summary(const migrations::Statement& statement) {
  std::string text = statement.commands.size() == 1 ? statement.commands.front().text : statement.text;
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\t' || c == '\r'; }, ' ');
  if (text.size() > 60) {
    std::size_t cut = 60;
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
    text.resize(cut);
    text += "…";
  }
  return text;
}

std::string strongest_lock(const StatementContext& context) {
  return context.hazards.empty() || context.hazards.front().lock.empty() ? "ACCESS EXCLUSIVE"
                                                                         : context.hazards.front().lock;
}

}  // namespace

InPlaceSteps plan_instant(const StatementContext& context, std::string_view hazard) {
  StepList steps(context, "instant DDL", hazard);
  const std::string mode = strongest_lock(context);
  InPlaceStep& step =
      steps.on(context.table->name, mode, StepKind::locked, summary(context.statement),
               {context.statement.text}, "A change of the catalog; the lock is asked for by short attempts.");
  std::string others;
  for (const postgres::QualifiedName& other : context.foreign_keys_to) {
    others += (others.empty() ? "" : ", ") + other.quoted();
    step.locks.push_back({other.display(), mode});
  }
  if (!others.empty()) step.lock_first = fmt::format("LOCK TABLE {} IN {} MODE;", others, mode);
  return {.steps = steps.take()};
}

InPlaceSteps plan_plain(const StatementContext& context, std::string_view hazard) {
  StepList steps(context, "plain statement", hazard);
  steps.add(StepKind::plain, summary(context.statement), {context.statement.text},
            "Locks nothing that the application waits for.");
  return {.steps = steps.take()};
}

InPlaceSteps plan_autocommit(const StatementContext& context, std::string_view hazard) {
  StepList steps(context, "plain statement", hazard);
  InPlaceStep& step = steps.add(StepKind::autocommit, summary(context.statement), {context.statement.text},
                                "PostgreSQL runs it outside a transaction only.");
  if (context.table) step.locks.push_back({context.table->name.display(), "SHARE UPDATE EXCLUSIVE"});
  return {.steps = steps.take()};
}

const migrations::Directive* opaque_directive(const StatementContext& context) {
  const auto& directives = context.file->directives;
  const auto found =
      std::find_if(directives.begin(), directives.end(),
                   [](const migrations::Directive& directive) { return directive.name == "opaque"; });
  return found == directives.end() ? nullptr : &*found;
}

InPlaceSteps plan_opaque(const StatementContext& context) {
  const migrations::Directive* opaque = opaque_directive(context);
  if (opaque == nullptr) {
    return {
        .refusals = {{.code = "opaque-statement",
                      .object = context.where(),
                      .message = "what this statement does cannot be told from its text",
                      .expected = "a statement that crossfade can plan, or the operator's word for it",
                      .found = context.statement.text.substr(0, 120),
                      .next = "Look at its locks and its duration, then add the line  -- crossfade:opaque "
                              "<reason>  to the file."}}};
  }
  StepList steps(context, "opaque statement", "74");
  steps.add(StepKind::plain, summary(context.statement), {context.statement.text},
            "Marked as opaque: " + opaque->reason +
                ". Runs as written, in one transaction, under the lock budget.");
  return {.steps = steps.take()};
}

}  // namespace crossfade::strategies
