// One line of the audit: what writing and verifying it must agree on. Thread-safety: free functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hearth::access {

inline constexpr std::string_view kFirstAuditHash =
    "0000000000000000000000000000000000000000000000000000000000000000";
// Of the entry behind a line that was cut short.
inline constexpr std::string_view kTornAction = "audit-line-torn";

std::string audit_time();  // now, with milliseconds: "2026-01-31T12:00:00.000Z"

// The hash of the line before that this one states; nothing where it is no entry.
std::optional<std::string> previous_of_audit_line(std::string_view line);
// Whether it is the entry of kTornAction.
bool tells_of_torn_line(std::string_view line);
// What a crash left of a line looks like this.
bool begins_as_audit_line(std::string_view line);

}  // namespace hearth::access
