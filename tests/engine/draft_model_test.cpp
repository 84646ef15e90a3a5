// Drafts by a model: first layers or a second model change no token, whatever runs beside, and a model that
// drafts for itself is always right.
#include "engine/draft_model.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "engine/tiny_scheduler.h"

namespace hearth::engine {
namespace {

using Answer = TinyScheduler::Answer;

GenerationRequest ask(float temperature, std::uint64_t seed = 3, int prompt = 70) {
  GenerationRequest request;
  for (int i = 0; i < prompt; ++i)
    request.prompt.push_back(static_cast<std::int32_t>((i * i + 7 * i + static_cast<int>(seed)) % 96));
  request.sampling.temperature = temperature;
  request.seed = seed;
  return request;
}

void expect_same(const Answer& answer, const Answer& plain) {
  EXPECT_EQ(answer.tokens, plain.tokens);
  EXPECT_EQ(answer.text, plain.text);
  EXPECT_EQ(answer.finish, plain.finish);
  EXPECT_EQ(answer.usage.completion_tokens, plain.usage.completion_tokens);
}

struct Drafts {
  const char* model;
  const char* draft;  // "": its own first layers
};

class DraftModelTest : public testing::TestWithParam<Drafts> {
 protected:
  DraftModelTest() {
    set_log_level(LogLevel::kOff);  // which says that a draft as slow as the model is not worth it
    options_.batch_rows = 16;  // small: prompts and catching up come in chunks, windows leave pages behind
    options_.parallel_sequences = 4;
    options_.context_tokens = 160;
    options_.speculation.draft_tokens = 6;
    options_.speculation.always_draft = true;
    if (*GetParam().draft == '\0') options_.speculation.draft_layers = 1;
  }
  TinyScheduler load() const { return {GetParam().model, options_, GetParam().draft}; }

  // Answers with and without drafts, and compares all of both; returns the one of the draft model alone.
  static Answer compare(TinyScheduler& scheduler, GenerationRequest request) {
    request.look_up = request.draft_model = false;
    const Answer plain = scheduler.generate(request);
    EXPECT_EQ(plain.usage.drafted_tokens, 0);
    request.look_up = request.draft_model = true;
    expect_same(scheduler.generate(request), plain);
    request.look_up = false;
    const Answer answer = scheduler.generate(request);
    expect_same(answer, plain);
    EXPECT_LE(answer.usage.accepted_tokens, answer.usage.drafted_tokens);
    return answer;
  }

  EngineOptions options_;
};

TEST_P(DraftModelTest, TheTokensAreTheSameToTheEndOfTheContext) {
  for (const bool always : {true, false}) {
    options_.speculation.always_draft = always;
    TinyScheduler scheduler = load();
    for (const float temperature : {0.0f, 0.3f, 1.0f}) {
      const Answer answer = compare(scheduler, ask(temperature));
      EXPECT_EQ(answer.tokens.size(), 160u - 70u);
      if (always) {
        EXPECT_GE(answer.usage.drafted_tokens, 72);  // six of each seven, or more
      }
    }
    const Engine::Load load = scheduler.load_at_rest();
    EXPECT_EQ(load.free_pages, load.total_pages);
  }
}

TEST_P(DraftModelTest, LimitsStopStringsAndPenaltiesHoldInsideADraft) {
  TinyScheduler scheduler = load();
  const std::string text = scheduler.generate(ask(1)).text;
  GenerationRequest stops = ask(1);
  stops.stop_strings = {text.substr(20, 3)};
  EXPECT_EQ(compare(scheduler, stops).finish, FinishReason::kStop);
  for (std::int32_t most = 1; most < 20; most += 3) {
    GenerationRequest limited = ask(1);
    limited.maximum_tokens = most;
    EXPECT_EQ(compare(scheduler, limited).tokens.size(), static_cast<std::size_t>(most));
  }
  GenerationRequest penalised = ask(0.5f);
  penalised.sampling.frequency_penalty = 0.5f;
  penalised.sampling.repetition_penalty = 1.2f;
  compare(scheduler, penalised);
}

TEST_P(DraftModelTest, BesideOthersThatComeGoAndAreCancelledTheTokensAreTheSame) {
  TinyScheduler scheduler = load();
  std::vector<GenerationRequest> requests;
  for (int i = 0; i < 9; ++i) {
    requests.push_back(ask(i % 2 == 0 ? 0.0f : 1.0f, static_cast<std::uint64_t>(i), 5 + 17 * (i % 4)));
    requests.back().maximum_tokens = 30 + 10 * (i % 3);
    requests.back().look_up = i % 4 != 3;
  }
  std::vector<Answer> plain;
  for (GenerationRequest request : requests) {
    request.look_up = request.draft_model = false;
    plain.push_back(scheduler.generate(std::move(request)));
  }
  requests[4].draft_model = false;
  std::vector<std::future<Answer>> answers;
  std::vector<std::shared_ptr<RequestContext>> contexts;
  for (GenerationRequest request : requests) {
    contexts.push_back(request.context = std::make_shared<RequestContext>());
    answers.push_back(scheduler.submit(std::move(request)));
    if (answers.size() == 6) contexts[5]->cancelled = true;
  }
  contexts[2]->cancelled = true;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Answer answer = answers[i].get();
    if (answer.finish == FinishReason::kCancelled) {
      EXPECT_TRUE(i == 2 || i == 5);
      EXPECT_TRUE(std::equal(answer.tokens.begin(), answer.tokens.end(), plain[i].tokens.begin()));
    } else {
      expect_same(answer, plain[i]);
    }
  }
  const Engine::Load load = scheduler.load_at_rest();
  EXPECT_EQ(load.free_pages, load.total_pages);
}

TEST_P(DraftModelTest, CancelledFromItsOwnCallbackItStopsAtTheSameToken) {
  TinyScheduler scheduler = load();
  for (const std::size_t stop_after : {11u, 30u}) {
    GenerationRequest request = ask(1);
    request.context = std::make_shared<RequestContext>();
    const auto context = request.context;
    std::promise<FinishReason> finished;
    std::size_t tokens = 0;
    scheduler.scheduler().submit(std::move(request), [&](const GenerationEvent& event) {
      tokens += event.tokens.size();
      if (tokens == stop_after) context->cancelled = true;
      if (event.finish) finished.set_value(*event.finish);
    });
    EXPECT_EQ(finished.get_future().get(), FinishReason::kCancelled);
    EXPECT_EQ(tokens, stop_after);
  }
  const Engine::Load load = scheduler.load_at_rest();
  EXPECT_EQ(load.free_pages, load.total_pages);
}

// Windows in neither, in both, in one; full ones of several kinds; a mixture.
INSTANTIATE_TEST_SUITE_P(Models, DraftModelTest,
                         testing::Values(Drafts{"llama", ""}, Drafts{"mistral", ""},
                                         Drafts{"qwen2_window", ""}, Drafts{"gemma3", ""},
                                         Drafts{"qwen2moe", ""}, Drafts{"llama", "llama"},
                                         Drafts{"gemma3", "gemma3"}, Drafts{"mistral", "llama"},
                                         Drafts{"llama", "mistral"}, Drafts{"gemma2", "qwen2_window"}),
                         [](const auto& info) {
                           return std::string(info.param.model) +
                                  (*info.param.draft == '\0' ? "_layers" : "_by_") + info.param.draft;
                         });

class OwnDraft : public testing::TestWithParam<const char*> {};

TEST_P(OwnDraft, AModelThatDraftsForItselfIsAlwaysRight) {
  EngineOptions options;
  options.batch_rows = 32;
  options.parallel_sequences = 2;
  options.context_tokens = 300;
  options.speculation.draft_tokens = 6;
  options.speculation.always_draft = true;
  TinyScheduler scheduler(GetParam(), options, GetParam());
  for (const float temperature : {0.0f, 1.0f}) {
    GenerationRequest request = ask(temperature, 5, 20);  // one chunk
    request.maximum_tokens = 1 + 7 * 30;                  // the first comes of the prompt
    request.look_up = false;
    const std::int64_t before = scheduler.load_at_rest().steps;
    const Answer answer = scheduler.generate(request);
    EXPECT_EQ(answer.usage.drafted_tokens, 6 * 30);
    EXPECT_EQ(answer.usage.accepted_tokens, 6 * 30);
    EXPECT_EQ(scheduler.load_at_rest().steps - before, 1 + 30);
  }
  // Two at once share the rows.
  GenerationRequest first = ask(1, 6, 20), second = ask(1, 7, 30);
  first.look_up = second.look_up = false;
  auto one = scheduler.submit(std::move(first)), other = scheduler.submit(std::move(second));
  for (auto* answer : {&one, &other}) {
    const Usage usage = answer->get().usage;
    EXPECT_EQ(usage.accepted_tokens, usage.drafted_tokens);
    EXPECT_GT(usage.accepted_tokens, 190);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, OwnDraft, testing::Values("llama", "gemma3", "mistral", "qwen3moe"));

// A draft model with a window or without, whose guesses are mostly rejected.
class RejectedDraft : public testing::TestWithParam<const char*> {
 protected:
  // Its guesses after these tokens, in a sequence that is new to it or not.
  std::vector<std::int32_t> guess(DraftModel& draft, Sequence& sequence) {
    Sequence* const one = &sequence;
    const std::size_t before = sequence.tokens().size();
    draft.draft(std::span(&one, 1), 6, 0);
    const auto guessed = sequence.tokens_and_draft().subspan(before);
    return {guessed.begin(), guessed.end()};
  }
  void begin(Sequence& sequence, DraftModel& draft) {
    sequence.enter(shares_);
    sequence.admit(cache_, nullptr, options_.speculation);
    draft.admit(sequence);
    sequence.mark_computed(sequence.pending() - 1);
  }
  static EngineOptions make_options() {
    EngineOptions options;
    options.batch_rows = 128;
    options.context_tokens = 128;
    options.parallel_sequences = 4;
    options.speculation.always_draft = true;
    return options;
  }

  const EngineOptions options_ = make_options();
  ThreadTeam team_{1};
  kernels::ExecutionContext context_{team_};
  const formats::ModelFiles files_ = TinyScheduler::open(GetParam());
  const std::unique_ptr<models::Decoder> decoder_ = models::Decoder::load(context_, files_);
  KeyValueCache cache_{decoder_->configuration(), options_.numerics.key_value_cache, cache_size(options_)};
  FairShare shares_;
  BatchSampler sampler_{team_, 96};
  DraftModel draft_{context_, *decoder_, cache_, decoder_.get(), options_, sampler_};
};

TEST_P(RejectedDraft, ItGuessesAsIfItHadReadTheTextForTheFirstTime) {
  const auto tokenizer = tiny_tokenizer();
  GenerationRequest request = ask(1, 4, 20);
  request.context = std::make_shared<RequestContext>();
  Sequence sequence(
      request, [](const GenerationEvent&) {}, *tokenizer, 128);
  begin(sequence, draft_);
  for (int step = 0; step < 12; ++step) {
    const auto guessed = guess(draft_, sequence);
    ASSERT_EQ(guessed.size(), 6u);
    GenerationRequest same = request;
    same.prompt.assign(sequence.tokens().begin(), sequence.tokens().end());
    Sequence anew(
        std::move(same), [](const GenerationEvent&) {}, *tokenizer, 128);
    begin(anew, draft_);
    EXPECT_EQ(guess(draft_, anew), guessed) << "step " << step;
    // None to all of the guesses hold; then another token comes, or the one after them all.
    for (int i = 0; i < step % 7; ++i) EXPECT_TRUE(sequence.accept(guessed[static_cast<std::size_t>(i)]));
    sequence.mark_computed(1);
    const auto next = static_cast<std::size_t>(step % 7);
    EXPECT_FALSE(sequence.accept(next < 6 ? (guessed[next] + 1) % 96 : 5));
  }
}

INSTANTIATE_TEST_SUITE_P(Models, RejectedDraft, testing::Values("llama", "gemma3", "mistral"));

TEST(ModelSpeculation, AModelThatIsNeverRightIsSoonAskedHardlyEver) {
  ModelSpeculation speculation(nullptr, 0);
  constexpr float kLeast = 0.4f;
  int asked = 0;
  for (int token = 0; token < 1000; ++token) {
    if (speculation.chance() >= kLeast) {
      ++asked;
      speculation.learn(false);
    } else {
      speculation.rest();
    }
  }
  EXPECT_GT(asked, 5);   // it had its chance
  EXPECT_LT(asked, 60);  // and cost a token of a draft in twenty
  // Text that it can guess: it is back within the tokens between two tries.
  int right = 0;
  for (int token = 0; token < 200; ++token) {
    if (speculation.chance() >= kLeast) {
      ++right;
      speculation.learn(true);
    } else {
      speculation.rest();
    }
  }
  EXPECT_GT(right, 100);
}

TEST(ModelSpeculation, WhatDiffersFromTheDraftIsReadAgain) {
  ModelSpeculation speculation(nullptr, 0);
  speculation.set_computed(10);
  speculation.differs_at(12);
  EXPECT_EQ(speculation.computed(), 10);
  speculation.differs_at(7);
  EXPECT_EQ(speculation.computed(), 7);
}

}  // namespace
}  // namespace hearth::engine
