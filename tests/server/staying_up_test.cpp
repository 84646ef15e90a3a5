// Draining, sockets handed over, and what a watchdog and a supervisor go by.
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/thread_pool.hpp>

#include "server/network/listen_addresses.h"
#include "server/server_fixture.h"
#include "server/supervision/liveness.h"
#include "server/supervision/restart_policy.h"
#include "support/expect_error.h"

namespace hearth::server {
namespace {

using namespace std::chrono_literals;

using Draining = ServerFixture;

TEST_F(Draining, NewWorkIsRefusedAndReadinessSaysSoWhileAStreamRuns) {
  const auto model = models.add("fake", {.pace = 1ms, .endless = true});
  options.live.limits.drain_time = 60s;
  start();
  TestClient running = client(), kept = client();
  running.post("/v1/chat/completions", chat_body(R"("stream":true)"));
  ASSERT_EQ(running.receive_head().status, 200);
  kept.get("/ready");
  EXPECT_EQ(kept.receive().header("connection"), "keep-alive");

  std::jthread stopping([&] { server->stop(); });
  ClientResponse readiness;
  ASSERT_TRUE(soon([&] {
    TestClient fresh = client();
    fresh.get("/ready");
    readiness = fresh.receive();
    return readiness.status == 503;
  }));
  EXPECT_EQ(readiness.json()["status"], "stopping");
  EXPECT_EQ(readiness.header("connection"), "close");
  kept.post("/v1/chat/completions", chat_body());
  const ClientResponse refused = kept.receive();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("connection"), "close");
  EXPECT_FALSE(refused.header("retry-after").empty());
  EXPECT_TRUE(kept.at_end());

  EXPECT_EQ(model->running(), 1);
  std::string chunk;
  ASSERT_TRUE(running.receive_chunk(chunk));
  running.close();
}

// A listening socket of TCP on a free port.
int listening_socket(const char* host = "127.0.0.1") {
  const boost::asio::ip::tcp::endpoint endpoint(boost::asio::ip::make_address(host), 0);
  const int descriptor = ::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::bind(descriptor, endpoint.data(), static_cast<socklen_t>(endpoint.size()));
  ::listen(descriptor, 64);
  return descriptor;
}

using Inherited = ServerFixture;

TEST_F(Inherited, ItsSocketOutlivesTheServerAndRefusesNobody) {
  models.add("fake");
  const int socket = listening_socket();
  options.inherited_socket = ::dup(socket);
  options.port = 1;  // counts for nothing
  start();
  const std::uint16_t port = server->port();
  EXPECT_EQ(chat().status, 200);
  server->stop();
  server.reset();
  TestClient early(port);  // accepted by nobody yet
  early.post("/v1/chat/completions", chat_body());
  options.inherited_socket = socket;
  start();
  EXPECT_EQ(early.receive().status, 200);
}

TEST_F(Inherited, WhatMayNotBeListenedAtMayNotBeHandedOver) {
  options.inherited_socket = listening_socket("0.0.0.0");
  test::expect_error(ErrorKind::kInvalidArgument, {"0.0.0.0", "allow-unauthenticated"},
                     [&] { public_listen_address(options); });
  options.allow_unauthenticated = true;
  EXPECT_EQ(std::get<TcpAddress>(public_listen_address(options)).host, "0.0.0.0");
  options.inherited_admin_socket = options.inherited_socket;
  test::expect_error(ErrorKind::kInvalidArgument, {"admin-host"}, [&] { admin_listen_address(options); });
  ::close(*options.inherited_socket);
}

TEST_F(Inherited, WhatDoesNotListenIsRefused) {
  options.inherited_socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto resolve = [&] { public_listen_address(options); };
  test::expect_error(ErrorKind::kInvalidArgument, {"no listening"}, resolve);
  ::close(*options.inherited_socket);
  test::expect_error(ErrorKind::kInvalidArgument, {"no listening"}, resolve);
}

TEST(Liveness, ThreadsThatDoNotAnswerAreNoProgress) {
  boost::asio::io_context stuck;
  Liveness liveness({stuck.get_executor()}, {});
  EXPECT_TRUE(liveness.got_on());
  EXPECT_FALSE(liveness.got_on());
  stuck.run();
  EXPECT_TRUE(liveness.got_on());
}

TEST(Liveness, ModelsWithWorkMustMakeSteps) {
  ModelActivity busy, other;
  Liveness liveness({}, [&] { return std::vector<ModelActivity>{busy, other}; });
  EXPECT_TRUE(liveness.got_on());
  EXPECT_TRUE(liveness.got_on());  // nothing to do
  busy.load.running = 1;
  EXPECT_TRUE(liveness.got_on());  // it may have come just now
  EXPECT_FALSE(liveness.got_on());
  ++busy.load.steps;
  EXPECT_TRUE(liveness.got_on());
  EXPECT_FALSE(liveness.got_on());
  ++other.load.steps;  // whose turn it was
  EXPECT_TRUE(liveness.got_on());
  busy.load = {.waiting = 1};
  EXPECT_TRUE(liveness.got_on());
  EXPECT_FALSE(liveness.got_on());
  busy.load = {};
  EXPECT_TRUE(liveness.got_on());
}

TEST(RestartPolicy, IsQuickOnceThenSlowerThenGivesUp) {
  RestartPolicy policy;
  RestartPolicy::Time now{};
  EXPECT_EQ(policy.delay_after_crash(now), 0ms);
  for (const auto delay : {250ms, 500ms, 1000ms, 2000ms})
    EXPECT_EQ(policy.delay_after_crash(now += 1s), delay);
  EXPECT_EQ(policy.delay_after_crash(now += 1s), std::nullopt);
}

TEST(RestartPolicy, ForgetsCrashesOfLongAgo) {
  RestartPolicy policy;
  RestartPolicy::Time now{};
  for (int i = 0; i < 100; ++i) EXPECT_EQ(policy.delay_after_crash(now += 61s), 0ms);
}

}  // namespace
}  // namespace hearth::server
