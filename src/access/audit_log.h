// The audit: who did what, a file of JSON lines in the Elastic Common Schema (ECS 8.11), each with the
// SHA-256 of the line before (64 zeros in the first one).
//
// So a line that was changed, taken out or put in shows. What does not: a file that was written anew as a
// whole, or that ends earlier; against these a hash helps that was noted elsewhere. Several processes may
// write one file. A line that a crash or a full disk cut short is never taken away: the next one says so, and
// goes on from its hash. Entries outlive the process as soon as append() returns; a power cut may take what
// the system had not yet put on the disk. Non-goals: content, rotation. Thread-safety: all functions are safe
// from any thread. Errors: kCorruptData for a file that is no audit, what writing throws (kDiskFull).
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"

namespace hearth::access {

class AuditLog {
 public:
  using Entry = nlohmann::ordered_json;

  // Made where it is not there, its owner's alone.
  explicit AuditLog(std::filesystem::path path);

  // Adds what all entries have: time, version of the schema, service and the chain. Where it cannot be
  // written it is kept, and written before the next one.
  void append(Entry entry);
  // Writes what was kept, where there is anything; throws where that still fails. Whoever is to be audited
  // asks first.
  void check();

 private:
  void write_kept();
  void find_end();
  void write_line(Entry entry, std::string_view before = {});

  const std::filesystem::path path_;
  const FileDescriptor file_;
  std::mutex mutex_;  // guards what follows
  std::deque<Entry> kept_;
  std::int64_t end_ = -1;  // how long the file was when it was last looked at; -1: never
  std::string last_sha256_;
};

struct AuditSummary {
  std::int64_t entries = 0, torn = 0;  // lines; those of them that a crash cut short
  bool ends_torn = false;              // by a crash after which nothing was written
  std::string last_sha256;             // of the last whole line: to be noted elsewhere
  bool contains_noted = false;         // see `noted`
};
// Goes through the whole chain; throws kCorruptData naming the first line that does not follow from the one
// before, and what reading throws. `noted`: a hash that some line once had.
AuditSummary verify_audit(const std::filesystem::path& path, std::string_view noted = {});

// The same of one line after the other: for verify_audit() and for whoever has the lines.
class AuditChain {
 public:
  explicit AuditChain(std::string source, std::string_view noted = {});
  void add(std::string_view line);  // without its end
  void add_torn_end();
  AuditSummary finish();

 private:
  [[noreturn]] void fail(std::string_view why) const;
  const std::string source_, noted_;
  AuditSummary summary_;
  std::int64_t line_ = 0;
  bool was_torn_ = false;  // the last line: the next must say so
};

// Longer than any entry.
inline constexpr std::size_t kMostAuditLineBytes = 16 * 1024;

}  // namespace hearth::access
