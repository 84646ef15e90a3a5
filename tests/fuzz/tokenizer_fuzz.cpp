// Any bytes as a tokenizer.json, or as the GGUF file of a vocabulary, followed by a zero byte and any bytes
// as text: refused with an Error, or a tokenizer that keeps its word about that text.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "formats/gguf.h"
#include "fuzz/use_bytes.h"
#include "text/detokenizer.h"
#include "text/tokenizer.h"

using namespace hearth::text;

namespace {

constexpr std::size_t kMaximumText = 2000;

void require(bool kept) {
  if (!kept) __builtin_trap();
}

void use_tokenizer(const Tokenizer& tokenizer, std::string_view text) {
  text = text.substr(0, kMaximumText);
  for (const bool trusted : {false, true}) {
    const std::vector<TokenId> ids =
        tokenizer.encode(text, {.add_special = trusted, .parse_special = trusted});
    IncrementalDetokenizer detokenizer(tokenizer, {.show_control = trusted});
    std::string streamed;
    for (const TokenId id : ids) {
      require(id >= 0 && static_cast<std::size_t>(id) < tokenizer.vocabulary_size());
      require(trusted || !tokenizer.is_control(id) || id == tokenizer.unknown());
      streamed += detokenizer.push(id);
    }
    streamed += detokenizer.flush();
    require(hearth::is_valid_utf8(streamed));
    require(streamed == tokenizer.decode(ids, trusted));
  }
  for (TokenId id = -1; id <= static_cast<TokenId>(tokenizer.vocabulary_size()); ++id) {
    hearth::fuzz::use_text(tokenizer.token_bytes(id));
    hearth::fuzz::use_text(tokenizer.token_text(id));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  hearth::fuzz::ignore_errors([&] {
    if (input.starts_with("GGUF")) {
      const auto contents = hearth::formats::parse_gguf(hearth::fuzz::input(data, size), "input");
      use_tokenizer(*Tokenizer::from_gguf(contents.metadata), input.substr(size / 2));
      return;
    }
    const std::size_t end = input.find('\0');
    const std::string_view text = end == input.npos ? input : input.substr(end + 1);
    use_tokenizer(*Tokenizer::from_json(input.substr(0, end)), text);
  });
  return 0;
}
