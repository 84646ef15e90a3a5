#include "constraint/schema_document.h"

#include <charconv>

#include "base/error.h"
#include "base/printable.h"
#include "constraint/json_schema.h"

namespace hearth::constraint {
namespace {

// What stands in these is data.
bool holds_data(std::string_view keyword) {
  return keyword == "enum" || keyword == "const" || keyword == "default" || keyword == "examples";
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

const json* string_in(const json& object, std::string_view name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? &*found : nullptr;
}

}  // namespace

SchemaDocument::SchemaDocument(const json& root) : root_(root) {
  if (root.is_object()) {
    if (const json* dialect = string_in(root, "$schema")) {
      const std::string& name = dialect->get_ref<const std::string&>();
      for (const std::string_view old : {"draft-03", "draft-04", "draft-06", "draft-07"})
        ref_stands_alone_ = ref_stands_alone_ || name.find(old) != name.npos;
    }
    const json* id = string_in(root, "$id");
    if (id == nullptr) id = string_in(root, "id");
    if (id != nullptr) root_id_ = id->get<std::string>();
    if (root_id_.ends_with('#')) root_id_.pop_back();
  }
  index(root, "#", false, 0);
}

void SchemaDocument::index(const json& part, const std::string& place, bool embedded, int depth) {
  if (++values_ > kMostSchemaValues)
    throw Error(ErrorKind::kUnsupported,
                fmt::format("the schema has more than {} values", kMostSchemaValues));
  if (depth > kDeepestSchema)
    throw Error(ErrorKind::kUnsupported,
                fmt::format("the schema is nested more than {} deep", kDeepestSchema));
  if (part.is_array()) {
    for (std::size_t i = 0; i < part.size(); ++i)
      index(part[i], fmt::format("{}/{}", place, i), embedded, depth + 1);
    return;
  }
  if (!part.is_object()) return;
  places_.emplace(&part, place);
  if (const json* id = string_in(part, "$id"); id != nullptr && &part != &root_) {
    const std::string& name = id->get_ref<const std::string&>();
    named_.emplace(name, &part);
    embedded = embedded || !name.starts_with('#');
  }
  if (const json* anchor = string_in(part, "$anchor"))
    named_.emplace(fmt::format("#{}", anchor->get_ref<const std::string&>()), &part);
  if (embedded) embedded_.insert(&part);
  for (const auto& [key, value] : part.items())
    if (!holds_data(key)) index(value, fmt::format("{}/{}", place, printable(key)), embedded, depth + 1);
}

std::string SchemaDocument::place_of(const json& part) const {
  const auto found = places_.find(&part);
  return found == places_.end() ? "#" : found->second;
}

const json& SchemaDocument::target_of(const json& part) const {
  const json& value = part["$ref"];
  if (!value.is_string())
    throw Error(ErrorKind::kInvalidArgument, fmt::format("{}: `$ref` must be a string", place_of(part)));
  const std::string& reference = value.get_ref<const std::string&>();
  if (const auto named = named_.find(reference); named != named_.end()) return *named->second;
  std::string_view rest = reference;
  if (!root_id_.empty() && rest.starts_with(root_id_)) rest.remove_prefix(root_id_.size());
  if ((!rest.empty() && !rest.starts_with('#')) || embedded_.contains(&part))
    throw Error(ErrorKind::kUnsupported,
                fmt::format("{}: the `$ref` to {} leads out of this schema, and nothing is fetched",
                            place_of(part), printable(reference)),
                "put what it names into `$defs`");
  if (rest.size() <= 1) return root_;
  if (!rest.starts_with("#/")) {
    const auto named = named_.find(rest);
    if (named != named_.end()) return *named->second;
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("the `$ref` to {} leads nowhere", printable(reference)));
  }
  return at_pointer(rest.substr(1), reference);
}

const json& SchemaDocument::at_pointer(std::string_view pointer, const std::string& reference) const {
  const json* at = &root_;
  while (at != nullptr && !pointer.empty()) {
    pointer.remove_prefix(1);  // the slash
    const std::string_view encoded = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(encoded.size());
    std::string name;
    for (const std::string step = percent_decoded(encoded); const char c : step) {
      if (!name.empty() && name.back() == '~' && (c == '0' || c == '1')) {
        name.back() = c == '0' ? '\x01' : '/';  // a ~ that is done with
        continue;
      }
      name += c;
    }
    for (char& c : name)
      if (c == '\x01') c = '~';
    if (at->is_object()) {
      const auto found = at->find(name);
      at = found == at->end() ? nullptr : &*found;
    } else if (at->is_array()) {
      std::size_t i = 0;
      const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), i);
      at = error == std::errc{} && end == name.data() + name.size() && i < at->size() ? &(*at)[i] : nullptr;
    } else {
      at = nullptr;
    }
  }
  if (at == nullptr)
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("the `$ref` to {} leads nowhere", printable(reference)));
  return *at;
}

}  // namespace hearth::constraint
