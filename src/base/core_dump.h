// Whether a crash of this process may write its memory, and with it prompts, answers and what caches keep of
// both, to a file or to a collector of crashes. Thread-safety: of the whole process; call before the first
// thread starts. Errors: kInputOutput where the system refuses.
#pragma once

namespace hearth {

void forbid_core_dumps();

}  // namespace hearth
