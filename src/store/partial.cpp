#include "store/partial.h"

#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace hearth::store {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
constexpr std::size_t kMaximumBytes = 64 << 10;
// Of store/http_download.h: what lies beside a file under way.
constexpr std::string_view kStateExtension = ".state", kReserveExtension = ".reserve";

// Allocated bytes: a file of several pieces has holes.
std::uint64_t bytes_under(const fs::path& folder) {
  std::uint64_t sum = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    struct stat status {};
    if (const fs::path kind = it->path().extension(); kind == kStateExtension || kind == kReserveExtension)
      continue;
    if (::lstat(it->path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    sum += std::min<std::uint64_t>(static_cast<std::uint64_t>(status.st_size),
                                   static_cast<std::uint64_t>(status.st_blocks) * 512);
  }
  return sum;
}

}  // namespace

void Partial::describe(const UnfinishedPull& pull) const {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) throw system_error("cannot make the folder " + path_.string(), error.value());
  write_file_atomically(
      path_ / "plan.json",
      json{{"name", pull.name.text()}, {"reference", pull.reference}, {"bytes_total", pull.bytes_total}}
          .dump());
}

std::optional<UnfinishedPull> Partial::description() const {
  const fs::path file = path_ / "plan.json";
  if (!fs::exists(file)) return std::nullopt;
  try {
    const json document = parse_json(read_file(file, kMaximumBytes), file.string());
    return UnfinishedPull{parse_model_name(document.at("name").get<std::string>()), document.at("reference"),
                          bytes(), document.at("bytes_total")};
  } catch (const Error&) {
  } catch (const json::exception&) {
  }
  return std::nullopt;
}

std::uint64_t Partial::bytes() const {
  return bytes_under(path_ / "files") + bytes_under(path_ / "incoming");
}

void Partial::remove() const {
  std::error_code error;
  fs::remove_all(path_, error);
}

}  // namespace hearth::store
