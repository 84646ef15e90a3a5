// The running sums of the sets that have vpdpbusd; dot_product(sums, codes, x) is theirs.
#pragma once

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

// vpdpbusd adds four unsigned x signed products into 32 bits exactly, whatever the codes.
constexpr bool kSignedWideCodes = false;
constexpr int partial_steps(int /*maximum_code*/) { return 8; }
using Partial = Ints;
inline Partial partial_start(Ints sum) { return sum; }
template <int kMaximumCode>
inline Partial partial_add(Partial p, Ints codes, Ints x) {
  return dot_product(p, codes, x);
}
inline Ints partial_finish(Ints /*sum*/, Partial p) { return p; }

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE
