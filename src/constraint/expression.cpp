#include "constraint/expression.h"

#include <algorithm>

#include "base/error.h"

namespace hearth::constraint {
namespace {

Error too_large(const char* what) {
  return Error(ErrorKind::kUnsupported, fmt::format("the constraint on the output {}", what),
               "use a simpler schema, grammar or pattern");
}

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15;
  return hash ^ (hash >> 29);
}

// Fields of kMultiple beside the divisor.
constexpr std::uint32_t kInFraction = 16, kHasDigit = 32, kDecimals = 15;

}  // namespace

ExpressionStore::ExpressionStore() {
  intern({.kind = Kind::kNothing, .nullable = false, .boolean = false, .depth = 0, .a = 0, .b = 0, .c = 0});
  intern({.kind = Kind::kEmptyText, .nullable = true, .boolean = false, .depth = 0, .a = 0, .b = 0, .c = 0});
  bytes(ByteSet().set());
  repeat(kAnyByte, 0);
}

std::span<const Expression> ExpressionStore::children(const Node& node) const {
  if (node.kind != Kind::kAnyOf && node.kind != Kind::kAllOf) return {};
  return std::span(children_).subspan(node.a, node.b);
}

// For lists, a and b of the node are filled in here.
Expression ExpressionStore::intern(Node node, std::span<const Expression> list) {
  std::uint64_t hash = mix(static_cast<std::uint64_t>(node.kind), node.c);
  if (list.empty()) {
    hash = mix(mix(hash, node.a), node.b);
  } else {
    for (const Expression child : list) hash = mix(hash, child);
  }
  const auto known = known_.find(hash, [&](Expression number) {
    const Node& other = nodes_[number];
    if (other.kind != node.kind || other.c != node.c) return false;
    return list.empty() ? other.a == node.a && other.b == node.b : std::ranges::equal(children(other), list);
  });
  if (known) return *known;
  if (nodes_.size() >= kMostExpressions) throw too_large("is too complex");
  if (node.depth > kDeepestExpression) throw too_large("is nested too deeply");
  if (!list.empty()) {
    node.a = static_cast<std::uint32_t>(children_.size());
    node.b = static_cast<std::uint32_t>(list.size());
    children_.insert(children_.end(), list.begin(), list.end());
    if (children_.size() > 16 * kMostExpressions) throw too_large("is too complex");
  }
  tell_repetitions(node);
  const auto number = static_cast<Expression>(nodes_.size());
  nodes_.push_back(node);
  known_.insert(hash, number);
  return number;
}

void ExpressionStore::tell_repetitions(Node& node) const {
  constexpr std::uint32_t kFew = 8;
  const auto take = [&](Expression e) {
    const Node& child = nodes_[e];
    node.wild = node.wild || child.wild || (node.loops && child.counts);
    node.loops = node.loops || child.loops;
    node.counts = node.counts || child.counts;
  };
  if (node.kind == Kind::kAnyOf || node.kind == Kind::kAllOf) {
    for (const Expression e : children(node)) {
      node.wild = node.wild || nodes_[e].wild;
      node.loops = node.loops || nodes_[e].loops;
      node.counts = node.counts || nodes_[e].counts;
    }
  } else if (node.kind == Kind::kSequence) {
    take(node.a);
    take(node.b);
  } else if (node.kind == Kind::kNot) {
    take(node.a);
  } else if (node.kind == Kind::kRepeat) {
    node.loops = node.c == kUnlimited;
    take(node.a);
    const bool counts = node.b > kFew || (node.c > kFew && node.c != kUnlimited);
    node.wild = node.wild || (counts && node.loops);
    node.counts = node.counts || counts;
  }
}

Expression ExpressionStore::bytes(const ByteSet& set) {
  const std::size_t before = sets_.size();
  const Expression number = union_of_bytes(set);
  if (sets_.size() > before) classes_.representatives.clear();
  return number;
}

// A set that is made of known ones: the classes of bytes stay what they are.
Expression ExpressionStore::union_of_bytes(const ByteSet& set) {
  if (set.none()) return kNothing;
  const std::uint64_t hash = std::hash<ByteSet>()(set);
  // A set is known by its place in sets_, so it is looked for there first.
  const auto known = known_.find(hash, [&](Expression number) {
    return nodes_[number].kind == Kind::kBytes && sets_[nodes_[number].a] == set;
  });
  if (known) return *known;
  sets_.push_back(set);
  const Expression number = intern({.kind = Kind::kBytes,
                                    .nullable = false,
                                    .boolean = false,
                                    .depth = 0,
                                    .a = static_cast<std::uint32_t>(sets_.size() - 1),
                                    .b = 0,
                                    .c = 0});
  known_.insert(hash, number);
  return number;
}

Expression ExpressionStore::byte_range(std::uint8_t first, std::uint8_t last) {
  ByteSet set;
  for (std::size_t byte = first; byte <= last; ++byte) set.set(byte);
  return bytes(set);
}

Expression ExpressionStore::literal(std::string_view text) {
  Expression all = kEmptyText;
  for (auto it = text.rbegin(); it != text.rend(); ++it) {
    const auto byte = static_cast<std::uint8_t>(*it);
    all = sequence(byte_range(byte, byte), all);
  }
  return all;
}

Expression ExpressionStore::sequence(Expression first, Expression second) {
  if (first == kNothing || second == kNothing) return kNothing;
  if (first == kEmptyText) return second;
  if (second == kEmptyText) return first;
  if (first == kEverything && second == kEverything) return kEverything;
  const Node& a = nodes_[first];
  const Node& b = nodes_[second];
  return intern({.kind = Kind::kSequence,
                 .nullable = a.nullable && b.nullable,
                 .boolean = a.boolean || b.boolean,
                 .depth = 1 + std::max(a.depth, a.nullable ? b.depth : 0),
                 .a = first,
                 .b = second,
                 .c = 0});
}

Expression ExpressionStore::sequence(std::span<const Expression> parts) {
  Expression all = kEmptyText;
  for (auto it = parts.rbegin(); it != parts.rend(); ++it) all = sequence(*it, all);
  return all;
}

void ExpressionStore::flatten(Kind kind, std::vector<Expression>& parts) {
  const std::size_t count = parts.size();
  for (std::size_t i = 0; i < count; ++i) {
    const Node& node = nodes_[parts[i]];
    if (node.kind != kind) continue;
    const auto list = children(node);
    parts[i] = list.front();
    parts.insert(parts.end(), list.begin() + 1, list.end());
  }
  spend(2 * parts.size());
  std::ranges::sort(parts);
  const auto repeated = std::ranges::unique(parts);
  parts.erase(repeated.begin(), repeated.end());
}

Expression ExpressionStore::any_of(std::vector<Expression> parts) {
  std::erase(parts, kNothing);
  if (parts.empty()) return kNothing;
  if (parts.size() == 1) return parts.front();
  flatten(Kind::kAnyOf, parts);
  if (std::ranges::binary_search(parts, kEverything)) return kEverything;
  ByteSet set;
  std::size_t sets = 0;
  for (const Expression part : parts)
    if (nodes_[part].kind == Kind::kBytes) {
      set |= sets_[nodes_[part].a];
      ++sets;
    }
  if (sets > 1) {
    std::erase_if(parts, [this](Expression part) { return nodes_[part].kind == Kind::kBytes; });
    const Expression merged = union_of_bytes(set);
    parts.insert(std::ranges::lower_bound(parts, merged), merged);
  }
  Node node{.kind = Kind::kAnyOf, .nullable = false, .boolean = false, .depth = 0, .a = 0, .b = 0, .c = 0};
  for (const Expression part : parts) node.nullable = node.nullable || nodes_[part].nullable;
  // The empty text is said already where another part has it.
  if (parts.front() == kEmptyText && std::ranges::any_of(parts.begin() + 1, parts.end(),
                                                         [this](Expression e) { return nodes_[e].nullable; }))
    parts.erase(parts.begin());
  if (parts.size() == 1) return parts.front();
  for (const Expression part : parts) {
    node.boolean = node.boolean || nodes_[part].boolean;
    node.depth = std::max(node.depth, nodes_[part].depth + 1);
  }
  return intern(node, parts);
}

Expression ExpressionStore::all_of(std::vector<Expression> parts) {
  std::erase(parts, kEverything);
  if (parts.empty()) return kEverything;
  if (parts.size() == 1) return parts.front();
  flatten(Kind::kAllOf, parts);
  if (parts.front() == kNothing) return kNothing;
  if (parts.size() == 1) return parts.front();
  Node node{.kind = Kind::kAllOf, .nullable = true, .boolean = true, .depth = 0, .a = 0, .b = 0, .c = 0};
  ByteSet set = ByteSet().set();
  bool all_sets = true;
  for (const Expression part : parts) {
    node.nullable = node.nullable && nodes_[part].nullable;
    node.depth = std::max(node.depth, nodes_[part].depth + 1);
    if (nodes_[part].kind == Kind::kBytes)
      set &= sets_[nodes_[part].a];
    else
      all_sets = false;
  }
  if (all_sets) return union_of_bytes(set);
  if (std::ranges::find(parts, kEmptyText) != parts.end()) return node.nullable ? kEmptyText : kNothing;
  return intern(node, parts);
}

Expression ExpressionStore::complement(Expression part) {
  if (part == kNothing) return kEverything;
  if (part == kEverything) return kNothing;
  const Node& node = nodes_[part];
  if (node.kind == Kind::kNot) return node.a;
  return intern({.kind = Kind::kNot,
                 .nullable = !node.nullable,
                 .boolean = true,
                 .depth = node.depth + 1,
                 .a = part,
                 .b = 0,
                 .c = 0});
}

Expression ExpressionStore::repeat(Expression part, std::uint32_t least, std::uint32_t most) {
  if (most == 0 || part == kEmptyText) return kEmptyText;
  if (part == kNothing) return least == 0 ? kEmptyText : kNothing;
  if (least == 1 && most == 1) return part;
  const Node& node = nodes_[part];
  if (node.nullable) least = 0;
  if (node.kind == Kind::kRepeat && node.b == 0 && node.c == kUnlimited) return part;
  return intern({.kind = Kind::kRepeat,
                 .nullable = least == 0,
                 .boolean = node.boolean,
                 .depth = node.depth + 1,
                 .a = part,
                 .b = least,
                 .c = most});
}

Expression ExpressionStore::multiple_of(std::uint32_t divisor, std::uint32_t decimals) {
  classes_.representatives.clear();
  return multiple(divisor, 0, decimals, false, false);
}

Expression ExpressionStore::multiple(std::uint32_t divisor, std::uint32_t remainder, std::uint32_t decimals,
                                     bool in_fraction, bool has_digit) {
  std::uint64_t rest = remainder;
  for (std::uint32_t i = 0; i < decimals; ++i) rest = rest * 10 % divisor;
  return intern({.kind = Kind::kMultiple,
                 .nullable = has_digit && rest == 0,
                 .boolean = true,  // no further digits may be allowed that make it a multiple
                 .depth = 0,
                 .a = divisor,
                 .b = remainder,
                 .c = decimals | (in_fraction ? kInFraction : 0) | (has_digit ? kHasDigit : 0)});
}

Expression ExpressionStore::multiple_derivative(const Node& node, std::uint8_t byte) {
  const std::uint32_t decimals = node.c & kDecimals;
  const bool in_fraction = (node.c & kInFraction) != 0, has_digit = (node.c & kHasDigit) != 0;
  if (byte == '.')
    return in_fraction || !has_digit || decimals == 0 ? kNothing
                                                      : multiple(node.a, node.b, decimals, true, false);
  if (byte < '0' || byte > '9' || (in_fraction && decimals == 0)) return kNothing;
  const auto remainder = static_cast<std::uint32_t>((std::uint64_t{node.b} * 10 + (byte - '0')) % node.a);
  return multiple(node.a, remainder, decimals - (in_fraction ? 1 : 0), in_fraction, true);
}

// Whether nothing begins with the byte, seen without deriving: most of what is in a long list of words.
bool ExpressionStore::begins_otherwise(Expression e, std::uint8_t byte) {
  const Node* node = &nodes_[e];
  while (node->kind == Kind::kSequence && !nodes_[node->a].nullable) node = &nodes_[node->a];
  return node->kind == Kind::kBytes && !sets_[node->a][byte];
}

Expression ExpressionStore::derivative(Expression e, std::uint8_t byte) {
  spend(1);
  const Node node = nodes_[e];  // a copy: the vector grows
  switch (node.kind) {
    case Kind::kNothing:
    case Kind::kEmptyText:
      return kNothing;
    case Kind::kBytes:
      return sets_[node.a][byte] ? kEmptyText : kNothing;
    case Kind::kSequence: {
      const Expression rest = sequence(derivative(node.a, byte), node.b);
      return nodes_[node.a].nullable ? any_of({rest, derivative(node.b, byte)}) : rest;
    }
    case Kind::kAnyOf: {
      std::vector<Expression> parts;
      for (std::uint32_t i = node.a; i < node.a + node.b; ++i) {
        if (begins_otherwise(children_[i], byte))
          spend(1);
        else
          parts.push_back(derivative(children_[i], byte));
      }
      return any_of(std::move(parts));
    }
    case Kind::kAllOf: {
      std::vector<Expression> parts(children(node).begin(), children(node).end());
      for (Expression& part : parts) {
        part = derivative(part, byte);
        if (part == kNothing) return kNothing;
      }
      return all_of(std::move(parts));
    }
    case Kind::kNot:
      return complement(derivative(node.a, byte));
    case Kind::kRepeat:
      return sequence(derivative(node.a, byte), repeat(node.a, node.b == 0 ? 0 : node.b - 1,
                                                       node.c == kUnlimited ? kUnlimited : node.c - 1));
    case Kind::kMultiple:
      return multiple_derivative(node, byte);
  }
  return kNothing;
}

void ExpressionStore::refuse_more_work() { throw too_large("takes too much computing"); }

bool ExpressionStore::contains(Expression e, std::string_view text) {
  for (const char c : text) e = derivative(e, static_cast<std::uint8_t>(c));
  return has_empty_text(e);
}

bool ExpressionStore::is_empty(Expression e) {
  if (!nodes_[e].boolean) return e == kNothing;
  if (const auto known = is_empty_.find(e); known != is_empty_.end()) return known->second;
  struct Step {
    Expression expression;
    std::size_t next_class;
  };
  const auto& representatives = byte_classes().representatives;
  std::vector<Step> path{{e, 0}};
  std::unordered_map<Expression, bool> seen{{e, true}};
  while (!path.empty()) {
    Step& step = path.back();
    const auto known = is_empty_.find(step.expression);
    const bool has_text = nodes_[step.expression].nullable ||
                          (!nodes_[step.expression].boolean && step.expression != kNothing) ||
                          (known != is_empty_.end() && !known->second);
    if (has_text) {
      for (const Step& on_the_way : path) is_empty_[on_the_way.expression] = false;
      return false;
    }
    if (step.next_class == representatives.size() || step.expression == kNothing ||
        known != is_empty_.end()) {
      path.pop_back();
      continue;
    }
    const Expression next = derivative(step.expression, representatives[step.next_class++]);
    if (seen.emplace(next, true).second) path.push_back({next, 0});
  }
  for (const auto& [expression, _] : seen) is_empty_[expression] = true;
  return true;
}

// By length: how many ways lead to each derivative.
std::uint64_t ExpressionStore::count(Expression e, std::uint64_t most) {
  constexpr int kLongest = 1000;  // bytes; longer texts are not counted
  const ByteClasses classes = byte_classes();
  std::vector<std::uint64_t> sizes(classes.representatives.size());
  for (const std::uint8_t of : classes.of) ++sizes[of];
  std::uint64_t total = 0;
  std::unordered_map<Expression, std::uint64_t> now{{e, 1}};
  for (int length = 0; length <= kLongest && !now.empty() && total < most; ++length) {
    std::unordered_map<Expression, std::uint64_t> next;
    for (const auto& [expression, ways] : now) {
      if (nodes_[expression].nullable) total = std::min(most, total + ways);
      for (std::size_t c = 0; c < sizes.size(); ++c) {
        const Expression behind = derivative(expression, classes.representatives[c]);
        if (behind == kNothing) continue;
        std::uint64_t& all = next[behind];
        all = std::min(most, all + ways * sizes[c]);
      }
    }
    now = std::move(next);
  }
  return total;
}

void ExpressionStore::tell_all_bytes_apart(bool all) {
  all_bytes_apart_ = all;
  classes_.representatives.clear();
}

const ByteClasses& ExpressionStore::byte_classes() {
  if (!classes_.representatives.empty()) return classes_;
  if (all_bytes_apart_) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      classes_.of[byte] = static_cast<std::uint8_t>(byte);
      classes_.representatives.push_back(static_cast<std::uint8_t>(byte));
    }
    return classes_;
  }
  // Digits and the dot are told apart by kMultiple, whose sets are not among sets_.
  std::array<std::uint16_t, 256> of{};
  const auto split = [&of](const ByteSet& set) {
    std::array<std::uint16_t, 512> renamed{};  // counted from 1; 0: not seen yet
    std::uint16_t count = 0;
    for (std::size_t byte = 0; byte < 256; ++byte) {
      std::uint16_t& name = renamed[of[byte] * 2U + (set[byte] ? 1U : 0U)];
      if (name == 0) name = ++count;
      of[byte] = name - 1;
    }
  };
  if (std::ranges::any_of(nodes_, [](const Node& node) { return node.kind == Kind::kMultiple; }))
    for (const char c : std::string_view("0123456789.")) split(ByteSet().set(static_cast<std::uint8_t>(c)));
  for (const ByteSet& set : sets_) split(set);
  for (std::size_t byte = 0; byte < 256; ++byte) {
    classes_.of[byte] = static_cast<std::uint8_t>(of[byte]);
    if (of[byte] == classes_.representatives.size())
      classes_.representatives.push_back(static_cast<std::uint8_t>(byte));
  }
  return classes_;
}

}  // namespace hearth::constraint
