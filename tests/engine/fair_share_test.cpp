#include "engine/fair_share.h"

#include <gtest/gtest.h>

#include "engine/tiny_scheduler.h"

namespace hearth::engine {
namespace {

using namespace std::chrono_literals;

GenerationRequest request_of(const std::string& caller, Priority priority = Priority::kNormal) {
  GenerationRequest request;
  request.context = std::make_shared<RequestContext>();
  request.context->principal.subject = caller;
  request.priority = priority;
  return request;
}

TEST(FairShare, ACallerIsItsKeyElseItsSubjectOfItsTenant) {
  const auto name = [](std::string tenant, std::string subject, std::string key) {
    return caller_of(
        {.tenant = std::move(tenant), .subject = std::move(subject), .key_id = std::move(key), .scopes = {}});
  };
  EXPECT_EQ(name("a", "x", "k"), name("a", "y", "k"));
  EXPECT_NE(name("a", "x", ""), name("a", "y", ""));
  EXPECT_NE(name("a", "x", ""), name("b", "x", ""));
  EXPECT_NE(name("a", "x", ""), name("a", "", "x"));
  EXPECT_NE(name("as", "x", ""), name("a", "sx", ""));
}

TEST(FairShare, ThePriorityThenTheServiceThenTheArrivalDecides) {
  FairShare shares;
  const auto served = shares.enter(request_of("a"));
  const auto unserved = shares.enter(request_of("b"));
  const auto same_caller = shares.enter(request_of("b"));
  const auto low = shares.enter(request_of("c", Priority::kLow));
  const auto high = shares.enter(request_of("a", Priority::kHigh));
  served->charge(1000);
  high->charge(5000);
  EXPECT_LT(high->place_rank(), unserved->place_rank());
  EXPECT_LT(unserved->place_rank(), same_caller->place_rank());
  EXPECT_LT(same_caller->place_rank(), served->place_rank());
  EXPECT_LT(served->place_rank(), low->place_rank());
}

TEST(FairShare, WhatWasPromisedCountsForPlacesUntilItIsRun) {
  FairShare shares;
  const auto a = shares.enter(request_of("a"));
  const auto b = shares.enter(request_of("b"));
  a->promise(1000);
  EXPECT_LT(b->place_rank(), a->place_rank());
  EXPECT_LT(a->row_rank(), b->row_rank());
  a->charge(600);
  EXPECT_EQ(a->place_rank().rows, 1000);
  a->promise(0);  // it was preempted
  EXPECT_EQ(a->place_rank().rows, 600);
}

TEST(FairShare, WhoComesLaterBeginsWithTheLeastServed) {
  FairShare shares;
  auto a = shares.enter(request_of("a"));
  a->charge(10'000);
  auto b = shares.enter(request_of("b"));
  EXPECT_EQ(b->place_rank().rows, 10'000) << "or it would have all to itself for as long";
  b->charge(50);
  b.reset();
  b = shares.enter(request_of("b"));
  EXPECT_EQ(b->place_rank().rows, 10'050) << "or a pause would clear what it took";
  a->charge(1'000);
  b.reset();
  b = shares.enter(request_of("b"));
  EXPECT_EQ(b->place_rank().rows, 11'000) << "or it would save up while it asks nothing";
  a.reset();
  b.reset();
  EXPECT_EQ(shares.enter(request_of("a"))->place_rank().rows, 0);
}

TEST(FairShare, PrioritiesDoNotShareTheirCounts) {
  FairShare shares;
  const auto starving = shares.enter(request_of("a", Priority::kLow));
  const auto busy = shares.enter(request_of("b"));
  busy->charge(10'000);
  EXPECT_EQ(shares.enter(request_of("c"))->place_rank().rows, 10'000);
  EXPECT_EQ(shares.enter(request_of("c", Priority::kLow))->place_rank().rows, 0);
}

// The order in which answers begin; everything is submitted by the first token of the first, so that all of
// it waits while that one has the only place.
class Order {
 public:
  explicit Order(std::int32_t places = 1) {
    EngineOptions options;
    options.context_tokens = 256;
    options.parallel_sequences = places;
    options.batch_rows = 32;
    options.queue_limit = 1000;
    tiny_.emplace("llama", options);
  }
  // `name` is what the order lists.
  void add(const std::string& name, GenerationRequest request, std::size_t prompt = 4,
           std::int32_t tokens = 3) {
    for (std::size_t i = 0; i < prompt; ++i)
      request.prompt.push_back(2 + static_cast<std::int32_t>((i * 7 + added_ * 11) % 90));
    request.maximum_tokens = tokens;
    request.ignore_end = true;
    request.seed = added_++;
    rest_.emplace_back(name, std::move(request));
  }
  std::vector<std::string> run() {
    auto first = request_of("first");
    first.prompt = {5, 6, 7};
    first.maximum_tokens = 6;
    first.ignore_end = true;
    unfinished_ = rest_.size() + 1;
    tiny_->scheduler().submit(std::move(first), [this](const GenerationEvent& event) {
      if (event.usage.completion_tokens == 1)
        for (auto& [name, request] : rest_) submit(name, std::move(request));
      if (event.finish) end_one();
    });
    done_.get_future().wait();
    return begun_;
  }

 private:
  void submit(const std::string& name, GenerationRequest request) {
    tiny_->scheduler().submit(std::move(request), [this, name](const GenerationEvent& event) {
      EXPECT_FALSE(event.error) << event.error->what();
      if (event.usage.completion_tokens == 1 && !event.finish) begun_.push_back(name);
      if (event.finish) end_one();
    });
  }
  void end_one() {
    if (--unfinished_ == 0) done_.set_value();
  }

  std::optional<TinyScheduler> tiny_;
  std::vector<std::pair<std::string, GenerationRequest>> rest_;
  std::uint64_t added_ = 0;
  std::vector<std::string> begun_;  // by the compute thread, read when it has ended
  std::size_t unfinished_ = 0;
  std::promise<void> done_;
};

TEST(FairShare, OneRequestDoesNotWaitBehindAnothersTwenty) {
  Order order;
  for (int i = 0; i < 20; ++i) order.add("many", request_of("many"));
  order.add("one", request_of("one"));
  const auto begun = order.run();
  ASSERT_EQ(begun.size(), 21u);
  EXPECT_EQ(begun[0], "many") << "both were served alike, and it came first";
  EXPECT_EQ(begun[1], "one");
}

TEST(FairShare, SeveralFreePlacesAreSharedToo) {
  Order order(4);
  for (int i = 0; i < 8; ++i) order.add("many", request_of("many"), 20);
  for (int i = 0; i < 8; ++i) order.add("few", request_of("few"), 20);
  const auto begun = order.run();
  ASSERT_EQ(begun.size(), 16u);
  EXPECT_LE(std::count(begun.begin(), begun.begin() + 8, "many"), 5);
}

TEST(FairShare, PrioritiesGoFirstAndTheLowestIsNotStarved) {
  Order order;
  order.add("low", request_of("low", Priority::kLow));
  for (int i = 0; i < 30; ++i) order.add("normal", request_of("a"));
  for (int i = 0; i < 3; ++i) order.add("high", request_of("b", Priority::kHigh));
  const auto begun = order.run();
  ASSERT_EQ(begun.size(), 34u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(begun[static_cast<std::size_t>(i)], "high");
  const auto low = std::find(begun.begin(), begun.end(), "low") - begun.begin();
  EXPECT_EQ(low, Patience::kMostPassed) << "the ninth place is the one's who waited longest";
}

TEST(FairShare, ALongPromptDoesNotHoldUpAnothersShortOne) {
  Order order(8);
  for (int i = 0; i < 6; ++i) order.add("long", request_of("long"), 250);
  order.add("short", request_of("short"), 10);
  const auto begun = order.run();
  ASSERT_EQ(begun.size(), 7u);
  const auto place = std::find(begun.begin(), begun.end(), "short") - begun.begin();
  EXPECT_LE(place, 2) << "of 1,500 rows at most one turn and a chunk are before it";
}

TEST(FairShare, ALowPromptIsReadBesideManyHighOnes) {
  Order order(4);
  order.add("low", request_of("low", Priority::kLow), 100);
  for (int i = 0; i < 60; ++i) order.add("high", request_of("high", Priority::kHigh), 100);
  const auto begun = order.run();
  ASSERT_EQ(begun.size(), 61u);
  EXPECT_LT(std::find(begun.begin(), begun.end(), "low") - begun.begin(), 50);
}

// The answers are the same whoever goes first, and whoever gives up its pages.
TEST(FairShare, TheOrderDoesNotShowInAnAnswer) {
  EngineOptions options;
  options.context_tokens = 256;
  options.parallel_sequences = 6;
  const auto request = [](int i) {
    GenerationRequest request = request_that_grows(i);
    request.context = request_of(i % 2 == 0 ? "a" : "b").context;
    request.priority = static_cast<Priority>(i % 3);
    return request;
  };
  TinyScheduler alone("llama", options);
  options.cache_tokens = 256;  // two at their full length
  TinyScheduler scarce("llama", options);
  std::vector<std::future<TinyScheduler::Answer>> answers;
  for (int i = 0; i < 12; ++i) answers.push_back(scarce.submit(request(i)));
  for (int i = 0; i < 12; ++i)
    EXPECT_EQ(answers[static_cast<std::size_t>(i)].get().tokens, alone.generate(request(i)).tokens) << i;
  EXPECT_GT(scarce.load_at_rest().preemptions, 0);
  EXPECT_EQ(scarce.load_at_rest().free_pages, scarce.load_at_rest().total_pages);
}

// While another has the only place, a request's time passes and it ends at once with that reason.
TEST(Queue, WhoseTimePassesWhileItWaitsEndsAtOnce) {
  EngineOptions options;
  options.context_tokens = 256;
  options.parallel_sequences = 1;
  TinyScheduler tiny("llama", options);
  auto first = request_of("a");
  first.prompt = {5};
  first.ignore_end = true;
  first.maximum_tokens = 200;
  std::optional<Error> error;
  bool ended_before_first = false;
  std::promise<void> done;
  bool ended = false;
  tiny.scheduler().submit(std::move(first), [&](const GenerationEvent& event) {
    if (event.usage.completion_tokens == 1) {
      auto late = request_of("b");
      late.prompt = {6};
      late.context->deadline = std::chrono::steady_clock::now();
      tiny.scheduler().submit(std::move(late), [&](const GenerationEvent& late_event) {
        error = late_event.error;
        ended = true;
      });
    }
    if (event.finish) {
      ended_before_first = ended;
      done.set_value();
    }
  });
  done.get_future().wait();
  EXPECT_TRUE(ended_before_first);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::kDeadlineExceeded);
}

TEST(Queue, IsBoundedByTokensToo) {
  EngineOptions options;
  options.context_tokens = 256;
  options.parallel_sequences = 1;
  options.queued_tokens = 100;
  TinyScheduler tiny("llama", options);
  auto first = request_of("a");
  first.prompt = {5};
  first.maximum_tokens = 3;
  first.ignore_end = true;
  std::vector<std::string> refusals;
  std::vector<std::future<TinyScheduler::Answer>> answers;
  std::promise<void> done;
  tiny.scheduler().submit(std::move(first), [&](const GenerationEvent& event) {
    if (event.finish) done.set_value();
    if (event.usage.completion_tokens != 1) return;
    for (const std::size_t tokens : {200, 1, 50}) {  // the first waits alone, whatever its length
      auto request = request_of("b");
      request.prompt.assign(tokens, 7);
      request.maximum_tokens = 1;
      try {
        answers.push_back(tiny.submit(std::move(request)));
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::kOverloaded);
        refusals.push_back(error.message());
      }
    }
  });
  done.get_future().wait();
  for (auto& answer : answers) answer.get();
  ASSERT_EQ(answers.size(), 1u);
  ASSERT_EQ(refusals.size(), 2u);
  EXPECT_NE(refusals[1].find("200 tokens"), std::string::npos) << refusals[1];
  EXPECT_NE(refusals[1].find("50"), std::string::npos) << refusals[1];
  EXPECT_EQ(tiny.generate([&] {
                  auto again = request_of("b");
                  again.prompt.assign(200, 7);
                  again.maximum_tokens = 1;
                  return again;
                }())
                .tokens.size(),
            1u);
}

}  // namespace
}  // namespace hearth::engine
