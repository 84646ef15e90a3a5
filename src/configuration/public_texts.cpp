#include "configuration/public_texts.h"

#include "base/error.h"
#include "base/file.h"
#include "base/utf8.h"

namespace hearth::configuration {

std::vector<std::string> read_public_texts(const std::vector<std::string>& files) {
  if (files.size() > kMostPublicTexts)
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("it names {} files, allowed are {}", files.size(), kMostPublicTexts));
  std::vector<std::string> texts;
  for (const std::string& file : files) {
    std::string text = read_file(file, kMostPublicTextBytes);
    if (!is_valid_utf8(text))
      throw Error(ErrorKind::kInvalidArgument, fmt::format("{} is not a text in UTF-8", file));
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
    if (text.empty()) throw Error(ErrorKind::kInvalidArgument, fmt::format("{} is empty", file));
    texts.push_back(std::move(text));
  }
  return texts;
}

}  // namespace hearth::configuration
