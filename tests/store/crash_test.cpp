// A pull that dies: at every system call, by SIGKILL in the midst of a download, on a full disk.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <set>
#include <thread>

#include "base/sha256.h"
#include "store/test_files.h"

namespace hearth::store {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::expect_error;
using test::expect_model;
using test::expect_no_model;
using test::go_on;

// Whether a system call changes what is on the disk: the moments that matter.
bool changes_the_disk(const __ptrace_syscall_info& info) {
  static const std::set<std::uint64_t> kCalls = {
      SYS_write,   SYS_pwrite64, SYS_renameat,  SYS_renameat2, SYS_linkat,   SYS_symlinkat, SYS_unlinkat,
      SYS_mkdirat, SYS_fsync,    SYS_fdatasync, SYS_ftruncate, SYS_fchmodat, SYS_flock,
#ifdef SYS_rename  // the older forms, where the machine has them
      SYS_rename,  SYS_link,     SYS_symlink,   SYS_unlink,    SYS_mkdir,    SYS_rmdir,     SYS_chmod,
#endif
  };
  if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return false;
  return kCalls.contains(info.entry.nr) ||
         (info.entry.nr == SYS_openat && (info.entry.args[2] & O_CREAT) != 0);
}

// Runs `work` in a child and kills it as it enters its `limit`-th system call of those. True when the child
// came to its end before; nothing where tracing is not allowed here.
std::optional<bool> run_until_system_call(int limit, const std::function<void()>& work) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(99);
    ::raise(SIGSTOP);
    try {
      work();
    } catch (...) {
      ::_exit(98);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (WIFEXITED(status)) return std::nullopt;
  ::ptrace(PTRACE_SETOPTIONS, pid, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  for (int calls = 0;;) {
    ::ptrace(PTRACE_SYSCALL, pid, nullptr, nullptr);
    ::waitpid(pid, &status, 0);
    if (WIFEXITED(status)) {
      EXPECT_EQ(WEXITSTATUS(status), 0);
      return true;
    }
    __ptrace_syscall_info info{};
    ::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info);
    calls += changes_the_disk(info);
    if (calls >= limit) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, &status, 0);
      return false;
    }
  }
}

bool is_sanitized() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return true;
#else
  return false;
#endif
}

// Every state on the way from one version of a model to the next is one of the two.
TEST(Crash, AtEverySystemCallTheOldOrTheNewModelIsThere) {
  const test::TemporaryDirectory folder;
  const std::string old_content = test::gguf_bytes(3000, 1), new_content = test::gguf_bytes(4000, 2);
  const fs::path source = folder / "m.gguf";
  int killed = 0, saw_none = 0, saw_old = 0, saw_new = 0;
  for (const bool replaces : {false, true}) {
    for (int limit = 1;; limit += is_sanitized() ? 17 : 1) {
      const test::TemporaryDirectory home;
      Store store(home.path());
      if (replaces) {
        test::write_file(source, old_content);
        store.pull(source.string(), {}, go_on);
      }
      test::write_file(source, new_content);
      const std::optional<bool> finished =
          run_until_system_call(limit, [&] { Store(home.path()).pull(source.string(), {}, go_on); });
      if (!finished) GTEST_SKIP() << "ptrace is not allowed here";
      const std::vector<ModelRecord> models = store.list();
      if (models.empty()) {
        EXPECT_FALSE(replaces) << "the old model is gone at call " << limit;
        ++saw_none;
      } else {
        ASSERT_EQ(models.size(), 1u);
        EXPECT_EQ(models[0].problem, "") << "at call " << limit;
        const std::string found = test::content_of(models[0].path);
        const bool is_new = found == new_content;
        ++(is_new ? saw_new : saw_old);
        EXPECT_TRUE(is_new || (replaces && found == old_content)) << "neither old nor new at call " << limit;
        EXPECT_EQ(models[0].digest, sha256_hex(found));
      }
      // The next pull always comes to the end, and leaves nothing behind.
      store.pull(source.string(), {}, go_on);
      expect_model(store, "m", new_content);
      EXPECT_TRUE(store.unfinished().empty());
      for (const char* part : {"blobs", "views"})
        EXPECT_EQ(
            std::distance(fs::directory_iterator(home.path() / "models" / part), fs::directory_iterator()), 1)
            << part << " at call " << limit;
      if (testing::Test::HasFailure() || *finished) break;
      ++killed;
    }
  }
  EXPECT_GT(killed, is_sanitized() ? 3 : 50);
  EXPECT_GT(saw_none, 0);
  EXPECT_GT(saw_old, 0);
  EXPECT_GT(saw_new, 0);
}

TEST(Crash, ARemovalIsWholeOrNotAtAll) {
  const test::TemporaryDirectory folder;
  const std::string content = test::gguf_bytes(3000);
  test::write_file(folder / "m.gguf", content);
  for (int limit = 1;; limit += is_sanitized() ? 17 : 1) {
    const test::TemporaryDirectory home;
    Store store(home.path());
    store.pull((folder / "m.gguf").string(), {}, go_on);
    const std::optional<bool> finished =
        run_until_system_call(limit, [&] { Store(home.path()).remove("m"); });
    if (!finished) GTEST_SKIP() << "ptrace is not allowed here";
    if (!store.list().empty()) expect_model(store, "m", content);
    // What a crash left behind goes with the next change.
    test::write_file(folder / "n.gguf", test::gguf_bytes(1000, 2));
    store.pull((folder / "n.gguf").string(), {}, go_on);
    if (!store.list().empty() && store.list()[0].name.name == "m") store.remove("m");
    store.remove("n");
    expect_no_model(store, home.path());
    if (testing::Test::HasFailure() || *finished) break;
  }
}

TEST(Crash, AKilledDownloadGoesOn) {
  test::HubServer server;
  const std::string content = test::gguf_bytes(13'000'000);
  server.add_file("m.gguf", content);
  server.set_behaviour({{{"path", "/files/"}, {"delay", 0.2}}});  // slow enough for notes of what is done
  const test::TemporaryDirectory home;
  Store store(home.path());
  const pid_t pid = ::fork();
  if (pid == 0) {
    try {
      Store(home.path()).pull(server.url("/files/m.gguf"), server.options(), go_on);
    } catch (...) {
    }
    ::_exit(0);
  }
  // Until the state on the disk tells of some of it.
  std::uint64_t noted = 0;
  for (int i = 0; i < 2000 && noted < 1'500'000; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    noted = 0;
    std::error_code error;
    for (const auto& entry : fs::recursive_directory_iterator(home.path(), error)) {
      if (entry.path().extension() != ".state") continue;
      const json state = json::parse(test::content_of(entry.path()));
      for (const json& piece : state["pieces"]) noted += piece[2].get<std::uint64_t>();
    }
  }
  ::kill(pid, SIGKILL);
  int status = 0;
  ::waitpid(pid, &status, 0);
  ASSERT_TRUE(noted >= 1'500'000 && WIFSIGNALED(status));
  expect_no_model(store, home.path());
  ASSERT_EQ(store.unfinished().size(), 1u);
  server.set_behaviour(json::array());
  server.forget_requests();
  const PullResult result = store.pull(server.url("/files/m.gguf"), server.options(), go_on);
  expect_model(store, "m", content);
  EXPECT_GT(result.bytes_kept, 0u);
  EXPECT_LT(server.bytes_sent("/files/"), content.size() - 1'000'000) << "it began anew";
}

// A disk of 8 MB of its own, where this may be mounted.
class SmallDisk {
 public:
  SmallDisk() : mounted_(::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=8m") == 0) {}
  ~SmallDisk() {
    if (mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
  }
  explicit operator bool() const { return mounted_; }
  const fs::path& path() const { return folder_.path(); }
  void fill(std::uint64_t leave) const {
    const std::uint64_t free = fs::space(path()).available;
    test::write_file(path() / "filler", std::string(free > leave ? free - leave : 0, 'x'));
  }
  void make_room() const { fs::remove(path() / "filler"); }

 private:
  test::TemporaryDirectory folder_;
  bool mounted_;
};

TEST(DiskFull, IsSaidWithNumbersBeforeWorkBegins) {
  const SmallDisk disk;
  if (!disk) GTEST_SKIP() << "no disk can be mounted here";
  test::HubServer server;
  server.add_file("m.gguf", test::gguf_bytes(5'000'000));
  Store store(disk.path() / "home");
  disk.fill(1'000'000);
  server.forget_requests();
  expect_error(ErrorKind::kDiskFull, {"5.0 MB more are needed", "are free", "free 4."},
               [&] { store.pull(server.url("/files/m.gguf"), server.options(), go_on); });
  EXPECT_LE(server.bytes_sent("/files/"), 2u);
  expect_no_model(store, disk.path() / "home");
  EXPECT_TRUE(store.unfinished().empty());
}

TEST(DiskFull, InTheMidstKeepsWhatIsThereAndGoesOn) {
  const SmallDisk disk;
  if (!disk) GTEST_SKIP() << "no disk can be mounted here";
  test::HubServer server;
  const std::string content = test::gguf_bytes(5'000'000);
  server.add_file("m.gguf", content);
  server.set_behaviour({{{"path", "/files/"}, {"delay", 0.005}}});
  Store store(disk.path() / "home");
  bool filled = false;
  expect_error(ErrorKind::kDiskFull, {"are kept", "goes on from there"}, [&] {
    store.pull(server.url("/files/m.gguf"), server.options(), [&](const PullProgress& progress) {
      if (progress.bytes_done > 1'000'000 && !filled) {
        disk.fill(400'000);
        filled = true;
      }
      return true;
    });
  });
  EXPECT_TRUE(filled);
  expect_no_model(store, disk.path() / "home");
  ASSERT_EQ(store.unfinished().size(), 1u);
  disk.make_room();
  server.set_behaviour(json::array());
  server.forget_requests();
  store.pull(server.url("/files/m.gguf"), server.options(), go_on);
  expect_model(store, "m", content);
  EXPECT_LT(server.bytes_sent("/files/"), content.size() - 500'000) << "it began anew";
}

TEST(DiskFull, WhileStoringLeavesTheOldModel) {
  const SmallDisk disk;
  if (!disk) GTEST_SKIP() << "no disk can be mounted here";
  const test::TemporaryDirectory folder;
  const std::string old_content = test::gguf_bytes(3000, 1), new_content = test::gguf_bytes(1'000'000, 2);
  const std::string source = (folder / "m.gguf").string();
  Store store(disk.path() / "home");
  test::write_file(source, old_content);
  store.pull(source, {}, go_on);
  test::write_file(source, new_content);
  EXPECT_THROW(store.pull(source, {},
                          [&](const PullProgress& progress) {
                            if (progress.phase == PullPhase::kStoring) disk.fill(0);
                            return true;
                          }),
               Error);
  expect_model(store, "m", old_content);
  disk.make_room();
  store.pull(source, {}, go_on);
  expect_model(store, "m", new_content);
}

TEST(DiskFull, AWriteThatTheSystemRefusesKeepsWhatIsThere) {
  test::HubServer server;
  const std::string content = test::gguf_bytes(5'000'000);
  server.add_file("m.gguf", content);
  const test::TemporaryDirectory home;
  Store store(home.path());
  const pid_t pid = ::fork();
  if (pid == 0) {  // no file may grow beyond 2 MB
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{2'000'000, 2'000'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    PullOptions options = server.options();
    options.connections = 1;
    try {
      Store(home.path()).pull(server.url("/files/m.gguf"), options, go_on);
    } catch (const Error& error) {
      const bool clear = std::string(error.what()).find("File too large") != std::string::npos &&
                         std::string(error.what()).find("are kept") != std::string::npos;
      ::_exit(clear ? 7 : 8);
    }
    ::_exit(9);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 7);
  expect_no_model(store, home.path());
  server.forget_requests();
  store.pull(server.url("/files/m.gguf"), server.options(), go_on);
  expect_model(store, "m", content);
  EXPECT_LT(server.bytes_sent("/files/"), content.size() - 1'000'000) << "it began anew";
}

}  // namespace
}  // namespace hearth::store
