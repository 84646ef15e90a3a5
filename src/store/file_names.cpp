#include "store/file_names.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/error.h"
#include "base/printable.h"
#include "base/utf8.h"

namespace hearth::store {
namespace {

constexpr std::size_t kMaximumNameLength = 200;
constexpr int kMaximumParts = 1000;

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string folded(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

// Splits "stem-00001-of-00003.suffix"; false where the name is not of that form.
struct PartName {
  std::string_view stem, number, count;
};
bool parse_part_name(std::string_view name, std::string_view suffix, PartName& part) {
  if (!name.ends_with(suffix)) return false;
  name.remove_suffix(suffix.size());
  constexpr std::size_t kDigits = 5;
  constexpr std::string_view kOf = "-of-";
  if (name.size() < 2 * kDigits + kOf.size() + 2) return false;
  part.count = name.substr(name.size() - kDigits);
  name.remove_suffix(kDigits);
  if (!name.ends_with(kOf)) return false;
  name.remove_suffix(kOf.size());
  part.number = name.substr(name.size() - kDigits);
  name.remove_suffix(kDigits);
  if (!name.ends_with("-")) return false;
  part.stem = name.substr(0, name.size() - 1);
  return is_number(part.count) && is_number(part.number);
}

}  // namespace

void require_safe_relative_name(std::string_view name) {
  const auto refuse = [&](std::string_view why) {
    throw Error(ErrorKind::kCorruptData, fmt::format("the file name '{}' {}", printable(name), why));
  };
  if (name.empty() || name.size() > kMaximumNameLength) refuse("is empty or too long");
  if (!is_valid_utf8(name)) refuse("is not UTF-8");
  for (unsigned char c : name)
    if (c < 0x20 || c == 0x7f || c == '\\') refuse("holds a character that is not allowed");
  std::size_t components = 0;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view component = name.substr(begin, end - begin);
    if (component.empty() || component == "." || component == "..") refuse("leaves its folder");
    if (++components > 3) refuse("lies too deep");
    begin = end + 1;
  }
}

bool is_pickle_name(std::string_view name) {
  static constexpr std::array<std::string_view, 7> kEndings = {".bin", ".pt",     ".pth",   ".ckpt",
                                                               ".pkl", ".pickle", ".joblib"};
  const std::string lower = folded(name);
  return std::any_of(kEndings.begin(), kEndings.end(),
                     [&](std::string_view ending) { return lower.ends_with(ending); });
}

void refuse_pickle_name(std::string_view name) {
  if (!is_pickle_name(name)) return;
  throw Error(
      ErrorKind::kUnsupported,
      fmt::format("'{}' is refused: such a file is a Python pickle, and a pickle can run any code when "
                  "it is opened",
                  printable(name)),
      "look for the same model as GGUF or safetensors");
}

std::vector<std::string> gguf_parts(std::string_view name) {
  PartName part;
  if (!parse_part_name(name, ".gguf", part)) return {std::string(name)};
  int count = 0;
  std::from_chars(part.count.data(), part.count.data() + part.count.size(), count);
  if (count < 1 || count > kMaximumParts)
    throw Error(ErrorKind::kInvalidArgument, fmt::format("'{}' claims {} parts, at most {} are allowed",
                                                         printable(name), count, kMaximumParts));
  std::vector<std::string> result;
  for (int i = 1; i <= count; ++i)
    result.push_back(fmt::format("{}-{:05}-of-{}.gguf", part.stem, i, part.count));
  return result;
}

bool is_huggingface_model_file(std::string_view name) {
  static constexpr std::array<std::string_view, 18> kNames = {
      "config.json",
      "generation_config.json",
      "tokenizer.json",
      "tokenizer.model",
      "tokenizer_config.json",
      "special_tokens_map.json",
      "added_tokens.json",
      "vocab.json",
      "vocab.txt",
      "merges.txt",
      "chat_template.jinja",
      "chat_template.json",
      "model.safetensors",
      "model.safetensors.index.json",
      "modules.json",  // these four: the sentence-transformers library's pooling
      "sentence_bert_config.json",
      "config_sentence_transformers.json",
      "1_Pooling/config.json"};
  if (std::find(kNames.begin(), kNames.end(), name) != kNames.end()) return true;
  PartName part;
  return parse_part_name(name, ".safetensors", part) && part.stem == "model";
}

}  // namespace hearth::store
