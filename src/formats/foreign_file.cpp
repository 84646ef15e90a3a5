#include "formats/foreign_file.h"

#include <algorithm>

namespace hearth::formats {
namespace {

constexpr std::string_view kConvertHint =
    "convert the model to safetensors or GGUF, or fetch it in one of these formats";
constexpr std::string_view kDownloadHint = "the download went wrong: fetch the file itself";

constexpr struct {
  std::string_view first_bytes;
  ForeignFile file;
} kKnown[] = {
    // A pickle begins with its protocol, 2 to 5; torch.save since 1.6 wraps one in a zip archive.
    {"\x80\x02", {"a pickle (PyTorch checkpoint)", kConvertHint, true}},
    {"\x80\x03", {"a pickle (PyTorch checkpoint)", kConvertHint, true}},
    {"\x80\x04", {"a pickle (PyTorch checkpoint)", kConvertHint, true}},
    {"\x80\x05", {"a pickle (PyTorch checkpoint)", kConvertHint, true}},
    {"PK\x03\x04", {"a zip archive (as PyTorch checkpoints are, with a pickle inside)", kConvertHint, true}},
    {"version https://git-lfs", {"a Git LFS pointer, not the file it stands for", kDownloadHint, false}},
    {"<!DOCTYPE", {"a web page", kDownloadHint, false}},
    {"<!doctype", {"a web page", kDownloadHint, false}},
    {"<html", {"a web page", kDownloadHint, false}},
    {"\x1f\x8b", {"a gzip archive", "unpack it first", false}},
    {"lmgg", {"a GGML file, the format before GGUF", "convert the model to GGUF again", false}},
    {"fmgg", {"a GGMF file, the format before GGUF", "convert the model to GGUF again", false}},
    {"tjgg", {"a GGJT file, the format before GGUF", "convert the model to GGUF again", false}},
    {"FUGG", {"a big-endian GGUF file", "fetch or convert the model for a little-endian machine", false}},
};

}  // namespace

ForeignFile recognise_foreign_file(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()),
                              std::min<std::size_t>(bytes.size(), 32));
  for (const auto& known : kKnown)
    if (text.starts_with(known.first_bytes)) return known.file;
  return {};
}

}  // namespace hearth::formats
