#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "access/audit_line.h"
#include "access/audit_log.h"
#include "base/error.h"
#include "base/sha256.h"

namespace hearth::access {

AuditChain::AuditChain(std::string source, std::string_view noted)
    : source_(std::move(source)), noted_(noted) {
  summary_.last_sha256 = kFirstAuditHash;
}

void AuditChain::add(std::string_view line) {
  ++line_;
  const auto previous = previous_of_audit_line(line);
  if (!previous && !begins_as_audit_line(line)) fail("it is no entry");
  if (previous && *previous != summary_.last_sha256)
    fail(
        "it does not follow from the line before; one of them was changed, or lines were taken out or put "
        "in");
  if (was_torn_ && previous && !tells_of_torn_line(line))
    fail("the line before is cut short, and this one does not say so");
  was_torn_ = !previous;
  ++summary_.entries;
  if (was_torn_) ++summary_.torn;
  summary_.last_sha256 = sha256_hex(line);
  if (summary_.last_sha256 == noted_) summary_.contains_noted = true;
}

void AuditChain::add_torn_end() { summary_.ends_torn = true; }

AuditSummary AuditChain::finish() {
  if (was_torn_) fail("it is cut short, and no line behind it says so");
  return summary_;
}

void AuditChain::fail(std::string_view why) const {
  throw Error(ErrorKind::kCorruptData, fmt::format("{}:{}: {}", source_, line_, why));
}

AuditSummary verify_audit(const std::filesystem::path& path, std::string_view noted) {
  const FileDescriptor file = open_file(path, O_RDONLY);
  AuditChain chain(path.string(), noted);
  std::string rest;
  char bytes[1 << 16];
  for (;;) {
    const ssize_t count = ::read(file.get(), bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw system_error(fmt::format("cannot read {}", path.string()), errno);
    if (count == 0) break;
    rest.append(bytes, static_cast<std::size_t>(count));
    std::size_t begin = 0;
    for (std::size_t end; (end = rest.find('\n', begin)) != rest.npos; begin = end + 1)
      chain.add(std::string_view(rest).substr(begin, end - begin));
    rest.erase(0, begin);
    if (rest.size() > kMostAuditLineBytes) chain.add(rest);  // which is too long for an entry
  }
  if (!rest.empty()) chain.add_torn_end();
  return chain.finish();
}

}  // namespace hearth::access
