// The scheduler with a tiny random model of tests/data/models, which have no tokenizer of their own.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/model.h"
#include "engine/scheduler.h"

namespace hearth::engine {

// One token for each of 96 characters, the size of the tiny models' vocabulary.
inline std::shared_ptr<const text::Tokenizer> tiny_tokenizer() {
  nlohmann::json vocabulary = {{"\u0120", 0}, {"\u010a", 1}};
  for (int i = 2; i < 96; ++i) vocabulary[std::string(1, static_cast<char>('!' + i - 2))] = i;
  const nlohmann::json tokenizer = {
      {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", nlohmann::json::array()}}},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}},
      {"decoder", {{"type", "ByteLevel"}}}};
  return text::Tokenizer::from_json(tokenizer.dump());
}

// Of a dozen that differ, each with an answer that grows over several pages.
inline GenerationRequest request_that_grows(int i) {
  GenerationRequest request;
  for (int j = 0; j < 20 + i; ++j) request.prompt.push_back(2 + (i + 1) * j % 90);
  request.maximum_tokens = 120;
  request.ignore_end = true;
  request.seed = static_cast<std::uint64_t>(i);
  request.sampling.temperature = 1;
  return request;
}

class TinyScheduler {
 public:
  static formats::ModelFiles open(const std::string& model) {
    return formats::ModelFiles::open(std::filesystem::path(HEARTH_TEST_DATA) / "models" / model /
                                     "model.gguf");
  }
  // `draft`: a second model, for speculation; empty: none.
  TinyScheduler(const std::string& model, const EngineOptions& options, const std::string& draft = "")
      : files_(open(model)),
        options_(resolve_options(options, models::read_decoder_configuration(files_))),
        context_(compute_->team(), options_.numerics),
        decoder_(load(files_)) {
    if (!draft.empty()) draft_ = load(open(draft));
    scheduler_ = std::make_unique<Scheduler>(compute_, context_, *decoder_, *tokenizer_, options_, model,
                                             draft_.get());
  }

  struct Answer {
    std::vector<std::int32_t> tokens;
    std::string text;
    std::vector<TokenLogProbabilities> log_probabilities;
    FinishReason finish{};
    Usage usage;
  };
  std::future<Answer> submit(GenerationRequest request) {
    struct Running {
      Answer answer;
      std::promise<Answer> done;
    };
    const auto running = std::make_shared<Running>();
    if (!request.context) request.context = std::make_shared<RequestContext>();
    scheduler_->submit(std::move(request), [running](const GenerationEvent& event) {
      Answer& answer = running->answer;
      answer.tokens.insert(answer.tokens.end(), event.tokens.begin(), event.tokens.end());
      answer.text += event.text;
      for (const auto& token : event.log_probabilities) answer.log_probabilities.push_back(token);
      if (!event.finish) return;
      EXPECT_FALSE(event.error) << event.error->what();
      answer.finish = *event.finish;
      answer.usage = event.usage;
      running->done.set_value(answer);
    });
    return running->done.get_future();
  }
  Answer generate(GenerationRequest request) { return submit(std::move(request)).get(); }

  Scheduler& scheduler() { return *scheduler_; }
  // Once nothing runs any more.
  Engine::Load load_at_rest() {
    for (int i = 0; i < 1000 && scheduler_->load().running > 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return scheduler_->load();
  }

 private:
  std::unique_ptr<models::Decoder> load(const formats::ModelFiles& files) {
    return models::Decoder::load(context_, files,
                                 {.context_tokens = options_.context_tokens, .progress = {}});
  }

  const std::shared_ptr<Compute> compute_ = std::make_shared<Compute>(1);
  const std::shared_ptr<const text::Tokenizer> tokenizer_ = tiny_tokenizer();
  formats::ModelFiles files_;
  EngineOptions options_;
  kernels::ExecutionContext context_;
  std::unique_ptr<models::Decoder> decoder_, draft_;
  std::unique_ptr<Scheduler> scheduler_;
};

}  // namespace hearth::engine
