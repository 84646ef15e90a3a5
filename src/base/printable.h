// Foreign text made safe to show in a message or on a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hearth {

// Control characters and invalid UTF-8 become \xNN, and what is longer than `maximum_bytes` ends in "...": a
// name out of a hostile file can neither drive a terminal nor flood a log.
std::string printable(std::string_view text, std::size_t maximum_bytes = 80);

}  // namespace hearth
