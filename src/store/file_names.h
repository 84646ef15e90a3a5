// What the names of model files say: which are safe, which belong to a model, which are refused.
// Thread-safety: free functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hearth::store {

// A relative name of at most 3 plain components ("1_Pooling/config.json"): no "..", no control characters, no
// empty component. Throws kCorruptData.
void require_safe_relative_name(std::string_view name);

// Throws kUnsupported, by the name alone and so before anything is fetched: a pickle (.bin, .pt, .pth, .ckpt,
// .pkl) can run any code when it is opened.
void refuse_pickle_name(std::string_view name);
bool is_pickle_name(std::string_view name);

// The names of all parts of a split GGUF ("x-00001-of-00003.gguf"), in order; just `name` for another file.
// Throws kInvalidArgument for an absurd number of parts.
std::vector<std::string> gguf_parts(std::string_view name);

// Whether a file of a Hugging Face repository or directory is needed to run the model.
bool is_huggingface_model_file(std::string_view name);

}  // namespace hearth::store
