#include "formats/huggingface_directory.h"

#include <algorithm>
#include <array>
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/printable.h"
#include "formats/foreign_file.h"

namespace hearth::formats {
namespace {

using std::filesystem::path;

// The largest tokenizer.json of models in use has some 35 MB.
constexpr std::size_t kMaximumSideFileBytes = std::size_t{128} << 20;
constexpr std::size_t kMaximumConfigBytes = std::size_t{4} << 20;
constexpr std::size_t kMaximumListedFiles = 10000;

[[noreturn]] void refuse(const path& file, std::string_view what) {
  throw Error(
      ErrorKind::kUnsupported,
      fmt::format("{} is {}; such files are refused, because a pickle can run any code when it is read",
                  file.string(), what),
      "convert the model to safetensors or GGUF, or fetch it in one of these formats");
}

bool has_pickle_extension(const path& file) {
  static constexpr std::string_view kExtensions[] = {".pt", ".pth", ".ckpt", ".pkl", ".pickle"};
  const std::string extension = file.extension().string();
  return std::ranges::find(kExtensions, extension) != std::end(kExtensions) ||
         (extension == ".bin" && file.filename().string().starts_with("pytorch_model"));
}

nlohmann::json read_config(const path& directory) {
  const path file = directory / "config.json";
  if (!std::filesystem::exists(file))
    throw Error(ErrorKind::kNotFound,
                fmt::format("{} is no model: it holds no config.json", directory.string()),
                "give a GGUF file, or a Hugging Face directory with config.json and safetensors");
  nlohmann::json config = parse_json(read_file(file, kMaximumConfigBytes), file.string());
  if (!config.is_object())
    throw Error(ErrorKind::kCorruptData, fmt::format("{} holds no JSON object", file.string()));
  return config;
}

path find_weights(const path& directory) {
  for (const char* name : {"model.safetensors", "model.safetensors.index.json"})
    if (std::filesystem::exists(directory / name)) return directory / name;
  std::size_t listed = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    if (entry.is_regular_file(ignored)) refuse_pickle(entry.path());
    if (++listed == kMaximumListedFiles) break;
  }
  throw Error(
      ErrorKind::kNotFound,
      fmt::format("{} holds neither model.safetensors nor model.safetensors.index.json", directory.string()));
}

}  // namespace

void refuse_pickle(const path& file) {
  if (has_pickle_extension(file)) refuse(file, "a pickle (PyTorch checkpoint)");
  std::array<char, 32> first{};
  std::ifstream stream(file, std::ios::binary);
  stream.read(first.data(), first.size());
  const std::span<const char> read(first.data(), static_cast<std::size_t>(stream.gcount()));
  if (const ForeignFile foreign = recognise_foreign_file(std::as_bytes(read)); foreign.is_pickle)
    refuse(file, foreign.what);
}

HuggingFaceDirectory::HuggingFaceDirectory(const std::filesystem::path& directory)
    : path_(directory), config_(read_config(directory)), weights_(find_weights(directory)) {}

bool HuggingFaceDirectory::has(std::string_view file) const { return std::filesystem::exists(path_ / file); }

std::optional<std::string> HuggingFaceDirectory::read_text(std::string_view file) const {
  if (!has(file)) return std::nullopt;
  return read_file(path_ / file, kMaximumSideFileBytes);
}

std::optional<nlohmann::json> HuggingFaceDirectory::read_json(std::string_view file) const {
  const auto text = read_text(file);
  if (!text) return std::nullopt;
  return parse_json(*text, (path_ / file).string(), {.maximum_bytes = kMaximumSideFileBytes});
}

}  // namespace hearth::formats
