#include "engine/draft_files.h"

#include <algorithm>
#include <mutex>

#include "base/error.h"
#include "base/printable.h"

namespace hearth::engine {
namespace {

constexpr const char* kHint =
    "a draft model is a smaller one of the same family; --draft-layers needs no second model";

Error another_vocabulary(const std::string& difference) {
  return Error(ErrorKind::kInvalidArgument, "the draft model's vocabulary is not the model's: " + difference,
               kHint)
      .with_field("draft");
}

}  // namespace

formats::ModelFiles open_draft_model(const EngineOptions& resolved) {
  formats::ModelFiles files = formats::ModelFiles::open(resolved.speculation.draft_model);
  const std::int32_t most = models::read_decoder_configuration(files).trained_context;
  if (most < resolved.context_tokens)
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("the draft model was made for a context of {} tokens, the model runs with {}",
                            most, resolved.context_tokens),
                fmt::format("choose a context of {} or less, or another draft model", most))
        .with_field("draft");
  return files;
}

void check_same_vocabulary(const text::Tokenizer& model, const text::Tokenizer& draft) {
  const std::size_t common = std::min(model.vocabulary_size(), draft.vocabulary_size());
  for (std::size_t i = 0; i < common; ++i) {
    const auto id = static_cast<text::TokenId>(i);
    if (model.token_text(id) != draft.token_text(id))
      throw another_vocabulary(fmt::format("token {} is `{}` in the model and `{}` in the draft model", i,
                                           printable(model.token_text(id)), printable(draft.token_text(id))));
  }
  if (model.vocabulary_size() != draft.vocabulary_size())
    throw another_vocabulary(fmt::format("the model has {} tokens, the draft model {}",
                                         model.vocabulary_size(), draft.vocabulary_size()));
}

std::unique_ptr<models::Decoder> load_draft_model(const Model& model) {
  const EngineOptions& options = model.options();
  if (options.speculation.draft_model.empty()) return nullptr;
  const formats::ModelFiles files = open_draft_model(options);
  check_same_vocabulary(model.tokenizer(), *text::Tokenizer::from_model(files));
  // Models of one family may be filled up to different sizes.
  const std::int32_t logits = model.decoder().configuration().vocabulary;
  const std::int32_t draft_logits = models::read_decoder_configuration(files).vocabulary;
  if (logits != draft_logits)
    throw another_vocabulary(
        fmt::format("the model tells {} tokens apart, the draft model {}", logits, draft_logits));
  const std::lock_guard turn(model.compute().turn());
  return models::Decoder::load(model.context(), files,
                               {.context_tokens = options.context_tokens, .progress = options.load_progress});
}

}  // namespace hearth::engine
