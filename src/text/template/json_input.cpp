#include "text/template/json_input.h"

#include <algorithm>

namespace hearth::text::jinja {
namespace {

constexpr std::string_view kKnownRoles[] = {"system", "developer", "user",  "assistant",
                                            "tool",   "function",  "model", "ipython"};

bool is_known_role(const Value& value) {
  return value.string() != nullptr && std::find(std::begin(kKnownRoles), std::end(kKnownRoles),
                                                value.string()->text.bytes()) != std::end(kKnownRoles);
}

}  // namespace

Value from_json(Runtime& runtime, const nlohmann::ordered_json& json) {
  const Runtime::Nesting nesting(runtime);
  runtime.step();
  using Kind = nlohmann::ordered_json::value_t;
  switch (json.type()) {
    case Kind::boolean:
      return json.get<bool>();
    case Kind::number_integer:
      return Integer{json.get<std::int64_t>()};
    case Kind::number_unsigned:
      return Integer{json.get<std::uint64_t>()};
    case Kind::number_float:
      return json.get<double>();
    case Kind::string:
      return runtime.string(replace_invalid_utf8(json.get_ref<const std::string&>()), false);
    case Kind::array: {
      std::vector<Value> items;
      items.reserve(json.size());
      for (const auto& item : json) items.push_back(from_json(runtime, item));
      return runtime.list(std::move(items));
    }
    case Kind::object: {
      Dictionary dictionary;
      for (const auto& [key, value] : json.items()) {
        dictionary.set(TaggedText(replace_invalid_utf8(key), false), from_json(runtime, value));
      }
      return runtime.dictionary(std::move(dictionary));
    }
    default:
      return {};
  }
}

Value messages_from_json(Runtime& runtime, const nlohmann::ordered_json& messages) {
  if (!messages.is_array()) return from_json(runtime, messages);
  std::vector<Value> items;
  items.reserve(messages.size());
  for (const auto& message : messages) {
    Value converted = from_json(runtime, message);
    const Dictionary* fields = converted.dictionary();
    const Value* role = fields == nullptr ? nullptr : fields->find("role");
    if (role == nullptr || !is_known_role(*role)) {
      items.push_back(std::move(converted));
      continue;
    }
    Dictionary with_role;
    for (const auto& [key, value] : fields->entries()) {
      const std::string& name = key.string()->text.bytes();
      with_role.set(key.string()->text,
                    name == "role" ? runtime.string(value.string()->text.bytes(), true) : value);
    }
    items.push_back(runtime.dictionary(std::move(with_role)));
  }
  return runtime.list(std::move(items));
}

}  // namespace hearth::text::jinja
