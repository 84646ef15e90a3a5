// Reads safetensors files, single or sharded, in place over a memory map.
//
// Specification: https://github.com/huggingface/safetensors#format
// Every length and offset is checked before use: the header's length and JSON, each tensor's range against
// its shape and type, no overlap, no hole, no byte left over. Types map to our element types; BOOL and
// unsigned integers come as the signed integer of their width (plain data, never weights); F8 and smaller
// floats are kUnsupported. Tensor bytes may be unaligned in memory: the format promises no alignment.
// Ownership and thread-safety as for GgufFile (formats/gguf.h).
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "formats/tensor_table.h"

namespace hearth::formats {

// The tensors of one file in the order of their data, over bytes that the caller keeps alive. `source` is for
// messages.
std::vector<TensorEntry> parse_safetensors(std::span<const std::byte> bytes, std::string_view source);

class SafetensorsFiles {
 public:
  // One .safetensors file, or the index of a sharded model (model.safetensors.index.json), whose shards lie
  // beside it and must hold exactly the tensors that the index promises.
  explicit SafetensorsFiles(const std::filesystem::path& file_or_index);

  const TensorTable& tensors() const { return tensors_; }
  std::vector<std::filesystem::path> paths() const;
  void discard(const TensorEntry& entry) const;

 private:
  std::vector<MappedFile> files_;
  TensorTable tensors_;
};

}  // namespace hearth::formats
