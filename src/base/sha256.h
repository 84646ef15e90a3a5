// SHA-256 (FIPS 180-4) of streams and files, by OpenSSL.
// Thread-safety: one Sha256 per thread.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace hearth {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::span<const std::byte> bytes);
  // 64 lower-case hexadecimal digits; the object may not be used after.
  std::string finish_hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(std::string_view bytes);
// `progress` is called with the bytes hashed so far.
std::string sha256_hex_of_file(const std::filesystem::path& path,
                               const std::function<void(std::size_t)>& progress = {});

}  // namespace hearth
