// The disk of the server is full while rows are copied: the run stops with a message that says so, keeps what
// it has, and goes on when there is room. The disk is a small file system of the test's own; where mounting
// is not permitted, in a user namespace of its own.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/fault/scene.h"
#include "tests/support/json.h"

namespace crossfade::tests {
namespace {

using ::testing::HasSubstr;

void write_line(const char* path, const std::string& text) {
  std::ofstream(path) << text;
}

/// Must be called while the process has one thread and before the server is started.
class SmallDisk {
 public:
  SmallDisk() {
    if (!mount() && errno == EPERM) {
      const uid_t user = ::getuid();
      const gid_t group = ::getgid();
      if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        throw std::runtime_error(std::string("neither mount nor unshare is permitted: ") +
                                 std::strerror(errno));
      write_line("/proc/self/setgroups", "deny");
      write_line("/proc/self/uid_map", fmt::format("{0} {0} 1", user));
      write_line("/proc/self/gid_map", fmt::format("{0} {0} 1", group));
      mount();
    }
    if (!mounted_) throw std::runtime_error(std::string("cannot mount a tmpfs: ") + std::strerror(errno));
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() { ::umount2(folder_.path().c_str(), MNT_DETACH); }

  /// For the server's user to make a tablespace in.
  std::string folder_for(const postgres::ThrowawayServer& server) const {
    const std::filesystem::path space = folder_.path() / "space";
    std::filesystem::create_directory(space);
    struct stat owner {};
    ::stat((server.folder() / "data").c_str(), &owner);
    if (::chown(space.c_str(), owner.st_uid, owner.st_gid) != 0) throw std::runtime_error("chown");
    ::chmod(folder_.path().c_str(), 0755);
    return space.string();
  }
  void fill_but(std::size_t bytes) {
    const auto left = std::filesystem::space(folder_.path()).available;
    std::ofstream file(ballast());
    for (std::size_t written = 0; written + bytes < left; written += 4096) file << std::string(4096, 'x');
  }
  void make_room() { std::filesystem::remove(ballast()); }

 private:
  bool mount() {
    mounted_ = ::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=16m,mode=755") == 0;
    return mounted_;
  }
  std::filesystem::path ballast() const { return folder_.path() / "ballast"; }

  ScratchFolder folder_;
  bool mounted_ = false;
};

TEST(DiskFull, StopsTheCopyWithItsReasonAndGoesOnWhenThereIsRoom) {
  SmallDisk disk;
  postgres::ThrowawayServer server;
  Scene scene(kWiderTypes, 4000, server);
  scene.database().execute("CREATE TABLESPACE small LOCATION '" + disk.folder_for(server) + "'");
  scene.database().execute("ALTER TABLE public.orders SET TABLESPACE small");
  disk.fill_but(400 * 1024);

  const Finished full = scene.run({"up", "--contract", "--format", "json"});
  EXPECT_EQ(full.exit_code, 1) << describe(full);
  const boost::json::value document = parse_document(full.output);
  EXPECT_EQ(text_at(document, "/error/code"), "disk-full") << full.output;
  EXPECT_EQ(text_at(document, "/error/object"), "run 1 of public.orders");
  EXPECT_THAT(text_at(document, "/error/next"), HasSubstr("Make room and run `crossfade up` again"));
  EXPECT_EQ(text_at(document, "/runs/0/phase"), "copying");
  EXPECT_EQ(scene.state(), "failed");
  const int finished =
      std::stoi(scene.database().scalar("SELECT count(*) FROM crossfade.chunks WHERE finished"));
  EXPECT_GT(finished, 0) << "what had room is kept";

  disk.make_room();
  const Finished again = scene.run({"up", "--contract"}, "", "again");
  EXPECT_EQ(again.exit_code, 0) << describe(again);
  EXPECT_EQ(std::stoi(scene.database().scalar("SELECT count(*) FROM crossfade.chunks")) - finished,
            scene.times_traced("journal.finish_chunk", "again"));
  scene.expect_finished();
}

}  // namespace
}  // namespace crossfade::tests
