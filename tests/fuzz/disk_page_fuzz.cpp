// Any bytes as a file of the prefix cache on disk: refused, or just what was encrypted under this name.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/file.h"
#include "engine/disk_page.h"
#include "fuzz/use_bytes.h"

using namespace hearth;
using namespace hearth::engine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  SecretKey key;
  PageName name;
  for (std::size_t i = 0; i < key.bytes.size(); ++i) key.bytes[i] = static_cast<std::byte>(i);
  name.fill(std::byte{0xAA});

  const FileDescriptor file(::memfd_create("page", MFD_CLOEXEC));
  write_all(file.get(), fuzz::input(data, size), "page");
  std::atomic<std::size_t> account{0};
  // What is asked for is the model's page, whatever the file has.
  for (const std::size_t content : {size - std::min(size, DiskPage::file_bytes(0)), std::size_t{300}}) {
    if (::lseek(file.get(), 0, SEEK_SET) != 0) __builtin_trap();
    auto page = DiskPage::make(content, account, std::size_t{1} << 30);
    if (!page) __builtin_trap();
    const bool is_read = page->read(file.get());
    if (is_read != (size == DiskPage::file_bytes(content))) __builtin_trap();
    if (!is_read || !page->decrypt(key, name)) continue;
    if (page->content().size() != content) __builtin_trap();
    for (std::size_t i = 0; i < content; ++i)
      if (page->content()[i] != static_cast<std::byte>(i * 7 % 256)) __builtin_trap();
  }
  if (account != 0) __builtin_trap();
  return 0;
}
