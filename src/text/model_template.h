// The chat template that belongs to a model.
#pragma once

#include "formats/model_files.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace hearth::text {

// From GGUF's tokenizer.chat_template, or from chat_template.jinja or tokenizer_config.json beside the
// weights. Where a model brings none, the default of the family whose control tokens its vocabulary has
// (text/default_template.h). Throws kUnsupported where there is no such family: a base model, which continues
// text and knows no conversation; kCorruptData with the line for a template that is not valid.
ChatTemplate model_chat_template(const formats::ModelFiles& files, const Tokenizer& tokenizer);

// The vocabulary's special tokens as the variables that templates know.
ChatTemplate::Options template_options(const Tokenizer& tokenizer);

}  // namespace hearth::text
