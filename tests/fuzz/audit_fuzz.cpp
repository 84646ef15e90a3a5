// Any bytes as the lines of an audit: a chain, or refused as none.
#include <cstddef>
#include <cstdint>

#include "access/audit_log.h"
#include "fuzz/use_bytes.h"

using namespace hearth::access;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  AuditChain chain("audit.jsonl");
  try {
    for (std::size_t end; (end = rest.find('\n')) != rest.npos; rest.remove_prefix(end + 1))
      chain.add(rest.substr(0, end));
    if (!rest.empty()) chain.add_torn_end();
    const AuditSummary summary = chain.finish();
    if (summary.torn > summary.entries || summary.last_sha256.size() != 64) __builtin_trap();
  } catch (const hearth::Error& error) {
    if (error.kind() != hearth::ErrorKind::kCorruptData) __builtin_trap();
    hearth::fuzz::use_text(error.what());
  }
  return 0;
}
