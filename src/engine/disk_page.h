// One page of keys and values as a file: AES-256-GCM, its key the tenant's, bound to its name.
//
// A name is a keyed digest of everything that the page depends on: tenant, model, numerics and all tokens up
// to the page's end. So a file stands for one text of one tenant, wherever somebody moves it, and its name
// says nothing to who lacks the key. The memory is kept out of core dumps, and given back to the system,
// which wipes it. Layout: 8 bytes of format, nonce, encrypted page, tag. Thread-safety: values.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "base/encryption.h"

namespace hearth::engine {

using PageName = Digest;

class DiskPage {
 public:
  // Counts its memory in `account`, which must outlive it; none where that would be more than `most_bytes`,
  // or where the system has no memory.
  static std::optional<DiskPage> make(std::size_t content_bytes, std::atomic<std::size_t>& account,
                                      std::size_t most_bytes);
  DiskPage(DiskPage&& other) noexcept
      : memory_(std::exchange(other.memory_, {})), account_(std::exchange(other.account_, nullptr)) {}
  DiskPage& operator=(DiskPage&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(account_, other.account_);
    return *this;
  }
  ~DiskPage();

  std::span<std::byte> content() const;
  // The whole file, once encrypt() has run, or for decrypt() to check.
  std::span<std::byte> file() const { return memory_; }
  static std::size_t file_bytes(std::size_t content_bytes);

  void encrypt(const SecretKey& key, const PageName& name);
  // False where the file is not what encrypt() made with the same key and name; the content is of no use
  // then.
  bool decrypt(const SecretKey& key, const PageName& name);
  // What decrypt() wants, from an open file. False where it has not just this size or cannot be read.
  bool read(int fd);

 private:
  DiskPage(std::span<std::byte> memory, std::atomic<std::size_t>* account)
      : memory_(memory), account_(account) {}
  std::span<std::byte> memory_;
  std::atomic<std::size_t>* account_;
};

}  // namespace hearth::engine
