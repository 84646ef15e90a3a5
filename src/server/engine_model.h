// The engine behind the server's view of a model.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "engine/engine.h"
#include "server/model_provider.h"

namespace hearth::server {

class EngineModel : public ServedModel {
 public:
  // Loads; throws as engine::Engine::load does. `digest` as store::ModelRecord::digest; where it is empty,
  // this model is taken for unlike every other.
  EngineModel(std::string id, std::string digest, std::shared_ptr<engine::Compute> compute,
              const std::filesystem::path& path, const engine::EngineOptions& options);

  const std::string& id() const override { return id_; }
  std::vector<std::int32_t> tokenize_chat(const ChatPrompt& prompt) const override;
  std::vector<std::int32_t> tokenize_prompt(std::string_view text) const override;
  const std::string& fingerprint() const override { return engine_->fingerprint(); }
  const std::string& digest() const override { return digest_; }
  engine::SamplingOptions default_sampling() const override { return {}; }
  void check_room() const override;
  void submit(engine::GenerationRequest request, engine::GenerationCallback callback) override;

  std::int32_t context_tokens() const { return engine_->context_tokens(); }
  engine::Engine& engine() { return *engine_; }

 private:
  const std::string id_, digest_;
  const std::unique_ptr<engine::Engine> engine_;
};

// The memory that loading `path` with these options will take, computed without loading.
std::size_t planned_bytes(const std::filesystem::path& path, const engine::EngineOptions& options);

}  // namespace hearth::server
