#include "configuration/values.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <span>
#include <string_view>

#include "base/printable.h"

namespace hearth::configuration {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};
// From small to large.
constexpr Unit kSizes[] = {{"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
constexpr Unit kTimes[] = {{"ms", 1}, {"s", 1000}, {"min", 60'000}, {"h", 3'600'000}};

// All of the text, in decimal, or nothing.
template <typename Number>
std::optional<Number> parse_whole(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// In quotes, what looks like a number or a truth value is a text.
bool is_plain(const YamlNode& node) { return node.kind == YamlNode::Kind::kScalar && !node.quoted; }

std::optional<std::int64_t> parse_quantity(std::string_view text, std::span<const Unit> units) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  std::string_view name = text.substr(digits);
  if (name.starts_with(' ')) name.remove_prefix(1);
  const auto count = parse_whole<std::int64_t>(text.substr(0, digits));
  for (const Unit& unit : units)
    if (count && name == unit.name && *count <= std::numeric_limits<std::int64_t>::max() / unit.factor)
      return *count * unit.factor;
  return std::nullopt;
}

std::string show_quantity(std::int64_t count, std::span<const Unit> units) {
  const Unit* best = &units[0];
  for (const Unit& unit : units)
    if (count != 0 && count % unit.factor == 0) best = &unit;
  return fmt::format("{}{}", count / best->factor, best->name);
}

std::optional<std::string> read_text(const YamlNode& node) {
  const std::string& text = node.text;
  // The YAML parser takes a quote that the file never ends for one that ends with a space.
  const bool fits = node.kind == YamlNode::Kind::kScalar && !text.empty() && text.size() <= 4096 &&
                    text.front() != ' ' && text.back() != ' ';
  return fits && printable(text, text.size()) == text ? std::optional(text) : std::nullopt;
}

}  // namespace

ValueType<std::int64_t> integer(std::int64_t least, std::int64_t most) {
  return {fmt::format("an integer from {} to {}", least, most), "INT",
          [=](const YamlNode& node) {
            auto value = is_plain(node) ? parse_whole<std::int64_t>(node.text) : std::nullopt;
            return value && *value >= least && *value <= most ? value : std::nullopt;
          },
          [](std::int64_t value) { return std::to_string(value); }};
}

ValueType<double> number(double least, double most) {
  return {fmt::format("a number from {} to {}", least, most), "NUMBER",
          [=](const YamlNode& node) {
            auto value = is_plain(node) ? parse_whole<double>(node.text) : std::nullopt;
            // Written so that NaN fails.
            return value && *value >= least && *value <= most ? value : std::nullopt;
          },
          [](double value) { return fmt::format("{}", static_cast<float>(value)); }};
}

ValueType<bool> boolean() {
  return {"true or false", "",
          [](const YamlNode& node) -> std::optional<bool> {
            if (!is_plain(node) || (node.text != "true" && node.text != "false")) return std::nullopt;
            return node.text == "true";
          },
          [](bool value) { return std::string(value ? "true" : "false"); }};
}

ValueType<std::size_t> size(std::size_t least_bytes, std::size_t most_bytes) {
  const auto show = [](std::size_t bytes) { return show_quantity(static_cast<std::int64_t>(bytes), kSizes); };
  return {fmt::format("a size from {} to {}, in B, KiB, MiB or GiB", show(least_bytes), show(most_bytes)),
          "SIZE",
          [=](const YamlNode& node) -> std::optional<std::size_t> {
            const auto bytes = parse_quantity(node.text, kSizes);
            if (!bytes || static_cast<std::size_t>(*bytes) < least_bytes ||
                static_cast<std::size_t>(*bytes) > most_bytes)
              return std::nullopt;
            return static_cast<std::size_t>(*bytes);
          },
          show};
}

ValueType<std::chrono::milliseconds> duration(std::chrono::milliseconds least,
                                              std::chrono::milliseconds most) {
  const auto show = [](std::chrono::milliseconds time) { return show_quantity(time.count(), kTimes); };
  return {fmt::format("a time from {} to {}, in ms, s, min or h", show(least), show(most)), "TIME",
          [=](const YamlNode& node) -> std::optional<std::chrono::milliseconds> {
            const auto count = parse_quantity(node.text, kTimes);
            if (!count || *count < least.count() || *count > most.count()) return std::nullopt;
            return std::chrono::milliseconds(*count);
          },
          show};
}

ValueType<std::string> text(std::string what) {
  return {std::move(what), "TEXT", read_text, [](const std::string& value) { return value; }};
}

ValueType<std::vector<std::string>> texts(std::string what) {
  return {
      std::move(what), "TEXT",
      [](const YamlNode& node) -> std::optional<std::vector<std::string>> {
        if (node.kind != YamlNode::Kind::kList) return std::nullopt;
        std::vector<std::string> values;
        for (const YamlNode& item : node.items) {
          const auto value = read_text(item);
          if (!value) return std::nullopt;
          values.push_back(*value);
        }
        return values;
      },
      [](const std::vector<std::string>& values) { return fmt::format("[{}]", fmt::join(values, ", ")); }};
}

ValueType<std::map<std::string, std::string>> map_of_texts(std::string what) {
  using Map = std::map<std::string, std::string>;
  return {std::move(what), "TEXT",
          [](const YamlNode& node) -> std::optional<Map> {
            if (node.kind != YamlNode::Kind::kMap) return std::nullopt;
            Map values;
            for (const YamlMember& member : node.members) {
              const auto value = read_text(member.value);
              if (!value) return std::nullopt;
              values[member.key] = *value;
            }
            return values;
          },
          [](const Map& values) {
            std::string shown;
            for (const auto& [key, value] : values)
              shown += fmt::format("{}{}: {}", shown.empty() ? "" : ", ", key, value);
            return "{" + shown + "}";
          }};
}

}  // namespace hearth::configuration
