// Reads the fields of a JSON object strictly, each error naming the field's path ("messages[2].content") and
// what is allowed there. A field that is absent or null reads as nothing. Fields that nobody asked for are
// listed by unread(), so that a request can name what was ignored: those of objects within as well, where
// their readers are given the one around them. Thread-safety: one thread at a time. The object must outlive
// the reader.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::server {

struct UnreadField {
  std::string path;
  std::string
      resembles;  // the path of one that was asked for; of the first of an object alone, and often empty
};

class FieldReader {
 public:
  // Throws kInvalidArgument when `object` is not one. `path` is empty for the body itself.
  FieldReader(const nlohmann::ordered_json& object, std::string path = {});
  // Its unread fields become `around`'s, which outlives it.
  FieldReader(const nlohmann::ordered_json& object, std::string path, FieldReader& around);
  FieldReader(const FieldReader&) = delete;
  FieldReader& operator=(const FieldReader&) = delete;
  ~FieldReader();

  std::optional<double> number(std::string_view name, double least, double most);
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t least, std::int64_t most);
  std::optional<bool> boolean(std::string_view name);
  std::optional<std::string> string(std::string_view name);
  // Any value, its type unchecked; nullptr when absent or null.
  const nlohmann::ordered_json* value(std::string_view name);
  // Throws when the field is absent or null.
  const nlohmann::ordered_json& required(std::string_view name, std::string_view what_it_is);
  // Throws where it is no string, too.
  std::string required_string(std::string_view name, std::string_view what_it_is);

  std::string path_of(std::string_view name) const;
  // Names that were asked for, there or not.
  std::vector<std::string> asked_for() const { return {read_.begin(), read_.end()}; }
  // Fields other than null that nobody asked for, this object's first; no more than kMostUnread.
  std::vector<UnreadField> unread() const;

  static constexpr std::size_t kMostUnread = 1024;

 private:
  const nlohmann::ordered_json& object_;
  std::string path_;
  FieldReader* around_ = nullptr;
  std::set<std::string, std::less<>> read_;
  std::vector<UnreadField> unread_within_;
};

// "a string", "an array", ...: for messages.
std::string_view json_kind(const nlohmann::ordered_json& value);
// Throws kInvalidArgument: "`path` must be ALLOWED, but is KIND".
[[noreturn]] void throw_wrong_type(const std::string& path, std::string_view allowed,
                                   const nlohmann::ordered_json& found);

}  // namespace hearth::server
