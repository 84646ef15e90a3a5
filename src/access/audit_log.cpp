#include "access/audit_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "access/audit_line.h"
#include "base/error.h"
#include "base/log.h"
#include "base/sha256.h"

namespace hearth::access {
namespace {

// Against other processes, for as long as one line takes.
class Locked {
 public:
  explicit Locked(int file) : file_(file) {
    while (::flock(file_, LOCK_EX) != 0)
      if (errno != EINTR) throw system_error("cannot lock the audit", errno);
  }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;
  ~Locked() { ::flock(file_, LOCK_UN); }

 private:
  const int file_;
};

std::int64_t size_of(int file, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(file, &status) != 0) throw system_error(fmt::format("cannot read {}", path.string()), errno);
  if (!S_ISREG(status.st_mode))
    throw Error(ErrorKind::kInvalidArgument, fmt::format("{} is no ordinary file", path.string()));
  return status.st_size;
}

// The file's last bytes, enough for any line and the end of the one before.
std::string read_end(int file, std::int64_t size, const std::filesystem::path& path) {
  std::string bytes(std::min<std::size_t>(static_cast<std::size_t>(size), kMostAuditLineBytes + 2), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto place = size - static_cast<std::int64_t>(bytes.size() - done);
    const ssize_t count = ::pread(file, bytes.data() + done, bytes.size() - done, place);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) throw system_error(fmt::format("cannot read {}", path.string()), count < 0 ? errno : EIO);
    done += static_cast<std::size_t>(count);
  }
  return bytes;
}

AuditLog::Entry common_fields(AuditLog::Entry entry) {
  AuditLog::Entry whole = {
      {"@timestamp", audit_time()}, {"ecs", {{"version", "8.11.0"}}}, {"service", {{"type", "hearth"}}}};
  whole.update(entry);
  return whole;
}

}  // namespace

AuditLog::AuditLog(std::filesystem::path path)
    : path_(std::move(path)), file_(open_file(path_, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, 0600)) {
  const std::lock_guard lock(mutex_);
  const Locked locked(file_.get());
  find_end();
}

void AuditLog::append(Entry entry) {
  entry = common_fields(std::move(entry));
  const std::lock_guard lock(mutex_);
  kept_.push_back(std::move(entry));
  write_kept();
}

void AuditLog::check() {
  const std::lock_guard lock(mutex_);
  if (!kept_.empty()) write_kept();
}

void AuditLog::write_kept() {
  const Locked locked(file_.get());
  find_end();
  while (!kept_.empty()) {
    write_line(kept_.front());
    kept_.pop_front();
  }
}

// Where the chain goes on, also after another process wrote.
void AuditLog::find_end() {
  const std::int64_t size = size_of(file_.get(), path_);
  if (size == end_) return;
  if (size == 0) {
    last_sha256_ = kFirstAuditHash;
    end_ = 0;
    return;
  }
  const std::string bytes = read_end(file_.get(), size, path_);
  const bool ended = bytes.back() == '\n';
  const std::size_t last = bytes.size() - (ended ? 1 : 0);
  const std::size_t before = last == 0 ? bytes.npos : bytes.rfind('\n', last - 1);
  const std::size_t begin = before == bytes.npos ? 0 : before + 1;
  const std::string_view line = std::string_view(bytes).substr(begin, last - begin);
  const bool seen_whole = before != bytes.npos || static_cast<std::int64_t>(bytes.size()) == size;
  const bool is_entry = previous_of_audit_line(line).has_value();
  if (!seen_whole || (!is_entry && !begins_as_audit_line(line)))
    throw Error(ErrorKind::kCorruptData, fmt::format("{} does not end as an audit does", path_.string()),
                "`hearth audit verify` says where it is broken; move it away to begin another");
  last_sha256_ = sha256_hex(line);
  end_ = size;
  if (ended && is_entry) return;
  write_line(
      common_fields({{"event",
                      {{"kind", "event"},
                       {"category", Entry::array({"process"})},
                       {"type", Entry::array({"error"})},
                       {"action", kTornAction},
                       {"outcome", "failure"},
                       {"reason", "the line before was cut short: its writer ended while it wrote"}}}}),
      ended ? "" : "\n");
}

void AuditLog::write_line(Entry entry, std::string_view before) {
  entry["hearth"]["previous_sha256"] = last_sha256_;
  const std::string line = entry.dump(-1, ' ', true, Entry::error_handler_t::replace);
  const std::string bytes = std::string(before) + line + '\n';
  try {
    write_all(file_.get(), std::as_bytes(std::span(bytes)), path_);
  } catch (const Error&) {
    // All or nothing; where a part stays it is found as a torn line.
    if (::ftruncate(file_.get(), end_) != 0) log_error("a part of a line stays in the audit");
    end_ = -1;
    throw;
  }
  end_ += static_cast<std::int64_t>(bytes.size());
  last_sha256_ = sha256_hex(line);
}

}  // namespace hearth::access
