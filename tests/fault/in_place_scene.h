// A database with tables that a revision changes in place, statement by statement, and what must hold when it
// is carried out. Rows that an UPDATE counts up show a batch that was done twice. Belongs to one thread.
#pragma once

#include <gmock/gmock.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/fault/scene.h"

namespace crossfade::tests {

inline constexpr std::string_view kInPlace =
    "ALTER TABLE public.orders ADD COLUMN extra integer DEFAULT 3, ADD COLUMN rank integer CHECK (rank > "
    "0);\n"
    "ALTER TABLE public.orders ALTER COLUMN note SET NOT NULL;\n"
    "ALTER TABLE public.orders ADD CONSTRAINT kept FOREIGN KEY (customer) REFERENCES public.customers;\n"
    "CREATE UNIQUE INDEX orders_amount ON public.orders (amount, id);\n"
    "ALTER TABLE public.orders ADD CONSTRAINT one_code UNIQUE (code, id);\n"
    "DROP INDEX public.orders_customer;\n"
    "UPDATE public.orders SET extra = extra + 1;\n"
    "CREATE TABLE public.fresh (id integer);\n"
    "ALTER TABLE public.orders DROP COLUMN rank;\n"
    "DROP TABLE public.old_stuff;\n";

class InPlaceScene : public Scene {
 public:
  InPlaceScene() : Scene(kInPlace) {
    database().execute(
        "CREATE TABLE public.customers (id integer PRIMARY KEY);"
        "INSERT INTO public.customers SELECT pg_catalog.generate_series(0, 100);"
        "CREATE TABLE public.old_stuff (id integer); INSERT INTO public.old_stuff VALUES (1)");
  }

  void expect_carried_out_once() {
    EXPECT_EQ(database().scalar("SELECT pg_catalog.count(*) FROM public.orders WHERE extra = 4"),
              std::to_string(rows()));
    EXPECT_EQ(database().column("SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = "
                                "'public.orders'::regclass AND attnum > 0 "
                                "AND NOT attisdropped ORDER BY attnum"),
              (std::vector<std::string>{"id", "customer", "amount", "note", "code", "extra"}));
    EXPECT_EQ(database().column("SELECT conname FROM pg_catalog.pg_constraint WHERE conrelid = "
                                "'public.orders'::regclass AND convalidated "
                                "AND contype <> 'n' ORDER BY conname"),
              (std::vector<std::string>{"kept", "one_code", "orders_amount_check", "orders_code_key",
                                        "orders_pkey"}));
    EXPECT_EQ(
        database().column(
            "SELECT c.relname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
            "WHERE i.indrelid = 'public.orders'::regclass AND i.indisvalid ORDER BY 1"),
        (std::vector<std::string>{"one_code", "orders_amount", "orders_code_key", "orders_pkey"}));
    EXPECT_EQ(database().scalar("SELECT attnotnull FROM pg_catalog.pg_attribute WHERE attrelid = "
                                "'public.orders'::regclass AND attname = 'note'"),
              "t");
    EXPECT_EQ(
        database().scalar(
            "SELECT to_regclass('public.fresh') IS NOT NULL AND to_regclass('public.old_stuff') IS NULL"),
        "t");
    EXPECT_THAT(
        database().column("SELECT indexrelid::regclass::text FROM pg_catalog.pg_index WHERE NOT indisvalid"),
        ::testing::IsEmpty());
    EXPECT_THAT(left_over(), ::testing::IsEmpty());
    EXPECT_EQ(database().column("SELECT phase || ' ' || state FROM crossfade.runs"),
              std::vector<std::string>{"contracted done"});
    EXPECT_EQ(database().scalar("SELECT pg_catalog.count(*) FROM crossfade.statements"), "11");
    EXPECT_EQ(database().scalar("SELECT pg_catalog.count(*) FROM crossfade.revisions"), "1");
  }
};

}  // namespace crossfade::tests
