#include "server/api/field_reader.h"

#include <fmt/format.h>

#include <cmath>
#include <new>

#include "base/error.h"
#include "base/nearest_name.h"

namespace hearth::server {

using json = nlohmann::ordered_json;

std::string_view json_kind(const json& value) {
  switch (value.type()) {
    case json::value_t::null:
      return "null";
    case json::value_t::object:
      return "an object";
    case json::value_t::array:
      return "an array";
    case json::value_t::string:
      return "a string";
    case json::value_t::boolean:
      return "a boolean";
    case json::value_t::number_float:
      return "a number with a fraction";
    default:
      return "an integer";
  }
}

void throw_wrong_type(const std::string& path, std::string_view allowed, const json& found) {
  throw Error(ErrorKind::kInvalidArgument,
              path.empty() ? fmt::format("The body must be {}, but is {}.", allowed, json_kind(found))
                           : fmt::format("`{}` must be {}, but is {}.", path, allowed, json_kind(found)))
      .with_field(path);
}

FieldReader::FieldReader(const json& object, std::string path) : object_(object), path_(std::move(path)) {
  if (!object_.is_object()) throw_wrong_type(path_, "an object", object_);
}

FieldReader::FieldReader(const json& object, std::string path, FieldReader& around)
    : FieldReader(object, std::move(path)) {
  around_ = &around;
}

FieldReader::~FieldReader() {
  if (around_ == nullptr) return;
  try {
    auto& all = around_->unread_within_;
    for (UnreadField& field : unread())
      if (all.size() < kMostUnread) all.push_back(std::move(field));
  } catch (const std::bad_alloc&) {  // then it is not named
  }
}

std::string FieldReader::required_string(std::string_view name, std::string_view what_it_is) {
  const json& value = required(name, what_it_is);
  if (!value.is_string()) throw_wrong_type(path_of(name), "a string", value);
  return value.get<std::string>();
}

std::string FieldReader::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

const json* FieldReader::value(std::string_view name) {
  read_.emplace(name);
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

const json& FieldReader::required(std::string_view name, std::string_view what_it_is) {
  if (const json* found = value(name)) return *found;
  throw Error(ErrorKind::kInvalidArgument, fmt::format("`{}` is missing: {}.", path_of(name), what_it_is))
      .with_field(path_of(name));
}

std::optional<double> FieldReader::number(std::string_view name, double least, double most) {
  const json* found = value(name);
  if (!found) return std::nullopt;
  const std::string allowed = fmt::format("a number from {} to {}", least, most);
  if (!found->is_number()) throw_wrong_type(path_of(name), allowed, *found);
  const double number = found->get<double>();
  if (!(number >= least && number <= most))
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("`{}` must be {}, but is {}.", path_of(name), allowed, number))
        .with_field(path_of(name));
  return number;
}

std::optional<std::int64_t> FieldReader::integer(std::string_view name, std::int64_t least,
                                                 std::int64_t most) {
  const json* found = value(name);
  if (!found) return std::nullopt;
  const std::string allowed = fmt::format("an integer from {} to {}", least, most);
  // Clients in languages with one number type send 64 as 64.0.
  const bool whole =
      found->is_number_integer() ||
      (found->is_number_float() && std::nearbyint(found->get<double>()) == found->get<double>());
  if (!whole) throw_wrong_type(path_of(name), allowed, *found);
  const auto out_of_range = [&](const std::string& shown) -> Error {
    return Error(ErrorKind::kInvalidArgument,
                 fmt::format("`{}` must be {}, but is {}.", path_of(name), allowed, shown))
        .with_field(path_of(name));
  };
  if (found->is_number_float() && std::abs(found->get<double>()) > 9e15) throw out_of_range(found->dump());
  if (found->is_number_unsigned() && found->get<std::uint64_t>() > std::uint64_t{INT64_MAX})
    throw out_of_range(found->dump());
  const auto number = found->get<std::int64_t>();
  if (number < least || number > most) throw out_of_range(std::to_string(number));
  return number;
}

std::optional<bool> FieldReader::boolean(std::string_view name) {
  const json* found = value(name);
  if (!found) return std::nullopt;
  if (!found->is_boolean()) throw_wrong_type(path_of(name), "true or false", *found);
  return found->get<bool>();
}

std::optional<std::string> FieldReader::string(std::string_view name) {
  const json* found = value(name);
  if (!found) return std::nullopt;
  if (!found->is_string()) throw_wrong_type(path_of(name), "a string", *found);
  return found->get<std::string>();
}

std::vector<UnreadField> FieldReader::unread() const {
  std::vector<UnreadField> fields;
  for (const auto& item : object_.items()) {
    const std::string& name = item.key();
    if (item.value().is_null() || read_.contains(name)) continue;
    if (fields.size() == kMostUnread) return fields;
    const std::string nearest = fields.empty() ? nearest_name(name, asked_for()) : "";
    fields.push_back({path_of(name), nearest.empty() ? "" : path_of(nearest)});
  }
  for (const UnreadField& field : unread_within_)
    if (fields.size() < kMostUnread) fields.push_back(field);
  return fields;
}

}  // namespace hearth::server
