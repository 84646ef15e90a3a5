// JSON Schema (Draft 2020-12, and what older drafts say otherwise) as a grammar of the JSON texts that it
// admits.
//
// Keywords: type, enum, const; minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf; minLength,
// maxLength, pattern, format; prefixItems, items, additionalItems, minItems, maxItems, uniqueItems;
// properties, patternProperties, additionalProperties, required, propertyNames, minProperties, maxProperties;
// allOf, anyOf, oneOf, not (of values without parts, and of which properties there are and what they meet),
// if, dependencies, dependentRequired, dependentSchemas; $ref within the document. Every other keyword of the
// standard is refused by its name, unless nothing hangs on it; what the standard does not know means nothing.
//
// Texts have one form: strings escape only what they must (constraint/character_set.h), numbers are as in
// constraint/json_number.h, properties come in the order of `properties`, then of `required`, then any others
// that are allowed (as the standard says, all where nothing forbids them). Behind "{", "[", "," and before
// "}" and "]" may stand one space, or a line end and spaces or tabs; behind ":" one space. Names of other
// properties are not told apart from each other: they may repeat.
// oneOf is exact for values without parts. Between objects or arrays it is taken where a property or a length
// shows that no two branches hold; else each of two objects is kept from a property that only the other one
// requires, or made to have one that the other one cannot have; where there is none, it is refused.
// uniqueItems holds for values without parts, and for objects and arrays of which nothing is asked: those
// have no spaces, at most one property and three levels then. Other objects all get a property whose values
// differ, and items that nothing tells apart are left out, or refused where there are no others. Nothing is
// ever fetched: a $ref out of the document is refused. Thread-safety: a free function. Errors:
// kInvalidArgument for what is no schema or admits nothing, kUnsupported for the rest, with the place in the
// schema.
#pragma once

#include <nlohmann/json.hpp>

#include "constraint/grammar.h"

namespace hearth::constraint {

inline constexpr std::size_t kMostSchemaValues = 50'000;
inline constexpr int kDeepestSchema = 128;

Grammar json_schema_grammar(const nlohmann::ordered_json& schema);

// Any text, but where a call of a tool begins in it (in the forms of text/tool_calls.h), the call goes on to
// its end with arguments of the tool's schema. `calls`: {"anyOf": [{"properties": {"name": {"const": NAME},
// "arguments": SCHEMA}}, ...]}, at least one; with "answer": SCHEMA beside it, instead of any text a JSON
// text of that schema or calls alone. What else stands there is not looked at.
Grammar text_with_calls_grammar(const nlohmann::ordered_json& calls);

}  // namespace hearth::constraint
