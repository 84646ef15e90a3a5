#include "store/digest.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/printable.h"
#include "base/sha256.h"

namespace hearth::store {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 20;

bool is_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// Git's name of a file: SHA-1 over "blob SIZE\0" and the content. It identifies the file that the hub's own
// metadata states; it is no protection against someone who can make SHA-1 collisions.
class GitBlobHash {
 public:
  explicit GitBlobHash(std::uint64_t size) : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    const std::string header = fmt::format("blob {}", size);
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha1(), nullptr) != 1)
      throw Error(ErrorKind::kUnsupported, "this machine's OpenSSL does not offer SHA-1");
    EVP_DigestUpdate(context_.get(), header.c_str(), header.size() + 1);  // with the zero byte
  }
  void update(std::span<const std::byte> bytes) {
    EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
  }
  std::string finish_hex() {
    std::array<unsigned char, 20> digest{};
    EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr);
    return to_hex(std::as_bytes(std::span(digest)));
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

bool is_sha256(std::string_view text) { return is_hex(text, 64); }
bool is_git_oid(std::string_view text) { return is_hex(text, 40); }

std::string parse_sha256(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with("sha256:")) digits.remove_prefix(7);
  std::string folded(digits);
  std::transform(folded.begin(), folded.end(), folded.begin(),
                 [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (!is_sha256(folded))
    throw Error(ErrorKind::kInvalidArgument, fmt::format("'{}' is not a SHA-256", printable(text)),
                "a SHA-256 has 64 hexadecimal digits")
        .with_field("sha256");
  return folded;
}

FileDigests digest_file(const std::filesystem::path& path, bool with_git_oid,
                        const std::function<void(std::uint64_t)>& on_bytes) {
  const FileDescriptor fd = open_file(path, O_RDONLY);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0)
    throw system_error(fmt::format("cannot read {}", path.string()), errno);
  Sha256 sha256;
  std::unique_ptr<GitBlobHash> git;
  if (with_git_oid) git = std::make_unique<GitBlobHash>(static_cast<std::uint64_t>(status.st_size));
  FileDigests result;
  std::vector<std::byte> buffer(kBufferBytes);
  while (true) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw system_error(fmt::format("cannot read {}", path.string()), errno);
    if (count == 0) break;
    const std::span<const std::byte> bytes(buffer.data(), static_cast<std::size_t>(count));
    sha256.update(bytes);
    if (git) git->update(bytes);
    result.size += bytes.size();
    if (on_bytes) on_bytes(result.size);
  }
  result.sha256 = sha256.finish_hex();
  if (git) result.git_oid = git->finish_hex();
  return result;
}

}  // namespace hearth::store
