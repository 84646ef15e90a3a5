// The syntax tree of a template. Immutable once parsed, shared by all renderings.
// Every expression knows its height, and the parser refuses high ones, so that no recursion over the tree,
// its destruction included, goes deep.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "text/template/value.h"

namespace hearth::text::jinja {

struct FilterEntry;  // filters.h
struct TestEntry;    // predicates.h

struct Expression;
using ExpressionPtr = std::unique_ptr<const Expression>;

struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr extra_positional;  // *values, or null
  ExpressionPtr extra_named;       // **values, or null
};

enum class UnaryOperator { kNegative, kPositive, kNot };
enum class BinaryOperator { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo, kPower };
enum class ComparisonOperator { kEqual, kUnequal, kLess, kLessEqual, kGreater, kGreaterEqual, kIn, kNotIn };

struct Literal {
  Value value;
};
struct Name {
  std::string name;
};
struct ListLiteral {
  std::vector<ExpressionPtr> items;
};
struct TupleLiteral {
  std::vector<ExpressionPtr> items;
};
struct DictionaryLiteral {
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> entries;
};
struct Attribute {
  ExpressionPtr object;
  std::string name;
};
struct Subscript {
  ExpressionPtr object, index;
};
struct Slice {  // only as a Subscript's index; absent parts are null
  ExpressionPtr start, stop, step;
};
struct Call {
  ExpressionPtr callee;
  CallArguments arguments;
};
struct FilterCall {
  ExpressionPtr object;  // null: the text of the surrounding filter or set block
  std::string name;
  const FilterEntry* filter;  // null: no such filter, an error only when reached
  CallArguments arguments;
};
struct TestCall {
  ExpressionPtr object;
  std::string name;
  const TestEntry* test;  // likewise
  CallArguments arguments;
};
struct Unary {
  UnaryOperator operation;
  ExpressionPtr operand;
};
struct Binary {
  BinaryOperator operation;
  ExpressionPtr left, right;
};
struct Logical {
  bool is_and;
  ExpressionPtr left, right;
};
struct Comparison {
  ExpressionPtr first;
  std::vector<std::pair<ComparisonOperator, ExpressionPtr>> rest;
};
struct Concatenation {
  std::vector<ExpressionPtr> parts;
};
struct Conditional {
  ExpressionPtr condition, yes, no;  // `no` may be null: Undefined
};

struct Expression {
  int line;
  int height;
  std::variant<Literal, Name, ListLiteral, TupleLiteral, DictionaryLiteral, Attribute, Subscript, Slice, Call,
               FilterCall, TestCall, Unary, Binary, Logical, Comparison, Concatenation, Conditional>
      node;
};

// Where an assignment goes: names, nested in tuples, or an attribute of a namespace.
struct Target {
  int line = 1;
  std::string name;           // of a variable, or of the namespace
  std::string attribute;      // not empty: of that namespace
  std::vector<Target> parts;  // a tuple, when is_tuple
  bool is_tuple = false;
};

struct Statement;
using Block = std::vector<Statement>;

struct Parameter {
  std::string name;
  ExpressionPtr fallback;  // may be null
};

// The signature and body of a macro or of a call block.
struct MacroDefinition {
  std::string name;
  std::vector<Parameter> parameters;
  Block body;
  bool uses_caller = false, uses_varargs = false, uses_kwargs = false;
};

struct TextOutput {
  std::shared_ptr<const String> text;
};
struct Print {
  std::vector<ExpressionPtr> values;
};
struct If {
  std::vector<std::pair<ExpressionPtr, Block>> branches;
  Block otherwise;
};
struct For {
  Target target;
  ExpressionPtr iterable;
  ExpressionPtr condition;  // may be null
  bool recursive = false;
  Block body, otherwise;
};
struct Set {
  Target target;
  ExpressionPtr value;
};
struct SetBlock {
  Target target;
  ExpressionPtr filter;  // may be null
  Block body;
};
struct Macro {
  std::shared_ptr<const MacroDefinition> definition;
};
struct CallBlock {
  ExpressionPtr call;
  std::shared_ptr<const MacroDefinition> caller;
};
struct FilterBlock {
  ExpressionPtr filter;
  Block body;
};
struct With {
  std::vector<std::pair<Target, ExpressionPtr>> variables;
  Block body;
};
// {% generation %}: marks what the model is to have written, for training; here its own scope and nothing
// more.
struct Generation {
  Block body;
};
struct Break {};
struct Continue {};

struct Statement {
  int line;
  std::variant<TextOutput, Print, If, For, Set, SetBlock, Macro, CallBlock, FilterBlock, With, Generation,
               Break, Continue>
      node;
};

}  // namespace hearth::text::jinja
