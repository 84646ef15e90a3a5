// The program's log: lines on stderr (a service manager keeps them), as text or one JSON object each. The
// only global state of the project. What users wrote (prompts, outputs, keys, query strings) never goes into
// it; an Error is logged by log_text(). Thread-safety: all functions are safe from any thread, but
// set_log_format(): before the first thread starts.
#pragma once

#include <spdlog/spdlog.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace hearth {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };
enum class LogFormat {
  kText,  // 2026-01-31T12:00:00.000+00:00 info MESSAGE
  kJson,  // {"time": ..., "level": "info", "message": MESSAGE}
};

void set_log_level(LogLevel level);
void set_log_format(LogFormat format);

// A line for programs to read, with fields of its own: `message name=value ...` as text, members as JSON.
// Names are words; they are not checked.
using LogFields = std::vector<std::pair<std::string_view, std::variant<std::string, std::int64_t, double>>>;
void log_event(std::string_view message, const LogFields& fields);

template <typename... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  spdlog::debug(format, std::forward<Args>(args)...);
}
template <typename... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  spdlog::info(format, std::forward<Args>(args)...);
}
template <typename... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  spdlog::warn(format, std::forward<Args>(args)...);
}
template <typename... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  spdlog::error(format, std::forward<Args>(args)...);
}

}  // namespace hearth
