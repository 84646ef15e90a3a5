// Any bytes as hearth.yaml: read, or refused with an Error of a wrong argument; what is read is allowed.
#include <cstddef>
#include <cstdint>

#include "configuration/settings.h"
#include "fuzz/use_bytes.h"

using namespace hearth::configuration;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    Loaded loaded = load_text({reinterpret_cast<const char*>(data), size}, "hearth.yaml", {});
    hearth::fuzz::use_text(describe(loaded));
    for (const Setting& setting : settings()) {
      const std::string shown = setting.show(loaded.configuration);
      if (shown == "unset" || shown.starts_with('[') || shown.starts_with('{')) continue;
      if (!read_text(setting, shown, loaded.configuration)) __builtin_trap();
      if (setting.show(loaded.configuration) != shown) __builtin_trap();
    }
  } catch (const hearth::Error& error) {
    if (error.kind() != hearth::ErrorKind::kInvalidArgument) __builtin_trap();
    hearth::fuzz::use_text(error.what());
    hearth::fuzz::use_text(error.log_text());
  }
  return 0;
}
