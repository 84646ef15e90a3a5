#include "server/serving/caller_limits.h"

#include "server/server_fixture.h"

namespace hearth::server {
namespace {

using namespace std::chrono_literals;
using Refusal = CallerLimits::Refusal;
using Admission = CallerLimits::Admission;

class CallerLimitsTest : public ::testing::Test {
 protected:
  // The refusal, if it is one; an admitted request ends at once.
  std::optional<Refusal> ask(const std::string& caller = "a") {
    auto admitted = limits->admit(caller, options, now);
    if (auto* refusal = std::get_if<Refusal>(&admitted)) return std::move(*refusal);
    return std::nullopt;
  }
  void take(std::int64_t tokens, const std::string& caller = "a") {
    limits->take_tokens(caller, options, tokens, now);
  }

  const std::shared_ptr<CallerLimits> limits = std::make_shared<CallerLimits>();
  CallerLimitOptions options;
  CallerLimits::Time now = CallerLimits::Time(1h);
};

TEST_F(CallerLimitsTest, WithoutLimitsNobodyIsCountedOrRefused) {
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(ask());
  take(1'000'000'000);
  EXPECT_FALSE(ask());
  EXPECT_EQ(limits->callers(), 0u);
}

TEST_F(CallerLimitsTest, RequestsAMinuteAreEachCallersOwn) {
  options.requests_per_minute = 3;
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(ask()) << i;
  const auto refusal = ask();
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->limit, "requests_per_minute");
  EXPECT_EQ(refusal->error.kind(), ErrorKind::kRateLimited);
  EXPECT_NE(refusal->error.message().find("3 requests a minute (limits.requests_per_minute)"),
            std::string::npos)
      << refusal->error.message();
  EXPECT_EQ(refusal->retry_after, 20s);
  EXPECT_FALSE(ask("b"));
}

TEST_F(CallerLimitsTest, WhoComesWhenItWasToldIsLetInAndNotBefore) {
  for (const std::int64_t limit : {1, 3, 7, 59, 60, 61, 1000}) {
    SCOPED_TRACE(limit);
    options = {};
    options.requests_per_minute = limit;
    const std::string caller = std::to_string(limit);
    while (!ask(caller)) {
    }
    for (int i = 0; i < 50; ++i) {
      auto refusal = ask(caller);
      ASSERT_TRUE(refusal);
      const auto wait = refusal->retry_after;
      ASSERT_LE(wait, 60s);
      now += wait - 1s;
      if (limit <= 60) {
        ASSERT_TRUE(ask(caller)) << "an earlier second would have done";
      }
      now += 1s;
      ASSERT_FALSE(ask(caller));
      while (!ask(caller)) {
      }
    }
  }
}

TEST_F(CallerLimitsTest, ADebtOfTokensIsWaitedFor) {
  options.tokens_per_minute = 600;  // ten a second
  EXPECT_FALSE(ask());
  take(600);
  EXPECT_FALSE(ask()) << "it has taken what it may, and no more";
  take(55);
  auto refusal = ask();
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->limit, "tokens_per_minute");
  EXPECT_EQ(refusal->retry_after, 6s);
  now += 6s;
  EXPECT_FALSE(ask());
  take(100'000);
  refusal = ask();
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->retry_after, 120s) << "never longer";
  EXPECT_NE(refusal->error.hint().find("in 10000 s"), std::string::npos) << refusal->error.hint();
}

TEST_F(CallerLimitsTest, ParallelRequestsCountUntilTheyEnd) {
  options.parallel_requests = 2;
  auto one = limits->admit("a", options, now);
  std::optional<std::variant<Admission, Refusal>> two(limits->admit("a", options, now));
  const auto refusal = ask();
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->limit, "parallel_requests");
  EXPECT_EQ(refusal->retry_after, 1s);
  EXPECT_FALSE(ask("b"));
  two.reset();
  EXPECT_FALSE(ask());
}

TEST_F(CallerLimitsTest, WhatIsRefusedTakesNothing) {
  options.requests_per_minute = 60;
  options.parallel_requests = 1;
  {
    const auto running = limits->admit("a", options, now);
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(ask());
  }
  EXPECT_FALSE(ask());
}

TEST_F(CallerLimitsTest, LimitsThatChangeHoldFromThenOn) {
  options.requests_per_minute = 1;
  EXPECT_FALSE(ask());
  EXPECT_TRUE(ask());
  options.requests_per_minute = 0;
  EXPECT_FALSE(ask());
  options.requests_per_minute = 60;
  now += 1s;
  EXPECT_FALSE(ask()) << "a second at the new pace";
  options.requests_per_minute = 1;
  EXPECT_TRUE(ask());
}

TEST_F(CallerLimitsTest, IdleCallersAreForgottenAndDebtorsAreNot) {
  options.tokens_per_minute = 600;
  for (int i = 0; i < 100; ++i) take(10, "idle " + std::to_string(i));
  take(6000, "debtor");
  EXPECT_EQ(limits->callers(), 101u);
  now += 1min;
  EXPECT_TRUE(ask("debtor"));
  EXPECT_EQ(limits->callers(), 1u);
}

TEST_F(CallerLimitsTest, ATableFullOfCallersIsNotPassedAndLetsNobodyThrough) {
  options.requests_per_minute = 1;
  for (std::size_t i = 0; i < CallerLimits::kMostCallers; ++i) ASSERT_FALSE(ask(std::to_string(i)));
  EXPECT_FALSE(ask("further"));
  EXPECT_TRUE(ask("and another")) << "further ones share an account";
  EXPECT_TRUE(ask("0"));
  EXPECT_LE(limits->callers(), CallerLimits::kMostCallers + 1);
}

class LimitedServerTest : public ServerFixture {
 protected:
  ClientResponse from(const std::string& forwarded_for) {
    TestClient one(server->port());
    one.post("/v1/chat/completions", chat_body(), "X-Forwarded-For: " + forwarded_for + "\r\n");
    return one.receive();
  }
  // With one token a minute, a caller that got this answer is refused for more than an hour.
  const FakeScript long_answer{.pieces = std::vector<std::string>(100, "word ")};
};

TEST_F(LimitedServerTest, ACallerBeyondItsLimitGets429AndTheTime) {
  const auto model = models.add("fake");
  options.live.caller_limits.requests_per_minute = 2;
  start();
  EXPECT_EQ(chat().status, 200);
  EXPECT_EQ(post("/v1/chat/completions", "{").status, 400);
  ClientResponse refused;
  EXPECT_TRUE(soon([&] { return (refused = post("/v1/chat/completions", "{")).status == 429; }))
      << "what is wrong counts too";
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.json()["error"]["code"], "rate_limit_exceeded");
  const int wait = std::stoi(refused.header("retry-after"));
  EXPECT_GE(wait, 1);
  EXPECT_LE(wait, 30);
  EXPECT_EQ(model->last_request().context->principal.subject, "127.0.0.1");
  TestClient other(server->port());
  other.get("/v1/models");
  EXPECT_EQ(other.receive().status, 200);
  options.live.caller_limits = {};
  server->replace_options(options.live);
  EXPECT_EQ(chat().status, 200);
}

TEST_F(LimitedServerTest, TokensOfPromptsAndAnswersCount) {
  models.add("fake", long_answer);
  options.live.caller_limits.tokens_per_minute = 1;
  start();
  EXPECT_EQ(chat().status, 200);
  const auto refused = chat();
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.header("retry-after"), "120");
  EXPECT_NE(refused.body.find("1 tokens a minute (limits.tokens_per_minute)"), std::string::npos)
      << refused.body;
}

TEST_F(LimitedServerTest, AStreamIsOneOfTheParallelRequestsUntilItEnds) {
  const auto model = models.add("fake", {.pace = 1ms, .endless = true});
  options.live.caller_limits.parallel_requests = 1;
  start();
  {
    TestClient stream(server->port());
    stream.post("/v1/chat/completions", chat_body(R"("stream":true)"));
    ASSERT_TRUE(soon([&] { return model->running() == 1; }));
    const auto refused = chat();
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(refused.header("retry-after"), "1");
  }
  EXPECT_TRUE(soon([&] {
    TestClient next(server->port());
    next.post("/v1/chat/completions", chat_body(R"("stream":true)"));
    return next.receive_head().status == 200;
  }));
}

TEST_F(LimitedServerTest, OnlyATrustedProxySaysWhoTheCallerIs) {
  models.add("fake", long_answer);
  options.live.caller_limits.tokens_per_minute = 1;
  start();
  EXPECT_EQ(from("192.0.2.1").status, 200);
  EXPECT_EQ(from("192.0.2.2").status, 429);
  options.live.trusted_proxies = TrustedProxies({"127.0.0.0/8"});
  server->replace_options(options.live);
  EXPECT_EQ(from("192.0.2.1").status, 200);
  EXPECT_EQ(from("192.0.2.2").status, 200);
  EXPECT_EQ(from("192.0.2.3, 192.0.2.2").status, 429) << "what the client wrote there itself";
}

TEST_F(LimitedServerTest, APriorityMayBeLoweredAndNotRaised) {
  const auto model = models.add("fake");
  start();
  EXPECT_EQ(chat(R"("service_tier":"flex")").status, 200);
  EXPECT_EQ(model->last_request().priority, engine::Priority::kLow);
  EXPECT_EQ(chat(R"("service_tier":"auto")").status, 200);
  EXPECT_EQ(model->last_request().priority, engine::Priority::kNormal);
  const auto refused = chat(R"("service_tier":"priority")");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.json()["error"]["param"], "service_tier");
  EXPECT_EQ(chat(R"("service_tier":"fastest")").status, 400);
  options.live.highest_priority = engine::Priority::kHigh;
  server->replace_options(options.live);
  EXPECT_EQ(chat(R"("service_tier":"priority")").status, 200);
  EXPECT_EQ(model->last_request().priority, engine::Priority::kHigh);
  EXPECT_EQ(chat().status, 200);
  EXPECT_EQ(model->last_request().priority, engine::Priority::kNormal);
  options.live.highest_priority = engine::Priority::kLow;
  server->replace_options(options.live);
  EXPECT_EQ(chat().status, 200);
  EXPECT_EQ(model->last_request().priority, engine::Priority::kLow);
}

}  // namespace
}  // namespace hearth::server
