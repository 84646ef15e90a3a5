#include "server/serving/engine_model.h"

#include <fmt/format.h>

#include <atomic>
#include <utility>

#include "engine/model.h"
#include "formats/model_files.h"
#include "kernels/isa.h"
#include "models/memory_plan.h"

namespace hearth::server {

// What a path leads to may be another file the next time.
std::string digest_or_unique(std::string digest) {
  static std::atomic<std::int64_t> loads{0};
  return digest.empty() ? fmt::format("load {}", ++loads) : digest;
}

EngineModel::EngineModel(std::string id, std::string digest, std::shared_ptr<engine::Compute> compute,
                         const std::filesystem::path& path, const engine::EngineOptions& options)
    : id_(std::move(id)),
      digest_(digest_or_unique(std::move(digest))),
      engine_(engine::Engine::load(std::move(compute), path, options)) {}

namespace {

text::ChatRequest chat_of(const ChatPrompt& prompt) {
  text::ChatRequest request;
  request.messages = prompt.messages;
  request.tools = prompt.tools;
  request.variables = prompt.variables;
  return request;
}

}  // namespace

std::vector<std::int32_t> EngineModel::tokenize_chat(const ChatPrompt& prompt) const {
  return engine_->tokenize_chat(chat_of(prompt));
}

std::string EngineModel::render_chat(const ChatPrompt& prompt) const {
  return text::joined_text(engine_->render_chat(chat_of(prompt)));
}

std::vector<std::int32_t> EngineModel::tokenize_prompt(std::string_view text) const {
  return engine_->tokenize_prompt(text);
}

void EngineModel::check_room() const { engine_->check_room(); }

void EngineModel::submit(engine::GenerationRequest request, engine::GenerationCallback callback) {
  engine_->submit(std::move(request), std::move(callback));
}

std::size_t planned_bytes(const std::filesystem::path& path, const engine::EngineOptions& options) {
  const formats::ModelFiles files = formats::ModelFiles::open(path);
  const engine::EngineOptions resolved =
      engine::resolve_options(options, models::read_decoder_configuration(files));
  return engine::plan_memory(files, resolved, kernels::selected_isa()).total();
}

}  // namespace hearth::server
