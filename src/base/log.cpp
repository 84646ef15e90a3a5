#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>

namespace hearth {

void set_log_level(LogLevel level) {
  static const bool to_stderr = [] {
    spdlog::set_default_logger(spdlog::stderr_color_mt("hearth"));
    spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
    return true;
  }();
  static_cast<void>(to_stderr);
  constexpr spdlog::level::level_enum kLevels[] = {
      spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err, spdlog::level::off};
  spdlog::set_level(kLevels[static_cast<int>(level)]);
}

}  // namespace hearth
