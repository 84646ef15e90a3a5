// Any bytes as the answer of a model that thinks: what is read must not depend on how the answer comes in
// pieces, and nothing but marks and white space may be lost.
#include "text/thinking.h"

#include <cstddef>
#include <cstdint>

using namespace hearth::text;

namespace {

ThinkingReader::Pieces read(std::string_view answer, bool has_begun, std::size_t piece) {
  ThinkingReader reader({"<think>", "</think>", has_begun});
  ThinkingReader::Pieces all;
  const auto take = [&all](const ThinkingReader::Pieces& pieces) {
    all.reasoning += pieces.reasoning;
    all.answer += pieces.answer;
  };
  for (std::size_t i = 0; i < answer.size(); i += piece) take(reader.push(answer.substr(i, piece)));
  take(reader.finish());
  return all;
}

std::size_t letters(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += c != ' ' && c != '\n' && c != '\r' && c != '\t' ? 1 : 0;
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view answer(reinterpret_cast<const char*>(data), size);
  for (const bool has_begun : {false, true}) {
    const auto whole = read(answer, has_begun, size + 1);
    for (const std::size_t piece : {1, 3, 17}) {
      const auto pieces = read(answer, has_begun, piece);
      if (pieces.reasoning != whole.reasoning || pieces.answer != whole.answer) __builtin_trap();
    }
    const std::size_t lost = letters(answer) - letters(whole.reasoning) - letters(whole.answer);
    if (lost != 0 && lost != 7 && lost != 8 && lost != 15) __builtin_trap();
  }
  return 0;
}
