#include "base/service_manager.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "base/hidden_socket.h"
#include "base/watchdog.h"
#include "support/expect_error.h"

namespace hearth {
namespace {

class ServiceManager : public ::testing::Test {
 protected:
  ~ServiceManager() override {
    for (const char* name :
         {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
      ::unsetenv(name);
  }
  static void set(const char* name, const std::string& value) { ::setenv(name, value.c_str(), 1); }
};

TEST_F(ServiceManager, NobodyAskedMeansNothingIsSaid) {
  EXPECT_FALSE(notify_service_manager("READY=1"));
  EXPECT_FALSE(watchdog_interval());
  EXPECT_TRUE(take_inherited_sockets().empty());
}

TEST_F(ServiceManager, MessagesArriveWhole) {
  const HiddenSocket socket(SOCK_DGRAM);
  set("NOTIFY_SOCKET", socket.path());
  ASSERT_TRUE(notify_service_manager("READY=1\nSTATUS=serving"));
  char bytes[64];
  const auto size = ::recv(socket.descriptor(), bytes, sizeof bytes, MSG_DONTWAIT);
  ASSERT_GT(size, 0);
  EXPECT_EQ(std::string(bytes, static_cast<std::size_t>(size)), "READY=1\nSTATUS=serving");
}

TEST_F(ServiceManager, SocketsThatAreNoneAreNotUsed) {
  for (const std::string& path :
       {std::string("relative"), std::string("/"), std::string("/absent"), "/" + std::string(200, 'x')}) {
    set("NOTIFY_SOCKET", path);
    EXPECT_FALSE(notify_service_manager("READY=1")) << path;
  }
}

TEST_F(ServiceManager, TheWatchdogOfAnotherProcessIsNotOurs) {
  set("WATCHDOG_USEC", "2000000");
  EXPECT_EQ(watchdog_interval(), std::chrono::seconds(2));
  set("WATCHDOG_PID", std::to_string(::getpid()));
  EXPECT_EQ(watchdog_interval(), std::chrono::seconds(2));
  set("WATCHDOG_PID", std::to_string(::getpid() + 1));
  EXPECT_FALSE(watchdog_interval());
  set("WATCHDOG_USEC", "soon");
  test::expect_error(ErrorKind::kInvalidArgument, {"WATCHDOG_USEC"}, [] { watchdog_interval(); });
}

TEST_F(ServiceManager, SocketsOfAnotherProcessAreNotOurs) {
  set("LISTEN_FDS", "1");
  EXPECT_TRUE(take_inherited_sockets().empty());
  set("LISTEN_PID", std::to_string(::getpid() + 1));
  EXPECT_TRUE(take_inherited_sockets().empty());
  set("LISTEN_PID", std::to_string(::getpid()));
  for (const char* count : {"0", "-1", "65", "99999999999999999999", "one"}) {
    set("LISTEN_FDS", count);
    test::expect_error(ErrorKind::kInvalidArgument, {"LISTEN_FDS"}, [] { take_inherited_sockets(); });
  }
}

TEST_F(ServiceManager, SocketsHaveNamesAndAreTakenOnce) {
  set("LISTEN_PID", std::to_string(::getpid()));
  set("LISTEN_FDS", "2");
  set("LISTEN_FDNAMES", "public");  // one name too few
  for (const int descriptor : {3, 4}) ASSERT_EQ(::dup2(STDERR_FILENO, descriptor), descriptor);
  const auto sockets = take_inherited_sockets();
  ASSERT_EQ(sockets.size(), 2u);
  EXPECT_EQ(sockets[0].descriptor, 3);
  EXPECT_EQ(sockets[0].name, "public");
  EXPECT_EQ(sockets[1].name, "");
  EXPECT_TRUE(::fcntl(4, F_GETFD) & FD_CLOEXEC);
  EXPECT_TRUE(take_inherited_sockets().empty());
  for (const int descriptor : {3, 4}) ::close(descriptor);
}

TEST(Patience, OnlyALongSilenceIsAHang) {
  Patience patience;
  for (const bool got_on : {true, false, false, true, false, false}) EXPECT_TRUE(patience.is_alive(got_on));
  EXPECT_FALSE(patience.is_alive(false));
  EXPECT_FALSE(patience.is_alive(false));
  EXPECT_TRUE(patience.is_alive(true));
}

TEST(Watchdog, ReportsWhatGetsOnAndNothingElse) {
  std::atomic<int> checks{0}, reports{0};
  {
    const Watchdog watchdog(
        std::chrono::milliseconds(4), [&] { return ++checks < 5; }, [&] { ++reports; });
    while (checks < 20) std::this_thread::yield();
  }
  EXPECT_EQ(reports, 6);  // four good checks, and two that patience forgave
}

}  // namespace
}  // namespace hearth
