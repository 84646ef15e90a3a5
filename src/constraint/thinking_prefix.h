// Lets a model think before its constrained answer begins.
//
// What is thought is free but for the mark that ends it; behind the mark comes what the grammar says.
// Thread-safety: a free function. Errors: those of constraint/expression.h.
#pragma once

#include "constraint/grammar.h"
#include "text/thinking.h"

namespace hearth::constraint {

// REQUIRES: the grammar is finished, and no matcher follows it yet.
void allow_thinking(Grammar& grammar, const text::Thinking& thinking);

}  // namespace hearth::constraint
