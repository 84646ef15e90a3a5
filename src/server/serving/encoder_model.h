// The engine's embedder behind the server's view of a model. What only a model that writes text can do is an
// error that says which route this one is for.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "engine/embedder.h"
#include "server/serving/engine_model.h"
#include "store/record.h"

namespace hearth::server {

class EncoderModel : public LoadedModel {
 public:
  // Loads; throws as engine::Embedder::load does. `digest` as EngineModel's.
  EncoderModel(std::string id, std::string digest, std::shared_ptr<engine::Compute> compute,
               const std::filesystem::path& path, const engine::EmbedderOptions& options);

  const std::string& id() const override { return id_; }
  std::vector<std::int32_t> tokenize_chat(const ChatPrompt& prompt) const override;
  std::vector<std::int32_t> tokenize_prompt(std::string_view text) const override;
  std::vector<std::int32_t> tokenize_infill(std::string_view, std::string_view) const override { refuse(); }
  std::string render_chat(const ChatPrompt& /*prompt*/) const override { refuse(); }
  const text::Tokenizer* tokenizer() const override { return nullptr; }
  const std::string& fingerprint() const override { return embedder_->fingerprint(); }
  const std::string& digest() const override { return digest_; }
  engine::SamplingOptions default_sampling() const override { return {}; }
  void check_room() const override { refuse(); }
  void submit(engine::GenerationRequest request, engine::GenerationCallback callback) override;
  engine::Embedder* embedder() override { return embedder_.get(); }

  std::int32_t context_tokens() const override { return embedder_->configuration().maximum_tokens; }
  engine::Engine::Load load() const override { return embedder_->queue(); }

 private:
  [[noreturn]] void refuse() const;

  const std::string id_, digest_;
  const std::unique_ptr<engine::Embedder> embedder_;
};

// Reads no more than a model's configuration; false where that cannot be read.
bool is_encoder(const store::ModelRecord& record);

// How encoders are loaded beside models that have these options.
engine::EmbedderOptions embedder_options(const engine::EngineOptions& options,
                                         models::EncoderPrecision precision);

}  // namespace hearth::server
