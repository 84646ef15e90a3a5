// Limits on the time of a whole request and of waiting for a turn, and silence within a stream.
#include <gtest/gtest.h>

#include "server/server_fixture.h"

namespace hearth::server {
namespace {

using namespace std::chrono_literals;

TEST_F(ServerFixture, ARequestCarriesItsDeadlinesToTheEngine) {
  const auto model = models.add("fake");
  options.live.limits.queue_time = 1h;
  options.live.limits.request_time = 3h;
  start();
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(chat().status, 200);
  const auto context = model->last_request().context;
  ASSERT_TRUE(context->deadline && context->queue_deadline);
  EXPECT_EQ(*context->deadline - *context->queue_deadline, 2h);
  EXPECT_GE(*context->queue_deadline, before + 1h);
}

TEST_F(ServerFixture, WhoWaitedTooLongForATurnGets503AndIsToldWhenToComeBack) {
  models.add("fake", {.pieces = {}, .fails_after = Error(ErrorKind::kOverloaded, "too busy")});
  start();
  const ClientResponse refused = chat();
  EXPECT_EQ(refused.status, 503);
  EXPECT_FALSE(refused.header("retry-after").empty());
}

// Each write makes progress, but the whole takes too long.
TEST_F(ServerFixture, AReaderThatSipsIsLeftWhenItsRequestTookTooLong) {
  options.live.limits.stalled_write_time = 300ms;
  options.live.limits.request_time = 100ms;
  const auto model = models.add("fake", {.pieces = {std::string(100'000, 'x')}, .endless = true});
  start();
  TestClient sipping = client();
  sipping.post("/v1/chat/completions", chat_body(R"("stream":true)"));
  char byte[512];
  EXPECT_TRUE(soon([&] {
    ::recv(sipping.socket().native_handle(), byte, sizeof byte, MSG_DONTWAIT);
    return model->steps() > 0 && server->connections() == 0;
  }));
  EXPECT_TRUE(soon([&] { return model->running() == 0; }));
}

TEST_F(ServerFixture, TokensWhoseTextIsHeldBackAreSilenceToo) {
  options.live.limits.heartbeat = 20ms;
  std::vector<std::string> pieces(100);
  pieces.emplace_back("late");
  models.add("fake", {.pieces = pieces, .pace = 5ms});
  start();
  EXPECT_NE(chat(R"("stream":true)").body.find("\n\n: "), std::string::npos);
}

class NeverLoads : public FakeProvider {
 public:
  void acquire(const std::string&, Acquired) override {}
};

TEST_F(ServerFixture, AModelThatDoesNotComeEndsTheRequestAtItsTimeLimit) {
  NeverLoads loading;
  loading.add("fake");
  options.live.limits.request_time = 100ms;
  server.emplace(loading, options);
  EXPECT_EQ(chat().status, 504);
  server.reset();
}

}  // namespace
}  // namespace hearth::server
