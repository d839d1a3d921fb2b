// IF NOT EXISTS of what is there: nothing to do where it is the same, an error where it is another.
#include "tests/end-to-end/product.h"

namespace crossfade::tests {
namespace {

using ::testing::HasSubstr;

constexpr const char* kObjects =
    "CREATE TABLE owners (name text PRIMARY KEY);"
    "CREATE TABLE others (name text PRIMARY KEY);"
    "CREATE TABLE notes (id serial PRIMARY KEY, owner text REFERENCES owners, body text COLLATE \"C\" "
    "DEFAULT "
    "'none', CHECK (body <> ''));"
    "CREATE VIEW seen AS SELECT id FROM notes;"
    "CREATE SEQUENCE numbers INCREMENT 2;"
    "CREATE MATERIALIZED VIEW bodies AS SELECT body FROM notes;"
    "CREATE TABLE copied AS SELECT id, body FROM notes;"
    "CREATE STATISTICS related ON id, owner FROM notes;"
    "CREATE TABLE parts (at date NOT NULL) PARTITION BY RANGE (at);"
    "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');"
    "ALTER TABLE notes ADD COLUMN size integer NOT NULL DEFAULT 7 UNIQUE CHECK (size > 0),"
    "  ADD COLUMN twice integer GENERATED ALWAYS AS (size * 2) STORED,"
    "  ADD COLUMN seq serial, ADD COLUMN made timestamptz DEFAULT now()";

class IfNotExists : public OneRevision {
 protected:
  IfNotExists() {
    product_.as("postgres", "CREATE SCHEMA shelf AUTHORIZATION keeper");
    product_.as("keeper", kObjects);
    product_.as("keeper", "CREATE INDEX notes_owner ON notes (owner)");
  }

  Answer plan(const std::string& sql) {
    product_.write("0001_change.sql", sql);
    return product_.ask({"plan"});
  }
};

TEST_F(IfNotExists, WhatIsThereIsLeftAlone) {
  const Answer answer =
      up("CREATE TABLE IF NOT EXISTS owners (name text PRIMARY KEY);\n"
         "CREATE TABLE IF NOT EXISTS public.copied AS SELECT id, body FROM notes;\n"
         "CREATE SEQUENCE IF NOT EXISTS numbers INCREMENT BY 2;\n"
         "CREATE MATERIALIZED VIEW IF NOT EXISTS bodies AS SELECT body FROM notes WITH DATA;\n"
         "CREATE STATISTICS IF NOT EXISTS related ON id, owner FROM notes;\n"
         "CREATE SCHEMA IF NOT EXISTS shelf AUTHORIZATION keeper;\n"
         "CREATE SCHEMA IF NOT EXISTS shelf;\n"
         "CREATE EXTENSION IF NOT EXISTS plpgsql SCHEMA pg_catalog;\n"
         "CREATE TABLE IF NOT EXISTS parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO "
         "('2026-02-01');\n"
         "CREATE INDEX IF NOT EXISTS notes_owner ON notes (owner);\n"
         "ALTER TABLE notes ADD COLUMN IF NOT EXISTS size int NOT NULL DEFAULT 7 UNIQUE CHECK (size > 0);\n"
         "ALTER TABLE notes ADD COLUMN IF NOT EXISTS size int NOT NULL DEFAULT 7;\n"
         "ALTER TABLE notes ADD COLUMN IF NOT EXISTS owner text REFERENCES owners;\n"
         "ALTER TABLE notes ADD COLUMN IF NOT EXISTS twice integer GENERATED ALWAYS AS (size * 2) STORED;\n"
         "ALTER TABLE notes ADD COLUMN IF NOT EXISTS seq serial;\n"
         "ALTER TABLE notes ADD COLUMN IF NOT EXISTS made timestamptz DEFAULT now();\n");
  EXPECT_EQ(answer.exit_code(), 0) << describe(answer.finished);
}

TEST_F(IfNotExists, ATableWithForeignKeysIsComparedByThem) {
  const std::string columns =
      "size integer NOT NULL DEFAULT 7 UNIQUE CHECK (size > 0), twice integer GENERATED ALWAYS AS (size * 2) "
      "STORED, seq serial, made timestamptz DEFAULT now());\n";
  const std::string body = "body text COLLATE \"C\" DEFAULT 'none' CHECK (body <> ''), ";
  EXPECT_EQ(plan("CREATE TABLE IF NOT EXISTS notes (id serial PRIMARY KEY, owner text REFERENCES owners, " +
                 body + columns)
                .exit_code(),
            0);
  const Answer other =
      plan("CREATE TABLE IF NOT EXISTS notes (id serial PRIMARY KEY, owner text REFERENCES others, " + body +
           columns);
  EXPECT_EQ(other.exit_code(), 5);
  EXPECT_THAT(other.text("/error/expected"), HasSubstr("REFERENCES public.others(name)"));
}

TEST_F(IfNotExists, SchemasOutsideTheSearchPathAreComparedByTheirNames) {
  product_.as(
      "keeper",
      "CREATE TYPE shelf.mood AS ENUM ('good'); CREATE FUNCTION shelf.norm(v text) RETURNS text IMMUTABLE "
      "LANGUAGE sql AS 'SELECT v';"
      "CREATE TABLE shelf.books (id integer PRIMARY KEY, mood shelf.mood DEFAULT 'good', path text DEFAULT "
      "'com.shelf.main' CHECK (shelf.norm(path) <> ''), next integer REFERENCES shelf.books ON DELETE "
      "CASCADE);"
      "CREATE INDEX books_path ON shelf.books (shelf.norm(path));"
      "CREATE SEQUENCE shelf.counted OWNED BY shelf.books.id;"
      "CREATE INDEX parts_at ON parts (at)");
  const std::string begin =
      "CREATE TABLE IF NOT EXISTS shelf.books (id integer PRIMARY KEY, mood shelf.mood DEFAULT 'good', path "
      "text "
      "DEFAULT 'com.shelf.main' CHECK (shelf.norm(path) <> ''), next integer REFERENCES shelf.books";
  EXPECT_EQ(plan(begin + " ON DELETE CASCADE);\n"
                         "CREATE INDEX IF NOT EXISTS books_path ON shelf.books (shelf.norm(path));\n"
                         "CREATE SEQUENCE IF NOT EXISTS shelf.counted OWNED BY shelf.books.id;\n"
                         "CREATE INDEX IF NOT EXISTS parts_at ON parts (at);\n")
                .exit_code(),
            0);
  EXPECT_EQ(plan(begin + ");\n").exit_code(), 5) << "ON DELETE";
  EXPECT_EQ(
      plan("ALTER TABLE shelf.books ADD COLUMN IF NOT EXISTS path text DEFAULT 'com.main';\n").exit_code(),
      5);
}

TEST_F(IfNotExists, AnotherDefinitionIsAnErrorAndNotASilence) {
  for (const std::string sql :
       {"CREATE TABLE IF NOT EXISTS owners (name integer PRIMARY KEY);\n",
        "CREATE TABLE IF NOT EXISTS owners (name text);\n",
        "CREATE TABLE IF NOT EXISTS seen (id integer);\n",
        "CREATE TABLE IF NOT EXISTS numbers (id integer);\n",
        "CREATE TABLE IF NOT EXISTS copied AS SELECT id FROM notes;\n",
        "CREATE TABLE IF NOT EXISTS parts (at date NOT NULL);\n",
        "CREATE TABLE IF NOT EXISTS parts (at date NOT NULL) PARTITION BY LIST (at);\n",
        "CREATE UNLOGGED TABLE IF NOT EXISTS owners (name text PRIMARY KEY);\n",
        "CREATE TABLE IF NOT EXISTS parts_1 (at date NOT NULL);\n",
        "CREATE STATISTICS IF NOT EXISTS related (dependencies) ON id, owner FROM notes;\n",
        "ALTER TABLE notes ADD COLUMN IF NOT EXISTS owner text REFERENCES others;\n",
        "CREATE TABLE IF NOT EXISTS parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO "
        "('2026-03-01');\n",
        "CREATE SEQUENCE IF NOT EXISTS numbers;\n",
        "CREATE SEQUENCE IF NOT EXISTS seen;\n",
        "CREATE MATERIALIZED VIEW IF NOT EXISTS bodies AS SELECT id FROM notes;\n",
        "CREATE MATERIALIZED VIEW IF NOT EXISTS seen AS SELECT id FROM notes;\n",
        "CREATE STATISTICS IF NOT EXISTS related ON id, body FROM notes;\n",
        "CREATE SCHEMA IF NOT EXISTS shelf AUTHORIZATION postgres;\n",
        "CREATE EXTENSION IF NOT EXISTS plpgsql VERSION '0.1';\n",
        "CREATE INDEX IF NOT EXISTS notes_owner ON notes (body);\n",
        "ALTER TABLE notes ADD COLUMN IF NOT EXISTS size text;\n",
        "ALTER TABLE notes ADD COLUMN IF NOT EXISTS size integer NOT NULL DEFAULT 8;\n",
        "ALTER TABLE notes ADD COLUMN IF NOT EXISTS size integer DEFAULT 7;\n",
        "ALTER TABLE notes ADD COLUMN IF NOT EXISTS size integer NOT NULL DEFAULT 7 CHECK (size > 1);\n",
        "ALTER TABLE notes ADD COLUMN IF NOT EXISTS made timestamptz DEFAULT clock_timestamp();\n",
        "ALTER TABLE notes ADD COLUMN IF NOT EXISTS twice integer;\n",
        "ALTER TABLE notes ADD COLUMN IF NOT EXISTS body text DEFAULT 'none';\n",
        "ALTER TABLE notes ADD COLUMN IF NOT EXISTS made timestamptz DEFAULT now() REFERENCES owners;\n"}) {
    const Answer answer = plan(sql);
    EXPECT_EQ(answer.exit_code(), 5) << sql << describe(answer.finished);
    EXPECT_EQ(answer.text("/refusals/0/code"), "exists-otherwise") << sql << describe(answer.finished);
  }
  EXPECT_FALSE(product_.has_journal());
}

}  // namespace
}  // namespace crossfade::tests
