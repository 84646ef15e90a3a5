#include "base/hidden_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/error.h"

namespace hearth {
namespace {

// A folder that nobody else may enter; gone at the end.
struct PrivateFolder {
  std::string path = (std::filesystem::temp_directory_path() / "hearth-XXXXXX").string();
  PrivateFolder() {
    if (!::mkdtemp(path.data())) throw system_error(fmt::format("cannot create {}", path), errno);
  }
  ~PrivateFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

}  // namespace

HiddenSocket::HiddenSocket(int type) : socket_(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  const PrivateFolder folder;
  const std::string path = folder.path + "/socket";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw Error(ErrorKind::kInputOutput, fmt::format("The path of a socket is too long: {}", path),
                "let TMPDIR name a folder with a shorter path");
  std::memcpy(address.sun_path, path.data(), path.size());
  if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      (type == SOCK_STREAM && ::listen(socket_.get(), SOMAXCONN) != 0))
    throw system_error(fmt::format("cannot listen on {}", path), errno);
  reference_ = open_file(path, O_PATH);
}

std::string HiddenSocket::path_of(int reference) { return fmt::format("/proc/self/fd/{}", reference); }

}  // namespace hearth
