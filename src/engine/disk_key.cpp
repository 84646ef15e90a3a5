#include "engine/disk_key.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>

#include "base/error.h"
#include "base/file.h"
#include "base/hex.h"

namespace hearth::engine {
namespace {

constexpr std::size_t kMostBytes = 128;  // of a key file: the digits and a line's end

SecretKey parse(std::string text, const std::string& where) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  SecretKey key;
  bool good = text.size() == 2 * key.bytes.size();
  for (std::size_t i = 0; good && i < key.bytes.size(); ++i) {
    const char* digits = text.data() + 2 * i;
    unsigned value = 0;
    const auto [end, error] = std::from_chars(digits, digits + 2, value, 16);
    good = error == std::errc() && end == digits + 2;
    key.bytes[i] = static_cast<std::byte>(value);
  }
  if (!good)
    throw Error(ErrorKind::kInvalidArgument, fmt::format("{} does not hold 64 hexadecimal digits", where),
                "`openssl rand -hex 32` makes a key");
  return key;
}

void make(const std::filesystem::path& path) {
  SecretKey key;
  fill_randomly(key.bytes);
  const std::string text = to_hex(key.bytes) + '\n';
  std::error_code no_folder;
  std::filesystem::create_directories(path.parent_path(), no_folder);
  if (no_folder)
    throw system_error(fmt::format("cannot make {}", path.parent_path().string()), no_folder.value());
  // Linked when it is whole: a crash leaves no half of a key.
  const std::filesystem::path temporary = path.string() + fmt::format(".{}.tmp", ::getpid());
  {
    const FileDescriptor file = open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    write_all(file.get(), std::as_bytes(std::span(text)), temporary);
    ::fsync(file.get());
  }
  const int error = ::link(temporary.c_str(), path.c_str()) == 0 ? 0 : errno;
  ::unlink(temporary.c_str());
  if (error != 0 && error != EEXIST) throw system_error(fmt::format("cannot make {}", path.string()), error);
}

}  // namespace

SecretKey load_disk_key(const std::filesystem::path& key_file, const std::filesystem::path& home) {
  const char* variable = std::getenv(kDiskKeyVariable);
  if (!key_file.empty() && variable != nullptr)
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("both cache.disk_key_file and {} give a key", kDiskKeyVariable),
                "leave one of them out");
  if (!key_file.empty()) return parse(read_file(key_file, kMostBytes), key_file.string());
  if (variable != nullptr) return parse(variable, kDiskKeyVariable);
  const std::filesystem::path own = home / "prefix-cache.key";
  std::error_code unknown;  // then reading it says why
  if (!std::filesystem::exists(own, unknown) && !unknown) make(own);
  return parse(read_file(own, kMostBytes), own.string());
}

}  // namespace hearth::engine
