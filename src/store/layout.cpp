#include "store/layout.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "base/sha256.h"
#include "store/digest.h"

namespace hearth::store {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMaximumManifestBytes = std::size_t{4} << 20;

void make_directories(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw system_error("cannot make the folder " + path.string(), error.value());
}

void sync_file(const fs::path& path) {
  const FileDescriptor fd = open_file(path, O_RDONLY);
  if (::fsync(fd.get()) != 0) throw system_error("cannot sync " + path.string(), errno);
}

// Links, so that the partial stays whole until the manifest is there; a file system without links moves.
void link_or_move(const fs::path& from, const fs::path& to) {
  if (::link(from.c_str(), to.c_str()) == 0 || errno == EEXIST) return;
  if (errno == ENOENT || ::rename(from.c_str(), to.c_str()) != 0)
    throw system_error(fmt::format("cannot move {} to {}", from.string(), to.string()), errno);
}

std::vector<fs::path> entries(const fs::path& directory) {
  std::vector<fs::path> result;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error))
    result.push_back(it->path());
  std::sort(result.begin(), result.end());
  return result;
}

// Names of files take part: the same bytes under other names need another folder.
std::string view_name(const ModelRecord& record) {
  std::string lines;
  for (const StoredFile& file : record.files) lines += file.sha256 + "  " + file.name + "\n";
  return sha256_hex(lines);
}

}  // namespace

void require_same_source(const ModelRecord& existing, const ModelRecord& coming) {
  if (existing.identity == coming.identity) return;
  throw Error(ErrorKind::kConflict,
              fmt::format("{} is already the name of {}", coming.name.text(), existing.reference),
              "store it under another name with --name, or remove that one first");
}

fs::path Layout::view(const ModelRecord& record) const { return root_ / "views" / view_name(record); }

fs::path Layout::manifest(const ModelName& name) const {
  return root_ / "manifests" / name.name / (name.tag + ".json");
}

void Layout::create() const {
  for (const char* folder : {"blobs", "views", "manifests", "partial", "locks"})
    make_directories(root_ / folder);
}

void Layout::load_state(ModelRecord& record) const {
  record.path = view(record);
  if (!record.entry.empty()) record.path /= record.entry;
  for (const StoredFile& file : record.files) {
    std::error_code error;
    const std::uint64_t size = fs::file_size(view(record) / file.name, error);
    if (error)
      record.problem = "the file " + file.name + " is missing";
    else if (size != file.size)
      record.problem = fmt::format("the file {} has {} bytes, not {}", file.name, size, file.size);
  }
}

std::optional<ModelRecord> Layout::record(const ModelName& name) const {
  const fs::path path = manifest(name);
  if (!fs::exists(path)) return std::nullopt;
  try {
    ModelRecord record = record_from_json(read_file(path, kMaximumManifestBytes), path.string());
    if (record.name != name)
      throw Error(ErrorKind::kCorruptData, fmt::format("{} speaks of {}", path.string(), record.name.text()));
    load_state(record);
    return record;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kCorruptData) throw;
    throw Error(ErrorKind::kCorruptData, error.message(),
                fmt::format("`hearth remove {}` clears it, then pull it again", name.text()));
  }
}

std::vector<ModelRecord> Layout::records() const {
  std::vector<ModelRecord> result;
  for (const fs::path& folder : entries(root_ / "manifests")) {
    for (const fs::path& file : entries(folder)) {
      if (file.extension() != ".json") continue;  // a temporary sibling
      const ModelName name{folder.filename().string(), file.stem().string()};
      try {
        if (std::optional<ModelRecord> found = record(name)) result.push_back(std::move(*found));
      } catch (const Error& error) {
        ModelRecord broken;
        broken.name = name;
        broken.runnable = false;
        broken.problem = error.message();
        result.push_back(std::move(broken));
      }
    }
  }
  return result;
}

void Layout::make_view(const ModelRecord& record) const {
  const fs::path target = view(record);
  ModelRecord existing = record;
  existing.problem.clear();
  load_state(existing);
  if (existing.problem.empty()) return;
  const fs::path temporary = target.string() + ".tmp";
  fs::remove_all(temporary);
  for (const StoredFile& file : record.files) {
    const fs::path link = temporary / file.name;
    make_directories(link.parent_path());
    const fs::path relative = fs::path("../..") / blob(file.sha256).lexically_relative(root_);
    fs::path up;
    for (const auto& component : fs::path(file.name).parent_path()) up /= component.empty() ? "" : "..";
    std::error_code error;
    fs::create_symlink(up / relative, link, error);
    if (error) throw system_error("cannot link " + link.string(), error.value());
    sync_directory(link.parent_path());
  }
  sync_directory(temporary);
  std::error_code error;
  fs::remove_all(target, error);  // one whose links have gone astray
  fs::rename(temporary, target, error);
  if (error) throw system_error("cannot make " + target.string(), error.value());
  sync_directory(target.parent_path());
}

void Layout::commit(const ModelRecord& record) const {
  const FileLock lock = FileLock::acquire(this->lock("store"));
  if (fs::exists(manifest(record.name))) {
    const std::optional<ModelRecord> existing = this->record(record.name);
    require_same_source(*existing, record);
  }
  for (const StoredFile& file : record.files) {
    const fs::path target = blob(file.sha256);
    std::error_code error;
    if (fs::exists(target) && fs::file_size(target, error) == file.size) continue;
    fs::remove(target, error);  // of a wrong size: damaged
    const fs::path from = partial(record.identity) / "files" / file.name;
    sync_file(from);
    fs::permissions(from, fs::perms::owner_write | fs::perms::group_write | fs::perms::others_write,
                    fs::perm_options::remove, error);
    link_or_move(from, target);
  }
  sync_directory(root_ / "blobs");
  make_view(record);
  make_directories(manifest(record.name).parent_path());
  sync_directory(root_ / "manifests");
  write_file_atomically(manifest(record.name), to_json(record).dump(1) + "\n");
  std::error_code error;
  fs::remove_all(partial(record.identity), error);
  collect_garbage();
}

bool Layout::remove(const ModelName& name) const {
  const FileLock lock = FileLock::acquire(this->lock("store"));
  const fs::path path = manifest(name);
  if (!fs::exists(path)) return false;
  if (::unlink(path.c_str()) != 0) throw system_error("cannot remove " + path.string(), errno);
  sync_directory(path.parent_path());
  collect_garbage();
  return true;
}

// Only with the store's lock held. A manifest that cannot be read could name anything, so nothing is removed
// while there is one.
void Layout::collect_garbage() const {
  std::set<std::string> blobs, views;
  for (const ModelRecord& record : records()) {
    if (record.files.empty()) return;
    views.insert(view_name(record));
    for (const StoredFile& file : record.files) blobs.insert(file.sha256);
  }
  std::error_code error;
  for (const fs::path& path : entries(root_ / "views"))
    if (!views.contains(path.filename().string())) fs::remove_all(path, error);
  for (const fs::path& path : entries(root_ / "blobs"))
    if (!blobs.contains(path.filename().string())) fs::remove(path, error);
  for (const fs::path& folder : entries(root_ / "manifests")) {
    for (const fs::path& file : entries(folder))
      if (file.extension() != ".json") fs::remove(file, error);  // a temporary sibling, from a crash
    ::rmdir(folder.c_str());                                     // stays where a manifest is
  }
}

}  // namespace hearth::store
