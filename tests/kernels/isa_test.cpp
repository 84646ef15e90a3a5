#include "kernels/isa.h"

#include <cstdlib>

#include "kernels/cpu/kernel_table.h"
#include "kernels/kernel_test.h"
#include "support/expect_error.h"

namespace hearth::kernels::test {
namespace {

// Sets HEARTH_FORCE_ISA for the life of the object.
class ForcedIsa {
 public:
  explicit ForcedIsa(const char* name) {
    if (const char* old = std::getenv("HEARTH_FORCE_ISA")) old_ = old;
    ::setenv("HEARTH_FORCE_ISA", name, 1);
  }
  ~ForcedIsa() { ::setenv("HEARTH_FORCE_ISA", old_.c_str(), 1); }

 private:
  std::string old_;
};

TEST(IsaTest, BaselineIsAlwaysThereAndTheStrongestIsChosen) {
  const ForcedIsa none("");
  ASSERT_FALSE(available_isas().empty());
  EXPECT_EQ(available_isas().front(), Isa::kBaseline);
  EXPECT_EQ(selected_isa(), available_isas().back());
}

// The table says by the compiler's own macros what it was compiled for, so a set cannot pass for another.
TEST(IsaTest, TheForcedSetIsTheOneThatRuns) {
  for (const Isa isa : available_isas()) {
    const ForcedIsa forced(std::string(name_of(isa)).c_str());
    ThreadTeam team(1);
    ExecutionContext context(team);
    EXPECT_EQ(context.isa(), isa);
    EXPECT_EQ(context.kernels().compiled_for, name_of(isa));
    const int lanes = isa >= Isa::kAvx512 ? 16 : isa == Isa::kBaseline ? 4 : 8;
    EXPECT_EQ(context.kernels().interleave, lanes);
    const std::vector<std::byte> bytes(4);
    EXPECT_EQ(packed(context, ElementType::kF32, bytes, 1, 1).bytes(), static_cast<std::size_t>(lanes) * 4);
  }
}

TEST(IsaTest, NoTwoSetsShareAKernel) {
  for (const Isa a : available_isas()) {
    for (const Isa b : available_isas()) {
      if (a == b) continue;
      const KernelTable &first = kernel_table(a), &second = kernel_table(b);
      EXPECT_NE(first.attend, second.attend);
      EXPECT_NE(first.rms_norm, second.rms_norm);
      for (std::size_t type = 0; type < std::size(first.products); ++type)
        EXPECT_NE(first.products[type].multiply_float, second.products[type].multiply_float);
    }
  }
}

TEST(IsaTest, UnknownAndMissingSetsAreRefusedByName) {
  {
    const ForcedIsa forced("sse9");
    hearth::test::expect_error(ErrorKind::kUnsupported, {"sse9", "baseline"}, [] { selected_isa(); });
  }
  if (available_isas().back() == Isa::kAmx) return;  // this machine lacks none
  const ForcedIsa forced("amx");
  hearth::test::expect_error(ErrorKind::kUnsupported, {"amx", "lacks", "baseline"}, [] { selected_isa(); });
}

}  // namespace
}  // namespace hearth::kernels::test
