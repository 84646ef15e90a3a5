#include "engine/disk_page.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace hearth::engine {
namespace {

constexpr std::array<char, 8> kFormat = {'H', 'e', 'a', 'r', 't', 'h', 'P', '1'};
constexpr std::size_t kNonceAt = kFormat.size(), kContentAt = kNonceAt + Nonce{}.size();

using Associated = std::array<std::byte, kFormat.size() + PageName{}.size()>;

Associated associated(const PageName& name) {
  Associated bytes;
  std::memcpy(bytes.data(), kFormat.data(), kFormat.size());
  std::copy(name.begin(), name.end(), bytes.begin() + kFormat.size());
  return bytes;
}

}  // namespace

std::size_t DiskPage::file_bytes(std::size_t content_bytes) {
  return kContentAt + content_bytes + Tag{}.size();
}

std::optional<DiskPage> DiskPage::make(std::size_t content_bytes, std::atomic<std::size_t>& account,
                                       std::size_t most_bytes) {
  const std::size_t bytes = file_bytes(content_bytes);
  if (account.fetch_add(bytes) + bytes > most_bytes) {
    account -= bytes;
    return std::nullopt;
  }
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    account -= bytes;
    return std::nullopt;
  }
  ::madvise(memory, bytes, MADV_DONTDUMP);
  return DiskPage({static_cast<std::byte*>(memory), bytes}, &account);
}

DiskPage::~DiskPage() {
  if (account_ == nullptr) return;
  ::munmap(memory_.data(), memory_.size());
  *account_ -= memory_.size();
}

std::span<std::byte> DiskPage::content() const {
  return memory_.subspan(kContentAt, memory_.size() - file_bytes(0));
}

void DiskPage::encrypt(const SecretKey& key, const PageName& name) {
  Nonce nonce;
  fill_randomly(nonce);
  std::memcpy(memory_.data(), kFormat.data(), kFormat.size());
  std::copy(nonce.begin(), nonce.end(), memory_.begin() + kNonceAt);
  const Tag tag = hearth::encrypt(key, nonce, associated(name), content());
  std::copy(tag.begin(), tag.end(), memory_.end() - static_cast<std::ptrdiff_t>(tag.size()));
}

bool DiskPage::decrypt(const SecretKey& key, const PageName& name) {
  if (std::memcmp(memory_.data(), kFormat.data(), kFormat.size()) != 0) return false;
  Nonce nonce;
  Tag tag;
  std::copy_n(memory_.begin() + kNonceAt, nonce.size(), nonce.begin());
  std::copy(memory_.end() - static_cast<std::ptrdiff_t>(tag.size()), memory_.end(), tag.begin());
  return hearth::decrypt(key, nonce, associated(name), content(), tag);
}

bool DiskPage::read(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return false;
  if (static_cast<std::size_t>(status.st_size) != memory_.size()) return false;
  std::span<std::byte> rest = memory_;
  while (!rest.empty()) {
    const ssize_t count = ::read(fd, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    rest = rest.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace hearth::engine
