// A model as the Hugging Face libraries store it: a directory with config.json, safetensors and tokenizer
// files.
//
// Non-goals: understanding the configuration (src/models) or the tokenizer (src/text). Pickle checkpoints
// (pytorch_model.bin, .pt, .pth, .ckpt, .pkl) are never read: a pickle can run any code. Where a directory
// holds nothing else, the error names the file and says what to do. Ownership and thread-safety as for
// GgufFile (formats/gguf.h).
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/safetensors.h"

namespace hearth::formats {

class HuggingFaceDirectory {
 public:
  // Needs config.json (a JSON object) and model.safetensors or model.safetensors.index.json.
  explicit HuggingFaceDirectory(const std::filesystem::path& directory);

  const std::filesystem::path& path() const { return path_; }
  const nlohmann::json& config() const { return config_; }  // an object
  const SafetensorsFiles& weights() const { return weights_; }

  // A side file by its plain name, such as "tokenizer.json", "tokenizer_config.json",
  // "generation_config.json", "chat_template.jinja", "special_tokens_map.json"; nothing where it is missing.
  // Sizes and JSON depth are limited; breaking them is an Error naming the file.
  bool has(std::string_view file) const;
  std::optional<nlohmann::json> read_json(std::string_view file) const;
  std::optional<std::string> read_text(std::string_view file) const;

 private:
  std::filesystem::path path_;
  nlohmann::json config_;
  SafetensorsFiles weights_;
};

// Throws kUnsupported when `path` is a pickle checkpoint, by its extension or by its first bytes, saying why
// it is refused and what to use instead.
void refuse_pickle(const std::filesystem::path& path);

}  // namespace hearth::formats
