// Any bytes as a GGUF file: read or refused with an Error, and everything that was read may be used.
#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "formats/gguf.h"
#include "fuzz/use_bytes.h"

using namespace hearth::formats;

namespace {

void use_metadata(const GgufMetadata& metadata) {
  for (const GgufValue& value : metadata.values()) {
    hearth::fuzz::use_text(describe_value(value));
    hearth::fuzz::ignore_errors([&] { metadata.find_u32(value.key); });
    hearth::fuzz::ignore_errors([&] { metadata.find_i32(value.key); });
    hearth::fuzz::ignore_errors([&] { metadata.find_u64(value.key); });
    hearth::fuzz::ignore_errors([&] { metadata.find_f32(value.key); });
    hearth::fuzz::ignore_errors([&] { metadata.find_bool(value.key); });
    hearth::fuzz::ignore_errors([&] { metadata.find_string(value.key); });
    hearth::fuzz::ignore_errors([&] { metadata.find_u32_array(value.key); });
    hearth::fuzz::ignore_errors([&] { metadata.find_i32_array(value.key); });
    hearth::fuzz::ignore_errors([&] { metadata.find_f32_array(value.key); });
    hearth::fuzz::ignore_errors([&] { metadata.find_bool_array(value.key); });
    hearth::fuzz::ignore_errors([&] {
      for (const std::string_view text : metadata.require_string_array(value.key))
        hearth::fuzz::use_text(text);
    });
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hearth::fuzz::ignore_errors([&] {
    const GgufContents contents = parse_gguf(hearth::fuzz::input(data, size), "input");
    use_metadata(contents.metadata);
    hearth::fuzz::use_tensors(contents.tensors.entries());
  });
  return 0;
}
