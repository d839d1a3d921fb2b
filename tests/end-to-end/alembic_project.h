// A copy of one of the projects in tests/alembic, with the real Alembic to run it and revisions added by the
// test. One a test; removed with its object.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/end-to-end/product.h"

namespace crossfade::tests {

class AlembicProject {
 public:
  /// `name` is the folder: shop (Alembic) or notes (Flask-Migrate).
  AlembicProject(const std::string& name, Product& product) : product_(product) {
    std::filesystem::copy(std::filesystem::path(CROSSFADE_SOURCE_DIR) / "tests/alembic" / name,
                          folder_.path(), std::filesystem::copy_options::recursive);
  }

  std::filesystem::path path() const { return folder_.path(); }
  std::filesystem::path versions() const { return folder_.path() / "migrations/versions"; }
  std::string settings() const { return (folder_.path() / "alembic.ini").string(); }

  /// The database as SQLAlchemy takes it.
  std::string url(const std::string& role = "keeper") const {
    return "postgresql+psycopg2://" + role + "@/" + product_.database().name() +
           "?host=" + product_.database().server().folder().string() + "&port=5432";
  }

  /// `body` is upgrade()'s, indented by four blanks.
  void add(const std::string& revision, const std::string& down, const std::string& body,
           const std::string& imports = "") const {
    folder_.write("migrations/versions/" + revision + "_added.py",
                  "\"\"\"Added by a test\n\nRevision ID: " + revision + "\nRevises: " + down +
                      "\n\"\"\"\nfrom alembic import context, op\nimport sqlalchemy as sa\n" + imports +
                      "\nrevision = \"" + revision +
                      "\"\ndown_revision = " + (down.empty() ? "None" : "\"" + down + "\"") +
                      "\nbranch_labels = None\ndepends_on = None\n\n\ndef upgrade():\n" + body +
                      "\n\n\ndef downgrade():\n    pass\n");
  }
  void replace_in(const std::string& file, const std::string& from, const std::string& to) const {
    const std::filesystem::path name = folder_.path() / file;
    std::ifstream stream(name);
    std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    const auto at = text.find(from);
    if (at == std::string::npos) throw std::runtime_error(file + " has no " + from);
    folder_.write(file, text.replace(at, from.size(), to));
  }

  /// The real Alembic, online, against the product's database.
  Finished alembic(std::vector<std::string> words) const {
    words.insert(words.begin(), {"alembic", "-c", settings()});
    return tests::run({.arguments = std::move(words),
                       .environment = {{"DATABASE_URL", url()}, {"PYTHONDONTWRITEBYTECODE", "1"}},
                       .input = {}});
  }
  void upgrade(const std::string& target) const {
    const Finished finished = alembic({"upgrade", target});
    if (finished.exit_code != 0) throw std::runtime_error(describe(finished));
  }

  /// crossfade with this project.
  Answer ask(const std::string& command, std::vector<std::string> words) const {
    words.insert(words.begin(), {"alembic", command, "--config", settings()});
    return product_.ask(std::move(words));
  }

 private:
  Product& product_;
  Folder folder_;
};

/// Of the project `shop`, all 18 revisions: the journal has them, Alembic's version is the last, and the
/// schema is the one that the real Alembic makes.
inline void expect_shop_is_upgraded(Product& product) {
  EXPECT_EQ(product.ask({"alembic", "current"}).text("/heads/0"), "4f1a01c0de13");
  EXPECT_EQ(
      product.database().scalar("SELECT count(*) FROM crossfade.revisions WHERE revision LIKE 'alembic:%'"),
      "18");
  Product plain;
  const AlembicProject real("shop", plain);
  real.upgrade("head");
  EXPECT_EQ(product.schema(), plain.schema());
  EXPECT_THAT(product.traces(), ::testing::IsEmpty());
}

}  // namespace crossfade::tests
