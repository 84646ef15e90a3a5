#include "engine/model.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/sha256.h"
#include "engine/draft_files.h"
#include "engine/look_up_index.h"

namespace hearth::engine {
namespace {

void check_range(std::string_view option, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value < least || value > most)
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("{} is {}, allowed is {} to {}", option, value, least, most))
        .with_field(std::string(option));
}

// The weights' own digest would cost a read of the whole file at each start; size and names tell two versions
// apart, and the store's SHA-256 is in the manifest.
std::string make_fingerprint(const formats::ModelFiles& files, const kernels::ExecutionContext& context) {
  std::string identity =
      fmt::format("{}|{}|{}|{}|{}|{}", HEARTH_VERSION, files.path().filename().string(), files.tensor_bytes(),
                  kernels::name_of(context.isa()), static_cast<int>(context.numerics().activations),
                  name_of(context.numerics().key_value_cache));
  return "hearth-" + sha256_hex(identity).substr(0, 16);
}

}  // namespace

EngineOptions resolve_options(EngineOptions options, const models::DecoderConfiguration& configuration) {
  const std::int32_t trained = std::max(configuration.trained_context, 1);
  if (options.context_tokens == 0) options.context_tokens = std::min(trained, kDefaultContextTokens);
  check_range("context", options.context_tokens, 1, trained);
  check_range("parallel sequences", options.parallel_sequences, 1, 1024);
  check_range("batch rows", options.batch_rows, 1, 65536);
  check_range("draft tokens", options.speculation.draft_tokens, 0, kMostDraftTokens);
  check_range("draft layers", options.speculation.draft_layers, 0,
              static_cast<std::int64_t>(configuration.layers.size()) - 1);
  const bool has_draft_model = !options.speculation.draft_model.empty();
  if (has_draft_model && options.speculation.draft_layers > 0)
    throw Error(ErrorKind::kInvalidArgument, "both a draft model and draft layers are given",
                "choose one of them: --draft or --draft-layers")
        .with_field("draft");
  if ((has_draft_model || options.speculation.draft_layers > 0) && options.speculation.draft_tokens == 0)
    throw Error(ErrorKind::kInvalidArgument,
                "a draft is given, and draft tokens is 0: it would never be used",
                "leave out --draft and --draft-layers, or let --speculate be 1 or more")
        .with_field("draft");
  check_range("queue limit", options.queue_limit, 1, 1'000'000);
  check_range("queued tokens", options.queued_tokens, 1, std::int64_t{1} << 40);
  if (options.cache_tokens != 0)
    check_range("cache tokens", options.cache_tokens, options.context_tokens, std::int64_t{1} << 40);
  // Every sequence may decode in the same step.
  options.batch_rows = std::max(options.batch_rows, options.parallel_sequences);
  return options;
}

models::CacheSize cache_size(const EngineOptions& resolved) {
  return {.sequences = resolved.parallel_sequences,
          .context_tokens = resolved.context_tokens,
          .batch_rows = resolved.batch_rows,
          .tokens = resolved.cache_tokens};
}

models::MemoryPlan plan_memory(const formats::ModelFiles& files, const EngineOptions& resolved,
                               kernels::Isa isa) {
  const SpeculationOptions& speculation = resolved.speculation;
  const models::MemoryRequest request{.isa = isa,
                                      .numerics = resolved.numerics,
                                      .context_tokens = resolved.context_tokens,
                                      .sequences = resolved.parallel_sequences,
                                      .batch_rows = resolved.batch_rows,
                                      .cache_tokens = resolved.cache_tokens,
                                      .logit_rows = resolved.parallel_sequences + speculation.draft_tokens};
  models::MemoryPlan plan = models::plan_memory(files, request);
  if (speculation.draft_tokens > 0)
    plan.look_up = static_cast<std::size_t>(resolved.parallel_sequences) *
                   LookUpIndex::planned_bytes(static_cast<std::size_t>(resolved.context_tokens));
  if (!speculation.draft_model.empty()) {
    const models::MemoryPlan draft = models::plan_memory(open_draft_model(resolved), request);
    plan.draft_model = draft.total() - draft.logits;  // which it writes where the model does
  }
  return plan;
}

std::unique_ptr<Model> Model::load(std::shared_ptr<Compute> compute, const std::filesystem::path& path,
                                   const EngineOptions& options) {
  std::unique_ptr<Model> model(new Model(std::move(compute), formats::ModelFiles::open(path)));
  model->options_ = resolve_options(options, models::read_decoder_configuration(model->files_));
  model->tokenizer_ = text::Tokenizer::from_model(model->files_);
  model->context_ = std::make_unique<kernels::ExecutionContext>(model->compute_->team(), options.numerics);
  {
    const std::lock_guard turn(model->compute_->turn());
    model->decoder_ = models::Decoder::load(
        *model->context_, model->files_,
        {.context_tokens = model->options_.context_tokens, .progress = options.load_progress});
  }
  model->fingerprint_ = make_fingerprint(model->files_, *model->context_);
  return model;
}

}  // namespace hearth::engine
