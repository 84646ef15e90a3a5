// Regular languages over bytes as expressions, and their derivatives.
//
// An expression is a number in its store; equal expressions have equal numbers, so that they serve as the
// states of an automaton: the derivative of a language by a byte is what may follow that byte (Brzozowski
// 1964, as in Owens, Reppy and Turon 2009). Intersection, complement and counted repetition cost nothing
// extra, because no automaton is built beforehand. Non-goals: parsing (constraint/regular_expression.h),
// speed of single steps (constraint/automaton.h keeps what was derived). Ownership: a value; copies are
// independent and keep the numbers. Thread-safety: none. Errors: kUnsupported where the limits below are
// exceeded, so that hostile expressions end early.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "constraint/hash_index.h"

namespace hearth::constraint {

using Expression = std::uint32_t;
using ByteSet = std::bitset<256>;

inline constexpr std::uint32_t kUnlimited = 0xFFFFFFFF;

inline constexpr std::size_t kMostExpressions = 400'000;
// Derivations of one compilation, mask or token, each some 25 to 60 nanoseconds.
inline constexpr std::int64_t kMostWork = 12'000'000;
inline constexpr std::int32_t kDeepestExpression = 2000;  // derivatives recurse this deep

// Bytes that no expression of a store tells apart.
struct ByteClasses {
  std::array<std::uint8_t, 256> of{};         // the class of each byte
  std::vector<std::uint8_t> representatives;  // one byte of each class
};

class ExpressionStore {
 public:
  static constexpr Expression kNothing = 0;    // no text at all
  static constexpr Expression kEmptyText = 1;  // "" alone
  static constexpr Expression kAnyByte = 2;
  static constexpr Expression kEverything = 3;  // every text

  ExpressionStore();

  Expression bytes(const ByteSet& set);
  Expression byte_range(std::uint8_t first, std::uint8_t last);
  Expression literal(std::string_view text);
  Expression sequence(Expression first, Expression second);
  Expression sequence(std::span<const Expression> parts);
  Expression any_of(std::vector<Expression> parts);
  Expression all_of(std::vector<Expression> parts);
  Expression complement(Expression part);
  Expression repeat(Expression part, std::uint32_t least, std::uint32_t most = kUnlimited);
  Expression optional(Expression part) { return any_of({part, kEmptyText}); }
  // Digits, then maybe a dot and up to `decimals` digits, whose number is a multiple of
  // `divisor` / 10^decimals. Leading zeros are not its business. REQUIRES: divisor in 1 … 2^24, decimals
  // < 10.
  Expression multiple_of(std::uint32_t divisor, std::uint32_t decimals);

  bool has_empty_text(Expression e) const { return nodes_[e].nullable; }
  // Whether e may be a language without any text though it is not kNothing: intersections and complements.
  bool may_be_empty(Expression e) const { return nodes_[e].boolean; }
  // Whether it counts behind, within or around a repetition without end, beyond a few: its automaton may have
  // very many states.
  bool is_wild(Expression e) const { return nodes_[e].wild; }
  // An intersection without its parts that take finitely many texts away; all else as it is.
  Expression without_exceptions(Expression e);
  // Of the same texts of up to so many bytes, and what they begin with, as e: one expression for many that
  // differ only in how often more a part may be repeated. It need not be the least such expression.
  Expression as_far_as(Expression e, std::uint32_t bytes);
  // Whether so many texts of `part`, or fewer, may follow whichever they are; kUnlimited: any number. False
  // too where the structure does not show it without deriving.
  bool may_follow(Expression e, Expression part, std::uint32_t times);
  Expression derivative(Expression e, std::uint8_t byte);
  // All bytes that its texts begin with, and maybe others.
  ByteSet may_begin_with(Expression e);
  bool contains(Expression e, std::string_view text);
  // Searches; remembers what it found.
  bool is_empty(Expression e);
  const ByteClasses& byte_classes();
  // For stores to which literals come later: no class holds more than one byte.
  void tell_all_bytes_apart(bool all = true);
  // How many texts there are, as far as `most`.
  std::uint64_t count(Expression e, std::uint64_t most);

  std::size_t size() const { return nodes_.size(); }
  // Derivations until the next call, before kUnsupported is thrown.
  void allow_work(std::int64_t derivations) { work_left_ = derivations; }
  // Other work, in what it costs beside a derivation.
  void spend(std::size_t derivations) {
    work_left_ -= static_cast<std::int64_t>(derivations);
    if (work_left_ < 0) refuse_more_work();
  }

 private:
  [[noreturn]] static void refuse_more_work();
  enum class Kind : std::uint8_t {
    kNothing,
    kEmptyText,
    kBytes,
    kSequence,
    kAnyOf,
    kAllOf,
    kNot,
    kRepeat,
    kMultiple
  };
  struct Node {
    Kind kind;
    bool nullable, boolean;
    bool loops = false, counts = false, wild = false;
    std::int32_t depth;
    // Of kAnyOf and kAllOf: offset and count of the children. Else operands, bounds, the divisor and so on.
    std::uint32_t a, b, c;
  };
  Expression intern(Node node, std::span<const Expression> children = {});
  std::span<const Expression> children(const Node& node) const;
  void tell_repetitions(Node& node) const;
  Expression union_of_bytes(const ByteSet& set);
  void flatten(Kind kind, std::vector<Expression>& parts);
  Expression multiple(std::uint32_t divisor, std::uint32_t remainder, std::uint32_t decimals,
                      bool in_fraction, bool has_digit);
  bool begins_otherwise(Expression e, std::uint8_t byte);
  Expression multiple_derivative(const Node& node, std::uint8_t byte);
  Expression as_far_as(Expression e, std::uint32_t bytes, int levels);
  Expression without_wider(Expression intersection, std::uint32_t bytes);
  bool includes(Expression whole, Expression part);
  std::optional<Expression> some_behind(Expression e, Expression part, std::uint32_t times);

  std::vector<Node> nodes_;
  std::vector<Expression> children_;
  std::vector<ByteSet> sets_;
  HashIndex known_;
  std::unordered_map<Expression, bool> is_empty_;  // of those with intersections and complements
  std::unordered_map<std::uint64_t, bool> includes_;
  ByteClasses classes_;  // without representatives: to be computed
  bool all_bytes_apart_ = false;
  std::int64_t work_left_ = kMostWork;
};

}  // namespace hearth::constraint
