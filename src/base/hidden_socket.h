// A Unix socket for this process and those that it starts: it is bound to a file that is removed at once, so
// nobody else can find it, and nothing is left behind after a crash.
//
// It stays reachable through a reference to the file (`/proc/self/fd/N`), which a child process can inherit.
// Errors: kInputOutput where the folder for temporary files cannot be written. Thread-safety: a value.
#pragma once

#include <string>

#include "base/file.h"

namespace hearth {

class HiddenSocket {
 public:
  // `type`: SOCK_STREAM, which listens at once, or SOCK_DGRAM.
  explicit HiddenSocket(int type);

  int descriptor() const { return socket_.get(); }
  // What to connect or send to, for who has `reference()` as this number.
  int reference() const { return reference_.get(); }
  std::string path() const { return path_of(reference()); }
  static std::string path_of(int reference);

 private:
  FileDescriptor socket_, reference_;
};

}  // namespace hearth
