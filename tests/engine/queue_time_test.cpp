// The time that a request may wait for its turn.
#include <gtest/gtest.h>

#include "engine/tiny_scheduler.h"

namespace hearth::engine {
namespace {

using Clock = std::chrono::steady_clock;

GenerationRequest request_until(Clock::time_point queue_deadline) {
  GenerationRequest request;
  request.context = std::make_shared<RequestContext>();
  request.context->queue_deadline = queue_deadline;
  request.prompt = {1, 2, 3};
  request.maximum_tokens = 5;
  return request;
}

TEST(QueueTime, WhoWaitedTooLongIsToldThatTheServerIsBusy) {
  TinyScheduler tiny("llama", {});
  std::promise<GenerationEvent> last;
  tiny.scheduler().submit(request_until(Clock::now() - std::chrono::seconds(1)),
                          [&last](const GenerationEvent& event) {
                            if (event.finish) last.set_value(event);
                          });
  const GenerationEvent event = last.get_future().get();
  EXPECT_EQ(event.finish, FinishReason::kError);
  ASSERT_TRUE(event.error);
  EXPECT_EQ(event.error->kind(), ErrorKind::kOverloaded);
  EXPECT_EQ(event.usage.completion_tokens, 0);
}

TEST(QueueTime, WhoseTurnHasComeIsNotEndedByIt) {
  TinyScheduler tiny("llama", {});
  GenerationRequest request = request_until(Clock::now() + std::chrono::hours(1));
  request.observe_logits = [context = request.context](std::uint64_t) {
    context->queue_deadline = Clock::now() - std::chrono::seconds(1);
  };
  const auto answer = tiny.generate(std::move(request));
  EXPECT_EQ(answer.finish, FinishReason::kLength);
  EXPECT_EQ(answer.tokens.size(), 5u);
}

TEST(QueueDrain, TellsWhenHalfOfThoseThatWaitHaveHadTheirTurn) {
  using namespace std::chrono_literals;
  QueueDrain drain;
  const Clock::time_point start = Clock::now();
  EXPECT_EQ(drain.estimate(start, 100), QueueDrain::kUnknown);
  for (int i = 0; i <= 50; ++i) drain.observe(start + i * 500ms, 100);
  const auto now = start + 25s;
  EXPECT_EQ(drain.estimate(now, 100), 25s);
  EXPECT_EQ(drain.estimate(now, 1), QueueDrain::kShortest);
  EXPECT_EQ(drain.estimate(now, 1'000'000'000), QueueDrain::kLongest);
  EXPECT_EQ(drain.estimate(now + 3s, 10), 15s) << "nobody had a turn for three seconds";
  // Who comes to an empty queue has waited for nothing.
  drain.observe(now + 500ms, 0);
  drain.observe(now + 2h, 5);
  EXPECT_EQ(drain.estimate(now + 2h, 10), 3s);
}

TEST(QueueDrain, WhoFindsTheQueueFullIsTold) {
  EngineOptions options;
  options.parallel_sequences = 1;
  options.queue_limit = 1;
  options.context_tokens = 256;
  TinyScheduler tiny("llama", options);
  std::promise<void> runs, go_on;
  GenerationRequest first = request_until(Clock::now() + std::chrono::hours(1));
  first.observe_logits = [&, once = std::make_shared<bool>(false)](std::uint64_t) {
    if (std::exchange(*once, true)) return;
    runs.set_value();
    go_on.get_future().wait();
  };
  auto answer = tiny.submit(std::move(first));
  runs.get_future().wait();
  auto second = tiny.submit(request_until(Clock::now() + std::chrono::hours(1)));
  std::optional<std::chrono::seconds> told;
  try {
    tiny.submit(request_until(Clock::now() + std::chrono::hours(1)));
  } catch (const QueueFull& full) {
    told = full.retry_after;
  }
  go_on.set_value();
  answer.get();
  second.get();
  EXPECT_EQ(told, QueueDrain::kUnknown);
}

}  // namespace
}  // namespace hearth::engine
