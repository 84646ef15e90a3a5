// A model loaded into memory with all that running it needs: files, tokenizer, repacked weights and the
// context in which its operators run. Thread-safety: constant after load() but for decoder() and context(),
// which one thread uses at a time.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "base/thread_team.h"
#include "engine/engine_options.h"
#include "formats/model_files.h"
#include "kernels/execution_context.h"
#include "models/cache_pages.h"
#include "models/decoder.h"
#include "models/memory_plan.h"
#include "text/tokenizer.h"

namespace hearth::engine {

class Model {
 public:
  // Throws hearth::Error where the files are not a model that we can run.
  static std::unique_ptr<Model> load(std::shared_ptr<Compute> compute, const std::filesystem::path& path,
                                     const EngineOptions& options);

  Compute& compute() const { return *compute_; }
  const formats::ModelFiles& files() const { return files_; }
  const text::Tokenizer& tokenizer() const { return *tokenizer_; }
  models::Decoder& decoder() const { return *decoder_; }
  kernels::ExecutionContext& context() const { return *context_; }
  // Every default resolved; cache_tokens 0: all sequences can be full.
  const EngineOptions& options() const { return options_; }
  // A short digest of everything that a seed's answer depends on: build, model, instruction set, numerics.
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  Model(std::shared_ptr<Compute> compute, formats::ModelFiles files)
      : compute_(std::move(compute)), files_(std::move(files)) {}

  std::shared_ptr<Compute> compute_;
  formats::ModelFiles files_;
  EngineOptions options_;
  std::shared_ptr<const text::Tokenizer> tokenizer_;
  std::unique_ptr<kernels::ExecutionContext> context_;
  std::unique_ptr<models::Decoder> decoder_;
  std::string fingerprint_;
};

// What the options mean for this model: context 0 becomes the model's own, at most kDefaultContextTokens.
// Throws kInvalidArgument naming the option that is out of range and what is allowed.
EngineOptions resolve_options(EngineOptions options, const models::DecoderConfiguration& configuration);

// The key/value cache of an engine, given resolved options.
models::CacheSize cache_size(const EngineOptions& resolved);

// All that the engine takes with these options, the draft model too.
models::MemoryPlan plan_memory(const formats::ModelFiles& files, const EngineOptions& resolved,
                               kernels::Isa isa);

inline constexpr std::int32_t kDefaultContextTokens = 4096;
inline constexpr std::int32_t kMostDraftTokens = 256;

}  // namespace hearth::engine
