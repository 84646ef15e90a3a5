// How many files and connections this process may have open. Thread-safety: a free function.
#pragma once

#include <cstddef>

namespace hearth {

// As many as the system lets it have without asking anybody; returns how many that are. The usual limit of
// 1,024 is for programs that use select().
std::size_t allow_most_open_files();

}  // namespace hearth
