#include "orchestrator/lint_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

namespace crossfade::orchestrator {

namespace {

namespace json = boost::json;

using migrations::LintFinding;
using migrations::LintLevel;
using migrations::LintRule;

/// A path as a relative URI reference.
std::string as_uri(std::string_view path) {
  std::string out;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return out;
}

std::string replaced(std::string_view text, bool property) {
  std::string out;
  for (const char c : text) {
    const bool special = c == '%' || c == '\r' || c == '\n' || (property && (c == ':' || c == ','));
    out += special ? fmt::format("%{:02X}", static_cast<unsigned char>(c)) : std::string(1, c);
  }
  return out;
}

json::object rule_document(const LintRule& rule) {
  json::object out{{"id", rule.code},
                   {"shortDescription", {{"text", rule.finds}}},
                   {"help", {{"text", rule.fix}}},
                   {"defaultConfiguration", {{"level", to_string(rule.level)}}}};
  if (!rule.hazard.empty()) out["properties"] = {{"hazard", rule.hazard}};
  return out;
}

json::object result_document(const LintFinding& finding, std::int64_t rule_index) {
  return {{"ruleId", finding.code},
          {"ruleIndex", rule_index},
          {"level", to_string(finding.level)},
          {"message", {{"text", finding.message + ". " + finding.fix}}},
          {"locations",
           json::array{{{"physicalLocation",
                         {{"artifactLocation", {{"uri", as_uri(finding.file)}}},
                          {"region", {{"startLine", finding.line}, {"startColumn", finding.column}}}}}}}}};
}

std::string counted(std::size_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

}  // namespace

std::size_t count(Findings findings, LintLevel level) {
  return static_cast<std::size_t>(std::count_if(
      findings.begin(), findings.end(), [&](const LintFinding& finding) { return finding.level == level; }));
}

std::string lint_summary(Findings findings) {
  return fmt::format("{}, {}, {}", counted(count(findings, LintLevel::error), "error"),
                     counted(count(findings, LintLevel::warning), "warning"),
                     counted(count(findings, LintLevel::note), "note"));
}

std::string lint_text(Findings findings, std::size_t files) {
  std::string out;
  for (const LintFinding& finding : findings) {
    out += fmt::format("{}:{}:{}: {}: {} [{}]\n", finding.file, finding.line, finding.column,
                       to_string(finding.level), finding.message, finding.code);
    if (!finding.fix.empty()) out += fmt::format("    {}\n", finding.fix);
  }
  return out + fmt::format("{} in {}\n", lint_summary(findings), counted(files, "file"));
}

json::array lint_document(Findings findings) {
  json::array out;
  for (const LintFinding& finding : findings) {
    out.push_back({{"code", finding.code},
                   {"level", to_string(finding.level)},
                   {"file", finding.file},
                   {"line", finding.line},
                   {"column", finding.column},
                   {"message", finding.message},
                   {"fix", finding.fix},
                   {"hazard", finding.hazard.empty() ? json::value() : json::value(finding.hazard)}});
  }
  return out;
}

json::object lint_sarif(Findings findings) {
  json::array rules;
  std::map<std::string, std::int64_t, std::less<>> numbers;
  for (const LintRule& rule : migrations::lint_rules()) {
    numbers.emplace(rule.code, static_cast<std::int64_t>(rules.size()));
    rules.push_back(rule_document(rule));
  }
  json::array results;
  for (const LintFinding& finding : findings) {
    // What the parser objects to has as many codes as it has objections.
    const auto [number, added] = numbers.emplace(finding.code, static_cast<std::int64_t>(rules.size()));
    if (added) {
      rules.push_back({{"id", finding.code},
                       {"shortDescription", {{"text", "the file does not parse: " + finding.code}}},
                       {"defaultConfiguration", {{"level", "error"}}}});
    }
    results.push_back(result_document(finding, number->second));
  }
  return {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
          {"version", "2.1.0"},
          {"runs", json::array{{{"tool", {{"driver", {{"name", "crossfade"}, {"rules", std::move(rules)}}}}},
                                {"columnKind", "unicodeCodePoints"},
                                {"results", std::move(results)}}}}};
}

std::string lint_workflow_commands(Findings findings) {
  std::string out;
  for (const LintFinding& finding : findings) {
    const std::string_view command = finding.level == LintLevel::note ? "notice" : to_string(finding.level);
    out += fmt::format("::{} file={},line={},col={},title={}::{}\n", command, replaced(finding.file, true),
                       finding.line, finding.column, replaced(finding.code, true),
                       replaced(finding.message + "\n" + finding.fix, false));
  }
  return out;
}

}  // namespace crossfade::orchestrator
