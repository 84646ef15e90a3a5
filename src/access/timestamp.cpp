#include "access/timestamp.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"

namespace hearth::access {

using namespace std::chrono;

namespace {

constexpr std::string_view kShape = "0000-00-00T00:00:00Z";

// Digits where the shape has a zero, everything else as it stands there.
bool has_shape(std::string_view text, std::string_view shape) {
  return std::ranges::equal(
      text, shape, [](char c, char wanted) { return wanted == '0' ? c >= '0' && c <= '9' : c == wanted; });
}

int number(std::string_view digits) {
  int value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

std::optional<Time> after(std::string_view text, Time now) {
  constexpr std::pair<std::string_view, minutes> kUnits[] = {
      {"d", days(1)}, {"h", hours(1)}, {"min", minutes(1)}};
  int count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || count < 1 || count > 100'000) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  for (const auto& [name, unit] : kUnits)
    if (text == name) return now + count * unit;
  return std::nullopt;
}

}  // namespace

Time now() { return floor<seconds>(system_clock::now()); }

std::string to_text(Time time) {
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::optional<Time> parse_time(std::string_view text) {
  if (!has_shape(text, kShape)) return std::nullopt;
  const year_month_day date(year(number(text.substr(0, 4))),
                            month(static_cast<unsigned>(number(text.substr(5, 2)))),
                            day(static_cast<unsigned>(number(text.substr(8, 2)))));
  const int hour = number(text.substr(11, 2)), minute = number(text.substr(14, 2)),
            second = number(text.substr(17, 2));
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return sys_days(date) + hours(hour) + minutes(minute) + seconds(second);
}

Time parse_end(std::string_view text, Time now) {
  auto end = after(text, now);
  if (!end) end = parse_time(text);
  if (!end && text.size() == 10) end = parse_time(std::string(text) + "T00:00:00Z");
  if (!end)
    throw Error(ErrorKind::kInvalidArgument, fmt::format("{} is neither a time nor how long", text),
                "90d, 12h or 30min from now, a day as 2027-01-31, or a time as 2027-01-31T12:00:00Z");
  if (*end <= now) throw Error(ErrorKind::kInvalidArgument, fmt::format("{} is over", text));
  return *end;
}

}  // namespace hearth::access
