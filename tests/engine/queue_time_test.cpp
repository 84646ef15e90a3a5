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

}  // namespace
}  // namespace hearth::engine
