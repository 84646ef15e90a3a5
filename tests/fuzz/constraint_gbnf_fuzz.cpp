// A GBNF grammar from a request: compiling it ends in a constraint or in a hearth::Error, and what its masks
// allow can be followed.
#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "constraint/gbnf.h"
#include "fuzz/follow_masks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    hearth::fuzz::follow_masks(hearth::constraint::parse_gbnf({reinterpret_cast<const char*>(data), size}),
                               {data, size});
  } catch (const hearth::Error&) {
  }
  return 0;
}
