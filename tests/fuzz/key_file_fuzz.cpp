// Any bytes as the file of the keys: read, or refused as no such file.
#include <cstddef>
#include <cstdint>

#include "access/key_file.h"
#include "fuzz/use_bytes.h"

using namespace hearth::access;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    for (const Key& key : parse_keys({reinterpret_cast<const char*>(data), size}, "keys.json")) {
      if (!is_tenant(key.tenant) || key.scopes.empty()) __builtin_trap();
      if (parse_time(to_text(key.created)) != key.created) __builtin_trap();
      hearth::fuzz::use_text(key.secret_sha256);
    }
  } catch (const hearth::Error& error) {
    hearth::fuzz::use_text(error.what());
    hearth::fuzz::use_text(error.log_text());
  }
  return 0;
}
