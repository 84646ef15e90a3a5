#include "base/core_dump.h"

#include <sys/resource.h>

#include <algorithm>
#include <system_error>

#include "base/error.h"

namespace hearth {

void forbid_core_dumps() {
  rlimit limit{};
  bool done = ::getrlimit(RLIMIT_CORE, &limit) == 0;
  // One byte: too little for a file, and what Linux takes for "no dump" where dumps go to a program, to which
  // it would hand all of the memory at a limit of 0.
  limit.rlim_cur = std::min<rlim_t>(1, limit.rlim_max);
  done = done && ::setrlimit(RLIMIT_CORE, &limit) == 0;
  if (!done)
    throw Error(ErrorKind::kInputOutput,
                "core dumps cannot be forbidden: " + std::generic_category().message(errno));
}

}  // namespace hearth
