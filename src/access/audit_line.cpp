#include "access/audit_line.h"

#include <algorithm>

#include "access/audit_log.h"
#include "access/timestamp.h"
#include "base/error.h"
#include "base/json.h"

namespace hearth::access {
namespace {

constexpr std::string_view kBegin = "{\"@timestamp\":\"";

std::optional<nlohmann::json> parse_line(std::string_view line) {
  JsonLimits limits;
  limits.maximum_bytes = kMostAuditLineBytes;
  limits.maximum_values = 1024;
  limits.maximum_depth = 8;
  try {
    nlohmann::json entry = parse_json(line, "a line of the audit", limits);
    if (entry.is_object()) return entry;
  } catch (const Error&) {
    // What it is instead does not matter.
  }
  return std::nullopt;
}

// A text at this place of nested objects.
std::optional<std::string> text_at(const nlohmann::json& entry, const char* object, const char* name) {
  const auto outer = entry.find(object);
  if (outer == entry.end() || !outer->is_object()) return std::nullopt;
  const auto inner = outer->find(name);
  if (inner == outer->end() || !inner->is_string()) return std::nullopt;
  return inner->get<std::string>();
}

}  // namespace

std::string audit_time() {
  const auto time = std::chrono::system_clock::now();
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  std::string text = to_text(second);
  text.pop_back();
  return text + fmt::format(".{:03}Z", std::chrono::floor<std::chrono::milliseconds>(time - second).count());
}

std::optional<std::string> previous_of_audit_line(std::string_view line) {
  const auto entry = parse_line(line);
  return entry ? text_at(*entry, "hearth", "previous_sha256") : std::nullopt;
}

bool tells_of_torn_line(std::string_view line) {
  const auto entry = parse_line(line);
  return entry && text_at(*entry, "event", "action") == kTornAction;
}

bool begins_as_audit_line(std::string_view line) {
  const std::size_t length = std::min(line.size(), kBegin.size());
  return line.substr(0, length) == kBegin.substr(0, length);
}

}  // namespace hearth::access
