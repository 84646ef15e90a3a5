#include "store/wheel.h"

#include <zip.h>

#include <vector>

#include "base/error.h"

namespace hearth::store {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 20;

}  // namespace

struct Wheel::Archive {
  zip_t* zip = nullptr;
  ~Archive() {
    if (zip != nullptr) zip_discard(zip);
  }
};

Wheel::Wheel(const std::filesystem::path& path) : path_(path), archive_(std::make_unique<Archive>()) {
  int code = 0;
  archive_->zip = zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code);
  if (archive_->zip != nullptr) return;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const std::string reason = zip_error_strerror(&error);
  zip_error_fini(&error);
  throw Error(ErrorKind::kCorruptData,
              fmt::format("{} is not a whole package: {}", path.filename().string(), reason));
}

Wheel::Wheel(Wheel&&) noexcept = default;
Wheel::~Wheel() = default;

void Wheel::extract(const std::string& member, std::uint64_t size,
                    const std::function<void(std::span<const std::byte>)>& sink) const {
  const auto fail = [&](ErrorKind kind, const std::string& what) {
    throw Error(kind, fmt::format("{} in {} {}", member, path_.filename().string(), what));
  };
  zip_stat_t status;
  zip_stat_init(&status);
  if (zip_stat(archive_->zip, member.c_str(), 0, &status) != 0) fail(ErrorKind::kNotFound, "does not exist");
  if ((status.valid & ZIP_STAT_SIZE) == 0 || status.size != size)
    fail(ErrorKind::kCorruptData, fmt::format("has {} bytes, not {}", status.size, size));
  const std::unique_ptr<zip_file_t, decltype(&zip_fclose)> file(
      zip_fopen_index(archive_->zip, status.index, 0), &zip_fclose);
  if (!file) fail(ErrorKind::kCorruptData, fmt::format("cannot be read: {}", zip_strerror(archive_->zip)));
  std::vector<std::byte> buffer(kBufferBytes);
  std::uint64_t done = 0;
  while (true) {
    const zip_int64_t count = zip_fread(file.get(), buffer.data(), buffer.size());
    if (count < 0)
      fail(ErrorKind::kCorruptData, fmt::format("is damaged: {}", zip_file_strerror(file.get())));
    if (count == 0) break;
    done += static_cast<std::uint64_t>(count);
    if (done > size) fail(ErrorKind::kCorruptData, "is longer than it says");
    sink({buffer.data(), static_cast<std::size_t>(count)});
  }
  if (done != size) fail(ErrorKind::kCorruptData, "is shorter than it says");
}

}  // namespace hearth::store
