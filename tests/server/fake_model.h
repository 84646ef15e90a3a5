// A scripted model in the engine's place: says given pieces, at a given pace, and fails or waits on demand.
// Its tokens are the words of a text.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <sstream>
#include <thread>

#include "engine/queue_drain.h"
#include "server/serving/model_provider.h"

namespace hearth::server {

struct FakeScript {
  std::vector<std::string> pieces = {"Rivers", " carry", " water", "."};
  std::vector<std::string> thoughts = {};                // before the pieces
  std::chrono::milliseconds pace{0};                     // before each piece
  std::optional<Error> fails_after = std::nullopt;       // instead of an end
  std::optional<Error> refuses = std::nullopt;           // submit() throws this
  std::optional<engine::QueueFull> full = std::nullopt;  // or this
  bool endless = false;                                  // repeats the pieces until it is cancelled
  engine::FinishReason finish = engine::FinishReason::kStop;
};

class FakeModel : public ServedModel {
 public:
  explicit FakeModel(std::string id, FakeScript script = {})
      : id_(std::move(id)), script_(std::move(script)) {}

  const std::string& id() const override { return id_; }
  std::vector<std::int32_t> tokenize_chat(const ChatPrompt& prompt) const override {
    ++tokenized_;
    std::string all;
    for (const auto& message : prompt.messages)
      if (message["content"].is_string()) all += message["content"].get<std::string>() + " ";
    const std::lock_guard lock(mutex_);
    last_prompt_ = prompt;
    return words(all);
  }
  std::vector<std::int32_t> tokenize_prompt(std::string_view text) const override {
    ++tokenized_;
    return words(std::string(text));
  }
  std::string render_chat(const ChatPrompt& prompt) const override { return prompt.messages.dump(); }
  const text::Tokenizer* tokenizer() const override { return nullptr; }
  const std::string& fingerprint() const override { return fingerprint_; }
  const std::string& digest() const override { return id_; }
  engine::SamplingOptions default_sampling() const override { return {}; }

  void check_room() const override {
    if (script_.full) throw *script_.full;
  }
  void submit(engine::GenerationRequest request, engine::GenerationCallback callback) override {
    if (script_.refuses) throw *script_.refuses;
    check_room();
    check(request);
    const std::lock_guard lock(mutex_);
    last_request_ = request;
    ++running_;
    threads_.emplace_back([this, request = std::move(request), callback = std::move(callback)] {
      generate(request, callback);
      --running_;
    });
  }

  int running() const { return running_; }
  int steps() const { return steps_; }
  int tokenized() const { return tokenized_; }
  engine::GenerationRequest last_request() const {
    const std::lock_guard lock(mutex_);
    return last_request_;
  }
  ChatPrompt last_prompt() const {
    const std::lock_guard lock(mutex_);
    return last_prompt_;
  }

 private:
  // As the engine does, for a context of 64 and a vocabulary of 1,000.
  static void check(const engine::GenerationRequest& request) {
    if (request.prompt.empty())
      throw Error(ErrorKind::kInvalidArgument, "the prompt is empty").with_field("prompt");
    if (request.prompt.size() >= 64)
      throw engine::PromptTooLong(static_cast<std::int64_t>(request.prompt.size()), 64);
    for (const std::int32_t token : request.prompt)
      if (token >= 1000)
        throw Error(ErrorKind::kInvalidArgument, "token not in the vocabulary").with_field("prompt");
  }

  static std::vector<std::int32_t> words(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::int32_t> ids;
    for (std::string word; stream >> word;) ids.push_back(static_cast<std::int32_t>(ids.size()));
    return ids;
  }

  void generate(const engine::GenerationRequest& request, const engine::GenerationCallback& callback) {
    engine::GenerationEvent event;
    event.usage.prompt_tokens = static_cast<std::int32_t>(request.prompt.size());
    for (const std::string& thought : script_.thoughts) {
      ++event.usage.completion_tokens;
      ++event.usage.reasoning_tokens;
      event.reasoning = thought;
      callback(event);
    }
    event.reasoning.clear();
    do {
      for (const std::string& piece : script_.pieces) {
        std::this_thread::sleep_for(script_.pace);
        if (request.context->cancelled) {
          event.text.clear();
          event.finish = engine::FinishReason::kCancelled;
          return callback(event);
        }
        ++steps_;
        ++event.usage.completion_tokens;
        event.text = piece;
        callback(event);
      }
    } while (script_.endless);
    event.text.clear();
    event.finish = script_.fails_after ? engine::FinishReason::kError : script_.finish;
    event.error = script_.fails_after;
    callback(event);
  }

  const std::string id_, fingerprint_ = "fp_fake";
  const FakeScript script_;
  mutable std::mutex mutex_;
  mutable ChatPrompt last_prompt_;
  engine::GenerationRequest last_request_;
  std::atomic<int> running_{0}, steps_{0};
  mutable std::atomic<int> tokenized_{0};
  std::vector<std::jthread> threads_;  // last: joined before what they use is gone
};

// Models by name, with no loading.
class FakeProvider : public ModelProvider {
 public:
  std::shared_ptr<FakeModel> add(std::string id, FakeScript script = {}) {
    models_.push_back(std::make_shared<FakeModel>(std::move(id), std::move(script)));
    return models_.back();
  }
  std::vector<ModelStatus> models() override {
    std::vector<ModelStatus> all;
    for (const auto& model : models_) all.push_back({.id = model->id(), .state = ModelState::kLoaded});
    return all;
  }
  std::vector<ModelActivity> activity() override { return scripted_activity; }
  Forgotten forget_tenant(const std::string& tenant) override {
    forgotten_tenants.push_back(tenant);
    return {.pages = 3, .files = 2};
  }
  std::string default_model() override { return models_.empty() ? "" : models_.front()->id(); }
  void acquire(const std::string& id, Acquired callback) override {
    for (const auto& model : models_)
      if (model->id() == id) return callback(model, std::nullopt);
    callback(nullptr, Error(ErrorKind::kNotFound, "There is no model `" + id + "`.").with_field("model"));
  }

  std::vector<ModelActivity> scripted_activity;
  std::vector<std::string> forgotten_tenants;

 private:
  std::vector<std::shared_ptr<FakeModel>> models_;
};

}  // namespace hearth::server
