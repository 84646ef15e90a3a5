// The engine behind the server's view of a model.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "engine/engine.h"
#include "server/serving/model_provider.h"

namespace hearth::server {

// What a model tells of itself once it is loaded.
class LoadedModel : public ServedModel {
 public:
  virtual std::int32_t context_tokens() const = 0;
  virtual engine::Engine::Load load() const = 0;
};

// store::ModelRecord::digest; where it is empty, one that is unlike every other.
std::string digest_or_unique(std::string digest);

class EngineModel : public LoadedModel {
 public:
  // Loads; throws as engine::Engine::load does. `digest` as store::ModelRecord::digest; where it is empty,
  // this model is taken for unlike every other.
  EngineModel(std::string id, std::string digest, std::shared_ptr<engine::Compute> compute,
              const std::filesystem::path& path, const engine::EngineOptions& options);

  const std::string& id() const override { return id_; }
  std::vector<std::int32_t> tokenize_chat(const ChatPrompt& prompt) const override;
  std::vector<std::int32_t> tokenize_prompt(std::string_view text) const override;
  std::optional<text::Thinking> thinking_behind(std::span<const std::int32_t> prompt) const override {
    return engine_->thinking_behind(prompt);
  }
  std::string render_chat(const ChatPrompt& prompt) const override;
  const text::Tokenizer* tokenizer() const override { return &engine_->tokenizer(); }
  const std::string& fingerprint() const override { return engine_->fingerprint(); }
  const std::string& digest() const override { return digest_; }
  engine::SamplingOptions default_sampling() const override { return {}; }
  void check_room() const override;
  void submit(engine::GenerationRequest request, engine::GenerationCallback callback) override;

  std::int32_t context_tokens() const override { return engine_->context_tokens(); }
  engine::Engine::Load load() const override { return engine_->load(); }
  engine::Engine& engine() { return *engine_; }

 private:
  const std::string id_, digest_;
  const std::unique_ptr<engine::Engine> engine_;
};

// The memory that loading `path` with these options will take, computed without loading.
std::size_t planned_bytes(const std::filesystem::path& path, const engine::EngineOptions& options);

}  // namespace hearth::server
