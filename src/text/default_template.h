// Chat templates for models that come without one: base models, and old files.
// A default is chosen by the control tokens that the vocabulary has, because a template whose control tokens
// are missing would spell them out as text. Where none fits there is no default: the caller must say so, and
// a template can be given by hand. A base model follows any of them badly: it was never trained to. No
// default shows tools. Thread-safety: free functions on constants.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace hearth::text {

// The source of the template of a family: "chatml", "llama3", "llama2", "gemma", "mistral", "phi3",
// "deepseek". Errors: kNotFound, with the families that there are.
std::string_view default_template_for(std::string_view family);

std::vector<std::string_view> default_template_families();

// The family whose control tokens are all in a vocabulary; `has_token` says whether a text is one (special)
// token. Llama 2 has no control tokens of its own and is never chosen.
std::optional<std::string_view> family_of_vocabulary(const std::function<bool(std::string_view)>& has_token);

}  // namespace hearth::text
