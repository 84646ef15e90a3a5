// The `attribute` argument of filters: "name", "a.b.0" or a number, looked up as object[part][part].
#pragma once

#include <vector>

#include "text/template/runtime.h"

namespace hearth::text::jinja {

class AttributePath {
 public:
  // `attribute` may be None: the item itself.
  AttributePath(Runtime& runtime, const Value& attribute);
  // `fallback`, where not null, stands for what is Undefined on the way.
  Value of(Runtime& runtime, Value item, const Value* fallback = nullptr) const;

  // "a.b,c" as several paths.
  static std::vector<AttributePath> list(Runtime& runtime, const Value& attribute);

 private:
  std::vector<Value> parts_;
};

// The lower-case form of a string, other values as they are: what sorting without case compares.
Value without_case(Runtime& runtime, const Value& value);

}  // namespace hearth::text::jinja
