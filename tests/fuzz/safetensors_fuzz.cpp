// Any bytes as a safetensors file: read or refused with an Error, and everything that was read may be used.
#include <cstddef>
#include <cstdint>

#include "formats/safetensors.h"
#include "fuzz/use_bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hearth::fuzz::ignore_errors([&] {
    hearth::fuzz::use_tensors(hearth::formats::parse_safetensors(hearth::fuzz::input(data, size), "input"));
  });
  return 0;
}
