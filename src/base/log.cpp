#include "base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <atomic>
#include <nlohmann/json.hpp>

namespace hearth {

namespace {

constexpr std::string_view kTime = "%Y-%m-%dT%H:%M:%S.%e%z";
// Payloads of a logger of this name are members of a JSON object already.
constexpr std::string_view kMembers = "members";

std::atomic<LogFormat> g_format{LogFormat::kText};

std::string to_json(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

class JsonMembers : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string_view payload(message.payload.data(), message.payload.size());
    const bool finished =
        std::string_view(message.logger_name.data(), message.logger_name.size()) == kMembers;
    const std::string members = finished ? std::string(payload) : "\"message\":" + to_json(payload);
    out.append(members.data(), members.data() + members.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JsonMembers>(); }
};

spdlog::logger& members_logger() {
  // The same sink, so that lines of both keep their order and never mix.
  static spdlog::logger logger(std::string(kMembers), spdlog::default_logger()->sinks().front());
  return logger;
}

}  // namespace

void set_log_level(LogLevel level) {
  static const bool to_stderr = [] {
    spdlog::set_default_logger(spdlog::stderr_color_mt("hearth"));
    set_log_format(LogFormat::kText);
    return true;
  }();
  static_cast<void>(to_stderr);
  constexpr spdlog::level::level_enum kLevels[] = {
      spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err, spdlog::level::off};
  spdlog::set_level(kLevels[static_cast<int>(level)]);
}

void set_log_format(LogFormat format) {
  g_format = format;
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  if (format == LogFormat::kJson) formatter->add_flag<JsonMembers>('*');
  formatter->set_pattern(format == LogFormat::kText
                             ? fmt::format("{} %l %v", kTime)
                             : fmt::format(R"({{"time":"{}","level":"%l",%*}})", kTime));
  spdlog::default_logger()->sinks().front()->set_formatter(std::move(formatter));
}

void log_event(std::string_view message, const LogFields& fields) {
  if (!spdlog::default_logger_raw()->should_log(spdlog::level::info)) return;
  if (g_format == LogFormat::kJson) {
    std::string members = "\"message\":" + to_json(message);
    for (const auto& [name, value] : fields)
      std::visit([&](const auto& v) { members += fmt::format(",\"{}\":{}", name, to_json(v)); }, value);
    members_logger().info(members);
  } else {
    std::string line(message);
    for (const auto& [name, value] : fields)
      std::visit([&](const auto& v) { line += fmt::format(" {}={}", name, v); }, value);
    spdlog::info(line);
  }
}

}  // namespace hearth
