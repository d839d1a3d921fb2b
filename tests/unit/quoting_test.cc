#include "postgres/quoting.h"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <span>
#include <string>

namespace crossfade::postgres {
namespace {

TEST(QuoteIdentifier, AlwaysQuotes) {
  EXPECT_EQ(quote_identifier("orders"), R"("orders")");
  EXPECT_EQ(quote_identifier("user"), R"("user")");
  EXPECT_EQ(quote_identifier("Mixed Case"), R"("Mixed Case")");
}

TEST(QuoteIdentifier, DoublesInnerQuotes) {
  EXPECT_EQ(quote_identifier(R"(a"b)"), R"("a""b")");
  EXPECT_EQ(quote_identifier(R"("; DROP TABLE x; --)"), R"("""; DROP TABLE x; --")");
}

TEST(QuoteIdentifier, LeavesSingleQuotesBackslashesAndUnicodeAlone) {
  EXPECT_EQ(quote_identifier(R"(it's \ größe)"), R"("it's \ größe")");
}

TEST(QuoteIdentifiers, SeparatesWithCommas) {
  EXPECT_EQ(quote_identifiers(std::array<std::string, 3>{"a", "B", R"(c")"}), R"("a", "B", "c""")");
  EXPECT_EQ(quote_identifiers(std::span<const std::string>()), "");
}

TEST(QuoteLiteral, DoublesSingleQuotes) {
  EXPECT_EQ(quote_literal("it's"), "'it''s'");
  EXPECT_EQ(quote_literal(""), "''");
  EXPECT_EQ(quote_literal(R"(say "hi")"), R"('say "hi"')");
}

TEST(QuoteLiteral, UsesTheEscapeFormOnlyForBackslashes) {
  EXPECT_EQ(quote_literal(R"(C:\temp)"), R"(E'C:\\temp')");
  EXPECT_EQ(quote_literal(R"(\')"), R"(E'\\''')");
}

TEST(ArrayLiteral, TellsNullFromTheWordNull) {
  const std::array<std::optional<std::string>, 3> elements = {"NULL", std::nullopt, ""};
  EXPECT_EQ(array_literal(elements), R"({"NULL",NULL,""})");
}

TEST(ArrayLiteral, EscapesQuotesAndBackslashes) {
  EXPECT_EQ(array_literal(std::array<std::string, 2>{R"(a"b)", R"(c\d)"}), R"({"a\"b","c\\d"})");
}

TEST(ArrayLiteral, OfNothingIsAnEmptyArray) {
  EXPECT_EQ(array_literal(std::span<const std::string>()), "{}");
}

TEST(QualifiedName, QuotesForSqlAndNotForPeople) {
  const QualifiedName name{"public", "Orders"};
  EXPECT_EQ(name.quoted(), R"("public"."Orders")");
  EXPECT_EQ(name.display(), "public.Orders");
}

}  // namespace
}  // namespace crossfade::postgres
