#include "server/serving/encoder_model.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "formats/e5_file.h"

namespace hearth::server {

EncoderModel::EncoderModel(std::string id, std::string digest, std::shared_ptr<engine::Compute> compute,
                           const std::filesystem::path& path, const engine::EmbedderOptions& options)
    : id_(std::move(id)),
      digest_(digest_or_unique(std::move(digest))),
      embedder_(engine::Embedder::load(std::move(compute), path, options)) {}

void EncoderModel::refuse() const {
  const bool ranks = embedder_->configuration().classes > 0;
  throw Error(ErrorKind::kUnsupported,
              fmt::format("`{}` {} and writes no text.", id_, ranks ? "ranks documents" : "makes embeddings"),
              ranks ? "ask it at /v1/rerank" : "ask it at /v1/embeddings or /v1/rerank")
      .with_field("model");
}

std::vector<std::int32_t> EncoderModel::tokenize_chat(const ChatPrompt& /*prompt*/) const { refuse(); }
std::vector<std::int32_t> EncoderModel::tokenize_prompt(std::string_view /*text*/) const { refuse(); }
void EncoderModel::submit(engine::GenerationRequest /*request*/, engine::GenerationCallback /*callback*/) {
  refuse();
}

bool is_encoder(const store::ModelRecord& record) {
  constexpr std::size_t kMostBytes = std::size_t{4} << 20;
  const std::filesystem::path file = record.path / "config.json";
  std::error_code ignored;
  if (std::filesystem::is_regular_file(record.path, ignored)) return formats::is_e5_file(record.path);
  if (!std::filesystem::exists(file, ignored)) return false;
  try {
    return models::is_encoder_configuration(parse_json(read_file(file, kMostBytes), file.string()));
  } catch (const Error&) {
    return false;  // loading it will say what is wrong
  }
}

engine::EmbedderOptions embedder_options(const engine::EngineOptions& options,
                                         models::EncoderPrecision precision) {
  engine::EmbedderOptions embedder;
  embedder.precision = precision;
  embedder.queue_limit = options.queue_limit;
  embedder.queued_tokens = options.queued_tokens;
  embedder.load_progress = options.load_progress;
  return embedder;
}

}  // namespace hearth::server
