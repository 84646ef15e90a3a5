#include "text/template/attribute_path.h"

#include <algorithm>

#include "text/template/attributes.h"
#include "text/template/letter_case.h"
#include "text/template/text_operations.h"

namespace hearth::text::jinja {
namespace {

std::vector<TaggedText> cut(Runtime& runtime, const TaggedText& text, const std::string& separator) {
  return split(runtime, text, &separator, -1, Side::kLeft);
}

}  // namespace

AttributePath::AttributePath(Runtime& runtime, const Value& attribute) {
  if (attribute.is_none()) return;
  if (attribute.string() == nullptr) {
    parts_.push_back(attribute);
    return;
  }
  for (TaggedText& part : cut(runtime, attribute.string()->text, ".")) {
    const std::string& bytes = part.bytes();
    const bool is_number =
        !bytes.empty() && bytes.size() < 18 &&
        std::all_of(bytes.begin(), bytes.end(), [](char c) { return c >= '0' && c <= '9'; });
    parts_.push_back(is_number ? Value(Integer{std::stoll(bytes)}) : runtime.string(std::move(part)));
  }
}

Value AttributePath::of(Runtime& runtime, Value item, const Value* fallback) const {
  for (const Value& part : parts_) {
    item = get_item(runtime, item, part);
    if (fallback != nullptr && item.is_undefined()) item = *fallback;
  }
  return item;
}

std::vector<AttributePath> AttributePath::list(Runtime& runtime, const Value& attribute) {
  std::vector<AttributePath> paths;
  if (attribute.string() == nullptr) {
    paths.emplace_back(runtime, attribute);
    return paths;
  }
  for (TaggedText& part : cut(runtime, attribute.string()->text, ",")) {
    paths.emplace_back(runtime, runtime.string(std::move(part)));
  }
  return paths;
}

Value without_case(Runtime& runtime, const Value& value) {
  if (value.string() == nullptr) return value;
  runtime.step(value.string()->text.size());
  return runtime.string(lower_case(value.string()->text));
}

}  // namespace hearth::text::jinja
