// One observed answer among neighbours that join, leave and are cancelled, for tests of reproducibility.
//
// Everything happens at fixed tokens of the answers, from the engine's own callbacks, so that a run mixes the
// same rows whenever it is repeated: a first neighbour, whose prompt is one token, brings half of the others
// and the observed request with its first token; the observed answer brings the rest with its eighth, and
// ends them with its last. Instead of neighbours there may be a rival, which comes first and grows until the
// cache has no room for both.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "engine/engine.h"

namespace hearth::engine {

using Digests = std::vector<std::uint64_t>;  // of the raw logits of each token of an answer

class Crowd {
 public:
  static constexpr std::int32_t kOneTokenAnswer = 12;  // tokens of the first neighbour's answer

  // `prompt` is the observed one's; the neighbours take pieces of it.
  Crowd(Engine& engine, std::vector<std::int32_t> prompt, std::int32_t tokens, int neighbours, bool speculate)
      : engine_(engine),
        prompt_(std::move(prompt)),
        tokens_(tokens),
        neighbours_(neighbours),
        speculate_(speculate) {}

  // The rival answers this until its context is full; none: no rival. REQUIRES: no neighbours.
  std::vector<std::int32_t> rival_prompt;

  // Returns when all have ended.
  void run() {
    if (!rival_prompt.empty())
      submit_rival();
    else if (neighbours_ == 0)
      submit_observed();
    else
      submit_first_neighbour();
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return unfinished_ == 0; });
  }

  // The first neighbour's request by itself.
  void run_one_token_prompt() {
    neighbours_ = 0;
    submit_first_neighbour();
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return unfinished_ == 0; });
  }

  Digests observed, one_token_prompt;
  std::int32_t drafted = 0, cached = 0, most_running = 0;
  std::vector<std::string> errors;

 private:
  GenerationRequest request(std::vector<std::int32_t> prompt, std::int32_t tokens, std::uint64_t seed) const {
    GenerationRequest request;
    request.context = std::make_shared<RequestContext>();
    request.prompt = std::move(prompt);
    request.maximum_tokens = tokens;
    request.sampling.temperature = 1.0f;
    request.seed = seed;
    request.ignore_end = true;
    request.look_up = request.draft_model = speculate_;
    return request;
  }

  // `then` sees each event after it is counted.
  void submit(GenerationRequest request, const std::function<void(const GenerationEvent&)>& then) {
    {
      const std::lock_guard lock(mutex_);
      ++unfinished_;
    }
    engine_.submit(std::move(request), [this, then](const GenerationEvent& event) {
      then(event);
      if (!event.finish) return;
      const std::lock_guard lock(mutex_);
      if (event.error) errors.push_back(event.error->message());
      if (--unfinished_ == 0) ended_.notify_all();
    });
  }

  void submit_observed() {
    GenerationRequest observed_request = request(prompt_, tokens_, 7);
    observed_request.observe_logits = [this](std::uint64_t digest) { observed.push_back(digest); };
    submit(std::move(observed_request), [this](const GenerationEvent& event) {
      drafted = event.usage.drafted_tokens;
      cached = event.usage.cached_tokens;
      most_running = std::max(most_running, engine_.load().running);
      if (event.finish)
        for (const auto& context : contexts_) context->cancelled = true;
      else if (event.usage.completion_tokens == 8)
        for (int i = neighbours_ / 2 + 1; i < neighbours_; ++i) submit_neighbour(i);
    });
  }

  void submit_rival() {
    submit(request(rival_prompt, 0, 3), [this](const GenerationEvent& event) {
      if (event.usage.completion_tokens == 1) submit_observed();
    });
  }

  void submit_first_neighbour() {
    GenerationRequest first = request({prompt_[0]}, kOneTokenAnswer, 1);
    first.observe_logits = [this](std::uint64_t digest) { one_token_prompt.push_back(digest); };
    submit(std::move(first), [this](const GenerationEvent& event) {
      if (neighbours_ == 0 || event.usage.completion_tokens != 1) return;
      for (int i = 1; i <= neighbours_ / 4; ++i) submit_neighbour(i);
      submit_observed();
      for (int i = neighbours_ / 4 + 1; i <= neighbours_ / 2; ++i) submit_neighbour(i);
    });
  }

  // Prompts of 1 to 60 tokens, answers of 12 to 60; every third is cancelled after its sixth token.
  void submit_neighbour(int i) {
    const std::size_t first = static_cast<std::size_t>(i) * 5 % (prompt_.size() / 2);
    const std::size_t count = std::min(static_cast<std::size_t>(i) * 13 % 60 + 1, prompt_.size() - first);
    const auto start = prompt_.begin() + static_cast<std::ptrdiff_t>(first);
    GenerationRequest neighbour = request({start, start + static_cast<std::ptrdiff_t>(count)},
                                          12 + i * 7 % 49, static_cast<std::uint64_t>(i) + 100);
    const auto context = contexts_.emplace_back(neighbour.context);
    const bool leaves = i % 3 == 2;
    submit(std::move(neighbour), [context, leaves](const GenerationEvent& event) {
      if (leaves && event.usage.completion_tokens == 6) context->cancelled = true;
    });
  }

  Engine& engine_;
  const std::vector<std::int32_t> prompt_;
  const std::int32_t tokens_;
  int neighbours_;
  const bool speculate_;
  std::vector<std::shared_ptr<RequestContext>> contexts_;  // but for the first one's
  std::mutex mutex_;                                       // guards unfinished_ and errors
  std::condition_variable ended_;
  int unfinished_ = 0;
};

}  // namespace hearth::engine
