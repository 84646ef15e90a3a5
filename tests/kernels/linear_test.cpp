#include "kernels/linear.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "kernels/kernel_test.h"

namespace hearth::kernels::test {
namespace {

// What linear() promises of activations: blocks as wide as the weights' (32, or 256 of the K types), scale =
// max / 127, nearest code, ties to even.
std::vector<float> rounded_to_8_bits(const std::vector<float>& x, ElementType type) {
  const std::size_t block = element_type_info(type).block_elements;
  std::vector<float> rounded(x.size());
  for (std::size_t first = 0; first < x.size(); first += block) {
    float greatest = 0;
    for (std::size_t i = first; i < first + block; ++i) greatest = std::max(greatest, std::fabs(x[i]));
    if (greatest == 0) continue;
    const float inverse = 127.0f / greatest, scale = greatest / 127.0f;
    for (std::size_t i = first; i < first + block; ++i) rounded[i] = std::nearbyintf(x[i] * inverse) * scale;
  }
  return rounded;
}

struct Problem {
  ElementType type;
  std::size_t rows, columns, tokens;
  std::vector<std::byte> bytes;
  std::vector<float> weights, x, bias;

  Problem(Random& random, ElementType type_, std::size_t rows_, std::size_t columns_, std::size_t tokens_,
          Fill fill = Fill::kRandom)
      : type(type_),
        rows(rows_),
        columns(columns_),
        tokens(tokens_),
        bytes(random_rows(random, type, rows, columns, fill)),
        weights(dequantised(type, bytes, rows, columns)),
        x(random_floats(random, tokens * columns)),
        bias(random_floats(random, rows)) {}

  std::vector<float> run(ExecutionContext& context) const {
    const PackedMatrix matrix = packed(context, type, bytes, rows, columns);
    std::vector<float> out(tokens * rows, std::numeric_limits<float>::quiet_NaN());
    linear(context, {x.data(), tokens, columns}, matrix, bias, {out.data(), tokens, rows});
    return out;
  }

  // The worst error against a plain sum in double, in units of sum |x| * max |w|.
  double error(const std::vector<float>& out, const std::vector<float>& seen_x) const {
    double greatest = 0, worst = 0;
    for (const float weight : weights) greatest = std::max(greatest, std::fabs(double{weight}));
    for (std::size_t t = 0; t < tokens; ++t) {
      for (std::size_t r = 0; r < rows; ++r) {
        double sum = bias[r], magnitude = std::fabs(bias[r]) + 1e-30;
        for (std::size_t k = 0; k < columns; ++k) {
          sum += double{weights[r * columns + k]} * double{seen_x[t * columns + k]};
          magnitude += greatest * std::fabs(double{seen_x[t * columns + k]});
        }
        const double difference = std::fabs(sum - double{out[t * rows + r]}) / magnitude;
        if (!(difference <= worst)) worst = difference;  // a NaN is the worst of all
      }
    }
    return worst;
  }

  std::string name() const {
    return fmt::format("{} {}x{} tokens {}", hearth::name_of(type), rows, columns, tokens);
  }
};

class LinearTest : public PerIsa {};
HEARTH_FOR_EVERY_ISA(LinearTest);

bool is_quantised(ElementType type) { return element_type_info(type).is_quantised; }

std::vector<std::size_t> odd_columns(ElementType type) {
  const std::size_t block = element_type_info(type).block_elements;
  if (block == 1) return {1, 7, 33, 100, 257, 576};
  if (block == 32) return {32, 64, 96, 288, 576};
  return {256, 768};
}

TEST_P(LinearTest, EqualsThePlainSumOverOddSizes) {
  Random random(3);
  ThreadTeam team(2);
  ExecutionContext context(team, {}, GetParam());
  for (const ElementType type : kWeightTypes) {
    for (const std::size_t columns : odd_columns(type)) {
      for (const std::size_t rows : {1, 2, 3, 5, 15, 17, 33, 70}) {
        const Problem problem(random, type, rows, columns, 1 + random() % 15);
        const std::vector<float> seen = is_quantised(type) ? rounded_to_8_bits(problem.x, type) : problem.x;
        ASSERT_LE(problem.error(problem.run(context), seen), 1e-7) << problem.name();
      }
    }
  }
}

TEST_P(LinearTest, CheckingModeSeesFloatActivations) {
  Random random(4);
  ThreadTeam team(2);
  ExecutionContext context(team, Numerics::checking(), GetParam());
  for (const ElementType type : kWeightTypes) {
    for (const std::size_t columns : odd_columns(type)) {
      const Problem problem(random, type, 37, columns, 1 + random() % 15);
      ASSERT_LE(problem.error(problem.run(context), problem.x), 1.2e-7) << problem.name();
    }
  }
}

// The greatest codes with the greatest activations of either sign: nothing saturates.
TEST_P(LinearTest, ExtremeCodesStayExact) {
  Random random(5);
  ThreadTeam team(1);
  ExecutionContext context(team, {}, GetParam());
  for (const ElementType type : kWeightTypes) {
    for (const Fill fill : {Fill::kOnes, Fill::kHighBits, Fill::kLowBits, Fill::kZero}) {
      if (!is_quantised(type)) continue;
      Problem problem(random, type, 17, 512, 6, fill);
      for (std::size_t i = 0; i < problem.x.size(); ++i)
        problem.x[i] = i / problem.columns % 2 == 0 ? 1.0f : random() % 2 == 0 ? 1.0f : -1.0f;
      ASSERT_LE(problem.error(problem.run(context), problem.x), 3e-7) << problem.name();
    }
  }
}

TEST_P(LinearTest, ARowIsTheSameAloneInEveryBatchAndWithEveryTeam) {
  Random random(6);
  for (const Numerics numerics : {Numerics{}, Numerics::checking()}) {
    for (const ElementType type : kWeightTypes) {
      const Problem problem(random, type, 50, 768, 33);
      ThreadTeam first_team(1);
      ExecutionContext first_context(first_team, numerics, GetParam());
      const std::vector<float> whole = problem.run(first_context);
      for (const int threads : {1, 2, 3, 5}) {
        ThreadTeam team(threads);
        ExecutionContext context(team, numerics, GetParam());
        const PackedMatrix matrix = packed(context, type, problem.bytes, problem.rows, problem.columns);
        // Every batch with one thread; with more, enough to divide the work in every way.
        for (const std::size_t batch : {1, 2, 7, 16, 33}) {
          if (threads > 1 && batch != 16) continue;
          for (std::size_t first = 0; first < problem.tokens; first += batch) {
            const std::size_t count = std::min(batch, problem.tokens - first);
            std::vector<float> out(count * problem.rows);
            linear(context, {&problem.x[first * problem.columns], count, problem.columns}, matrix,
                   problem.bias, {out.data(), count, problem.rows});
            ASSERT_TRUE(same_bits(out.data(), &whole[first * problem.rows], out.size()))
                << problem.name() << " batch " << batch << " threads " << threads;
          }
        }
      }
    }
  }
}

// More rows than a token block holds.
TEST_P(LinearTest, LongBatchesAreDividedWithoutATrace) {
  Random random(7);
  ThreadTeam team(2);
  for (const Numerics numerics : {Numerics{}, Numerics::checking()}) {
    ExecutionContext context(team, numerics, GetParam());
    const Problem problem(random, ElementType::kQ5_1, 20, 96, 1100);
    const std::vector<float> whole = problem.run(context);
    const PackedMatrix matrix = packed(context, problem.type, problem.bytes, problem.rows, problem.columns);
    for (const std::size_t token : {0, 511, 512, 1023, 1024, 1099}) {
      std::vector<float> out(problem.rows);
      linear(context, {&problem.x[token * problem.columns], 1, problem.columns}, matrix, problem.bias,
             {out.data(), 1, problem.rows});
      EXPECT_TRUE(same_bits(out.data(), &whole[token * problem.rows], out.size())) << token;
    }
  }
}

// Query, key and value in one call: other types, other rows, strided views.
TEST_P(LinearTest, SeveralOutputsEqualSingleCalls) {
  Random random(8);
  ThreadTeam team(3);
  ExecutionContext context(team, {}, GetParam());
  const std::size_t columns = 512, tokens = 5;
  const std::vector<float> x = random_floats(random, tokens * columns);
  std::vector<PackedMatrix> matrices;
  for (const ElementType type : kWeightTypes) {
    const std::size_t rows = 20 + random() % 30;
    matrices.push_back(packed(context, type, random_rows(random, type, rows, columns), rows, columns));
  }
  constexpr std::size_t kStride = 64;
  std::vector<std::vector<float>> together(matrices.size()), alone(matrices.size());
  std::vector<LinearOutput> outputs;
  for (std::size_t i = 0; i < matrices.size(); ++i) {
    together[i].assign(tokens * kStride, -7.0f);
    alone[i].assign(tokens * kStride, -7.0f);
    const std::size_t rows = matrices[i].rows();
    outputs.push_back({matrices[i], {}, {together[i].data(), tokens, rows, kStride}});
    linear(context, {x.data(), tokens, columns}, matrices[i], {}, {alone[i].data(), tokens, rows, kStride});
  }
  linear(context, {x.data(), tokens, columns}, outputs);
  EXPECT_EQ(together, alone);
  EXPECT_EQ(alone[0][matrices[0].rows()], -7.0f) << "wrote past the view";
}

TEST_P(LinearTest, OddActivationsStayDefined) {
  Random random(9);
  ThreadTeam team(1);
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  for (const Numerics numerics : {Numerics{}, Numerics::checking()}) {
    ExecutionContext context(team, numerics, GetParam());
    for (const ElementType type : kWeightTypes) {
      Problem problem(random, type, 9, 512, 6);
      float* x = problem.x.data();
      x[0 * 512 + 300] = nan;
      x[1 * 512 + 17] = inf;
      x[2 * 512 + 40] = -inf;
      std::fill_n(x + 3 * 512, 512, -0.0f);
      std::fill_n(x + 4 * 512, 512, 1e-42f);
      std::fill_n(x + 5 * 512, 512, 1e30f);
      const std::vector<float> out = problem.run(context);
      for (std::size_t r = 0; r < problem.rows; ++r) {
        EXPECT_FALSE(std::isfinite(out[r])) << problem.name();
        EXPECT_FALSE(std::isfinite(out[9 + r])) << problem.name();
        EXPECT_FALSE(std::isfinite(out[18 + r])) << problem.name();
        EXPECT_EQ(out[27 + r], problem.bias[r]) << problem.name();
        EXPECT_NEAR(out[36 + r], problem.bias[r], 1e-35) << problem.name();
        EXPECT_TRUE(std::isfinite(out[45 + r])) << problem.name();
      }
    }
  }
}

// So many rows of so many columns do not fit the cache at once: they are multiplied block by block.
TEST_P(LinearTest, BlocksOfRowsDoNotShow) {
  Random random(17);
  ThreadTeam team(2);
  ExecutionContext context(team, {}, GetParam());
  const Problem problem(random, ElementType::kQ4_K, 37, 8192, 250);
  const std::vector<float> out = problem.run(context);
  const PackedMatrix matrix = packed(context, problem.type, problem.bytes, problem.rows, problem.columns);
  for (std::size_t t = 0; t < problem.tokens; t += 7) {
    std::vector<float> alone(problem.rows);
    linear(context, {problem.x.data() + t * problem.columns, 1, problem.columns}, matrix, problem.bias,
           {alone.data(), 1, problem.rows});
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), &out[t * problem.rows])) << "row " << t;
  }
}

TEST_P(LinearTest, GatedIsTwoProductsAndAnActivation) {
  Random random(18);
  ThreadTeam team(2);
  for (const Numerics numerics : {Numerics{}, Numerics::checking()}) {
    ExecutionContext context(team, numerics, GetParam());
    for (const ElementType up_type : kWeightTypes) {
      for (const ElementType gate_type : {up_type, ElementType::kQ8_0}) {
        const std::size_t rows = 53, columns = 512, tokens = 9;
        const Problem gate(random, gate_type, rows, columns, tokens),
            up(random, up_type, rows, columns, tokens);
        const PackedMatrix gate_matrix = packed(context, gate_type, gate.bytes, rows, columns);
        const PackedMatrix up_matrix = packed(context, up_type, up.bytes, rows, columns);
        const MatrixView<const float> x(up.x.data(), tokens, columns);
        for (const Activation activation : {Activation::kSilu, Activation::kGeluTanh, Activation::kGeluErf}) {
          std::vector<float> gates(tokens * rows), expected(tokens * rows), found(tokens * rows);
          const MatrixView<float> gate_out(gates.data(), tokens, rows), out(expected.data(), tokens, rows);
          linear(context, x, gate_matrix, gate.bias, gate_out);
          linear(context, x, up_matrix, up.bias, out);
          gated_activation(context, activation, gate_out, out, out);
          gated_linear(context, x, activation, {gate_matrix, gate.bias, gate_out},
                       {up_matrix, up.bias, {found.data(), tokens, rows}});
          EXPECT_EQ(found, expected) << gate.name() << ", " << up.name();
        }
      }
    }
  }
}

TEST(LinearAcrossIsasTest, EverySetGivesTheSameBits) {
  Random random(10);
  ThreadTeam team(2);
  for (const Numerics numerics : {Numerics{}, Numerics::checking()}) {
    for (const ElementType type : kWeightTypes) {
      const Problem problem(random, type, 33, 768, 7);
      std::vector<float> first;
      for (const Isa isa : tested_isas()) {
        ExecutionContext context(team, numerics, isa);
        const std::vector<float> out = problem.run(context);
        if (first.empty()) first = out;
        EXPECT_EQ(out, first) << problem.name() << " " << name_of(isa);
      }
    }
  }
}

}  // namespace
}  // namespace hearth::kernels::test
