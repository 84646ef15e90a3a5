// What an expression's structure shows of the texts ahead, without deriving.
#include <algorithm>

#include "constraint/expression.h"

namespace hearth::constraint {

Expression ExpressionStore::without_exceptions(Expression e) {
  if (nodes_[e].kind != Kind::kAllOf) return e;
  std::vector<Expression> parts(children(nodes_[e]).begin(), children(nodes_[e]).end());
  std::erase_if(parts, [this](Expression part) {
    if (nodes_[part].kind != Kind::kNot) return false;
    const Node& taken = nodes_[nodes_[part].a];
    return !taken.loops && !taken.boolean;
  });
  return all_of(std::move(parts));
}

Expression ExpressionStore::as_far_as(Expression e, std::uint32_t bytes) {
  // What is repeated at the place where a text stands is at the front, at most behind the rest of a
  // character.
  constexpr int kLevels = 6;
  return as_far_as(e, bytes, kLevels);
}

// More repetitions than bytes are any number. Not so within intersections and complements, where what is
// beyond those bytes may leave no text at all.
Expression ExpressionStore::as_far_as(Expression e, std::uint32_t bytes, int levels) {
  const Node node = nodes_[e];  // a copy: the vector grows
  if (!node.counts || levels == 0) return e;
  spend(1);
  if (node.kind == Kind::kAllOf) {
    const Expression tightest = without_wider(e, bytes);
    return tightest == e ? e : as_far_as(tightest, bytes, levels - 1);
  }
  if (node.boolean) return e;
  switch (node.kind) {
    case Kind::kSequence:
      return sequence(as_far_as(node.a, bytes, levels - 1), as_far_as(node.b, bytes, levels - 1));
    case Kind::kAnyOf: {
      std::vector<Expression> parts(children(node).begin(), children(node).end());
      for (Expression& part : parts) part = as_far_as(part, bytes, levels - 1);
      return any_of(std::move(parts));
    }
    case Kind::kRepeat:
      return repeat(as_far_as(node.a, bytes, levels - 1), std::min(node.b, bytes + 1),
                    node.c > bytes ? kUnlimited : node.c);
    default:
      return e;
  }
}

// An intersection without the parts that hold all that another one does. So a pattern goes, once it was found
// in a string whose length is limited: any string may follow it.
Expression ExpressionStore::without_wider(Expression intersection, std::uint32_t bytes) {
  std::vector<Expression> parts(children(nodes_[intersection]).begin(), children(nodes_[intersection]).end());
  const std::size_t count = parts.size();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Expression part = parts[i], wider = nodes_[part].boolean ? part : as_far_as(part, bytes);
    const auto holds_it = [&](Expression other) {
      return nodes_[other].kind == Kind::kAnyOf &&
             std::ranges::find(children(nodes_[other]), wider) != children(nodes_[other]).end();
    };
    std::erase_if(parts, holds_it);
  }
  return parts.size() == count ? intersection : all_of(std::move(parts));
}

bool ExpressionStore::includes(Expression whole, Expression part) {
  const std::uint64_t key = std::uint64_t{whole} << 32 | part;
  if (const auto known = includes_.find(key); known != includes_.end()) return known->second;
  return includes_[key] = is_empty(all_of({part, complement(whole)}));
}

bool ExpressionStore::may_follow(Expression e, Expression part, std::uint32_t times) {
  const auto some = some_behind(e, part, times);
  return some && !is_empty(*some);
}

// Some of the texts that may follow behind so many of `part`, the same whichever these are.
std::optional<Expression> ExpressionStore::some_behind(Expression e, Expression part, std::uint32_t times) {
  spend(1);
  if (e == kEverything) return e;
  const Node node = nodes_[e];  // a copy: the vector grows
  switch (node.kind) {
    case Kind::kSequence: {
      const auto first = some_behind(node.a, part, times);
      if (first) return sequence(*first, node.b);
      return nodes_[node.a].nullable ? some_behind(node.b, part, times) : std::nullopt;
    }
    case Kind::kRepeat: {
      if (node.c < times || !includes(node.a, part)) return {};
      const std::uint32_t least = node.b > times ? node.b - times : 0;
      return repeat(node.a, least, node.c == kUnlimited ? kUnlimited : node.c - times);
    }
    case Kind::kAnyOf:
      for (std::uint32_t i = node.a; i < node.a + node.b; ++i)
        if (const auto some = some_behind(children_[i], part, times)) return some;
      return {};
    case Kind::kAllOf: {
      // Finitely many texts that are taken away hold up no text that becomes longer than all of them.
      const Expression more = without_exceptions(e);
      if (more != e) return some_behind(more, part, kUnlimited);
      // With one text more before them, what is behind so many is behind one less: no number in between
      // fails. But what is taken away within a part may be just so long as another one lets a text become.
      std::vector<Expression> parts(children(node).begin(), children(node).end());
      for (Expression& one : parts) {
        if (nodes_[one].boolean && times != kUnlimited) return {};
        const auto some = some_behind(one, part, times);
        if (!some) return {};
        one = *some;
      }
      return all_of(std::move(parts));
    }
    default:
      return {};
  }
}

ByteSet ExpressionStore::may_begin_with(Expression e) {
  spend(1);
  const Node& node = nodes_[e];
  switch (node.kind) {
    case Kind::kNothing:
    case Kind::kEmptyText:
      return {};
    case Kind::kBytes:
      return sets_[node.a];
    case Kind::kSequence:
      return nodes_[node.a].nullable ? may_begin_with(node.a) | may_begin_with(node.b)
                                     : may_begin_with(node.a);
    case Kind::kRepeat:
      return may_begin_with(node.a);
    case Kind::kAnyOf: {
      ByteSet all;
      for (const Expression part : children(node)) all |= may_begin_with(part);
      return all;
    }
    case Kind::kAllOf: {
      ByteSet all = ByteSet().set();
      for (const Expression part : children(node)) all &= may_begin_with(part);
      return all;
    }
    case Kind::kNot:
    case Kind::kMultiple:
      break;
  }
  return ByteSet().set();
}

}  // namespace hearth::constraint
