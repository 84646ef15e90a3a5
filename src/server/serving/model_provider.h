// What the server needs of models: names, loading on demand, tokens, generation. The store and the engine
// stand behind it (ModelRegistry); tests put a scripted model in their place.
//
// Thread-safety: everything here is safe from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/disk_cache.h"
#include "engine/embedder.h"
#include "server/api/chat_request.h"

namespace hearth::server {

// A loaded model. Whoever holds the pointer keeps it loaded.
class ServedModel {
 public:
  virtual ~ServedModel() = default;

  virtual const std::string& id() const = 0;
  // Throw hearth::Error, kUnsupported for a model without a chat template. May take a while: not for network
  // threads.
  virtual std::vector<std::int32_t> tokenize_chat(const ChatPrompt& prompt) const = 0;
  virtual std::vector<std::int32_t> tokenize_prompt(std::string_view text) const = 0;
  // As engine::Engine::thinking_behind().
  virtual std::optional<text::Thinking> thinking_behind(std::span<const std::int32_t> /*prompt*/) const {
    return std::nullopt;
  }
  // As tokenize_chat() sees it.
  virtual std::string render_chat(const ChatPrompt& prompt) const = 0;
  virtual const text::Tokenizer* tokenizer() const = 0;  // null: it shows none
  virtual const std::string& fingerprint() const = 0;
  // Names the model's very bytes, among all that this process ever loads.
  virtual const std::string& digest() const = 0;
  // Where a request says nothing.
  virtual engine::SamplingOptions default_sampling() const = 0;
  // As engine::Engine::check_room.
  virtual void check_room() const = 0;
  // As engine::Engine::submit: throws what can be known at once, the rest comes as events.
  virtual void submit(engine::GenerationRequest request, engine::GenerationCallback callback) = 0;
  // What makes embeddings or ranks; null for a model that writes text.
  virtual engine::Embedder* embedder() { return nullptr; }
};

enum class ModelState { kAvailable, kLoading, kLoaded, kFailed };
std::string_view name_of(ModelState state);  // "available", "loading", "loaded", "failed"

struct ModelStatus {
  std::string id;
  ModelState state = ModelState::kAvailable;
  double progress = 0;              // of loading, 0 to 1
  std::string error = {};           // why the last load failed
  std::uint64_t size_bytes = 0;     // of the files
  std::int64_t created = 0;         // seconds since 1970
  std::int32_t context_tokens = 0;  // per sequence; 0 until loaded
  bool is_encoder = false;          // makes embeddings or ranks, and writes no text
};

// What a model that was ever asked for does now and has taken so far.
struct ModelActivity {
  std::string id;
  ModelState state = ModelState::kAvailable;
  engine::Engine::Load load{};    // of a loaded model; else zeros
  std::size_t planned_bytes = 0;  // of a loaded model
  std::int64_t loads = 0, failed_loads = 0;
  double load_seconds = 0;
};

class ModelProvider {
 public:
  virtual ~ModelProvider() = default;

  virtual std::vector<ModelStatus> models() = 0;
  // Reads no files.
  virtual std::vector<ModelActivity> activity() = 0;
  // Of the prefix cache's tier on disk, where there is one.
  virtual std::optional<engine::DiskCache::Figures> disk_cache() { return std::nullopt; }
  // Gives up what is kept of this tenant's texts, in memory and on disk (engine::Engine::forget_tenant).
  // Waits for both: not for network threads.
  struct Forgotten {
    std::int64_t pages = 0, files = 0;
  };
  virtual Forgotten forget_tenant(const std::string& tenant) = 0;
  // What a request without `model` gets; empty when there is no model at all.
  virtual std::string default_model() = 0;
  // The same for requests that want embeddings or a ranking.
  virtual std::string default_encoder() { return {}; }

  using Acquired = std::function<void(std::shared_ptr<ServedModel> model, std::optional<Error> error)>;
  // Calls back exactly once, maybe before it returns: with the model, loaded if need be, or with why not
  // (kNotFound names the models that there are).
  virtual void acquire(const std::string& id, Acquired callback) = 0;
};

}  // namespace hearth::server
