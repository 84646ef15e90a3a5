// The files of the draft model that SpeculationOptions names, and whether it can draft for a model.
#pragma once

#include <memory>

#include "engine/model.h"

namespace hearth::engine {

// Throws kInvalidArgument where it was made for fewer tokens of context than the engine runs with.
formats::ModelFiles open_draft_model(const EngineOptions& resolved);

// Throws kInvalidArgument that says which token is the first that differs.
void check_same_vocabulary(const text::Tokenizer& model, const text::Tokenizer& draft);

// The draft model that model.options() name, in the model's context; null where they name none. Throws as the
// two above and as Decoder::load.
std::unique_ptr<models::Decoder> load_draft_model(const Model& model);

}  // namespace hearth::engine
