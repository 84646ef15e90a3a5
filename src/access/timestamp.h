// Points of time as people and files write them: seconds of UTC, "2026-01-31T12:00:00Z" (RFC 3339).
// Thread-safety: free functions.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace hearth::access {

using Time = std::chrono::sys_seconds;

Time now();

std::string to_text(Time time);
// Nothing where it is no such text of a day that there is.
std::optional<Time> parse_time(std::string_view text);

// When something ends: "90d", "12h" or "30min" from `now` on, a day ("2027-01-31": until it begins), or a
// time as above. Throws kInvalidArgument for something else and for what is over.
Time parse_end(std::string_view text, Time now);

}  // namespace hearth::access
