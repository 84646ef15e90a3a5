#include "kernels/elementwise.h"

#include <fmt/format.h>

#include <limits>

#include "kernels/kernel_test.h"

namespace hearth::kernels::test {
namespace {

constexpr std::size_t kWidths[] = {1, 3, 15, 16, 17, 31, 33, 64, 100, 576};

class ElementwiseTest : public PerIsa {
 protected:
  ThreadTeam team_{3};
  ExecutionContext context_{team_, {}, GetParam()};
  Random random_{11};
};
HEARTH_FOR_EVERY_ISA(ElementwiseTest);

// |value - expected| <= relative * |expected| + absolute
void expect_close(float value, double expected, double relative, double absolute, const std::string& where) {
  ASSERT_LE(std::fabs(double{value} - expected), relative * std::fabs(expected) + absolute)
      << where << ": " << value << ", expected " << expected;
}

TEST_P(ElementwiseTest, RmsNorm) {
  for (const std::size_t width : kWidths) {
    const std::size_t rows = 5;
    const std::vector<float> x = random_floats(random_, rows * width), w = random_floats(random_, width);
    std::vector<float> out(x.size());
    rms_norm(context_, {x.data(), rows, width}, w, 1e-5f, {out.data(), rows, width});
    for (std::size_t r = 0; r < rows; ++r) {
      double squares = 0;
      for (std::size_t i = 0; i < width; ++i) squares += double{x[r * width + i]} * x[r * width + i];
      for (std::size_t i = 0; i < width; ++i)
        expect_close(out[r * width + i],
                     x[r * width + i] / std::sqrt(squares / static_cast<double>(width) + 1e-5f) * w[i], 5e-7,
                     0, fmt::format("width {}", width));
    }
  }
}

// Query/key norms: every head of a row by itself.
TEST_P(ElementwiseTest, RmsNormOverGroupsEqualsRows) {
  const std::size_t rows = 7, heads = 3, width = 72;
  const std::vector<float> x = random_floats(random_, rows * heads * width),
                           w = random_floats(random_, width);
  std::vector<float> groups(x.size()), single(x.size());
  rms_norm(context_, {x.data(), rows, heads * width}, w, 1e-6f, {groups.data(), rows, heads * width});
  rms_norm(context_, {x.data(), rows * heads, width}, w, 1e-6f, {single.data(), rows * heads, width});
  EXPECT_TRUE(same_bits(groups.data(), single.data(), x.size()));
}

TEST_P(ElementwiseTest, LayerNorm) {
  for (const std::size_t width : kWidths) {
    const std::size_t rows = 4;
    std::vector<float> x = random_floats(random_, rows * width);
    for (float& value : x) value += 3;
    const std::vector<float> w = random_floats(random_, width), b = random_floats(random_, width);
    for (const bool with_bias : {true, false}) {
      std::vector<float> out(x.size());
      layer_norm(context_, {x.data(), rows, width}, w, with_bias ? std::span(b) : std::span<const float>(),
                 1e-5f, {out.data(), rows, width});
      for (std::size_t r = 0; r < rows; ++r) {
        double mean = 0, variance = 0;
        for (std::size_t i = 0; i < width; ++i) mean += x[r * width + i] / static_cast<double>(width);
        for (std::size_t i = 0; i < width; ++i)
          variance += (x[r * width + i] - mean) * (x[r * width + i] - mean) / static_cast<double>(width);
        for (std::size_t i = 0; i < width; ++i)
          expect_close(
              out[r * width + i],
              (x[r * width + i] - mean) / std::sqrt(variance + 1e-5f) * w[i] + (with_bias ? b[i] : 0), 1e-6,
              width == 1 ? 1e-4 : 1e-5, fmt::format("width {}", width));
      }
    }
  }
}

double silu(double x) { return x / (1 + std::exp(-x)); }
// x / 2 (1 + tanh(u)) = x / (1 + exp(-2u)), which keeps its precision where tanh is near -1.
double gelu_tanh(double x) {
  return x / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}
double gelu_erf(double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }

struct Case {
  Activation activation;
  double (*reference)(double);
};
constexpr Case kActivations[] = {
    {Activation::kSilu, silu}, {Activation::kGeluTanh, gelu_tanh}, {Activation::kGeluErf, gelu_erf}};

// Far below zero an activation is e to a large negative power, whose own rounding shows.
double tail_tolerance(float x) { return x > -1 ? 1e-6 : 2e-6 * double{x} * double{x}; }

TEST_P(ElementwiseTest, Activations) {
  std::vector<float> x;
  for (float value = -30; value < 30; value += 0.00713f) x.push_back(value);
  for (const float value : {0.0f, -0.0f, 1e-30f, -1e-30f, 1e-42f, 100.0f, -100.0f, 1e15f, -1e15f})
    x.push_back(value);
  const MatrixView<const float> view(x.data(), 1, x.size());
  std::vector<float> out(x.size());
  for (const Case& each : kActivations) {
    activate(context_, each.activation, view, {out.data(), 1, x.size()});
    for (std::size_t i = 0; i < x.size(); ++i)
      expect_close(out[i], each.reference(x[i]), tail_tolerance(x[i]), 1e-37,
                   fmt::format("activation {} of {}", static_cast<int>(each.activation), x[i]));
  }
}

TEST_P(ElementwiseTest, GatedActivationIsTheProductEvenInPlace) {
  for (const std::size_t width : kWidths) {
    const std::size_t rows = 6;
    const std::vector<float> gate = random_floats(random_, rows * width),
                             up = random_floats(random_, rows * width);
    for (const Case& each : kActivations) {
      std::vector<float> activated(gate.size()), out(gate.size()), over_gate = gate, over_up = up;
      activate(context_, each.activation, {gate.data(), rows, width}, {activated.data(), rows, width});
      gated_activation(context_, each.activation, {gate.data(), rows, width}, {up.data(), rows, width},
                       {out.data(), rows, width});
      for (std::size_t i = 0; i < out.size(); ++i) ASSERT_EQ(out[i], activated[i] * up[i]);
      gated_activation(context_, each.activation, {over_gate.data(), rows, width}, {up.data(), rows, width},
                       {over_gate.data(), rows, width});
      gated_activation(context_, each.activation, {gate.data(), rows, width}, {over_up.data(), rows, width},
                       {over_up.data(), rows, width});
      EXPECT_EQ(over_gate, out);
      EXPECT_EQ(over_up, out);
    }
  }
}

TEST_P(ElementwiseTest, SumsScalesAndBiases) {
  for (const std::size_t width : kWidths) {
    const std::size_t rows = 3;
    const std::vector<float> x = random_floats(random_, rows * width),
                             y = random_floats(random_, rows * width), bias = random_floats(random_, width);
    std::vector<float> sum(x.size()), scaled(x.size()), biased(x.size());
    add(context_, {x.data(), rows, width}, {y.data(), rows, width}, {sum.data(), rows, width});
    scale(context_, {x.data(), rows, width}, 0.3f, {scaled.data(), rows, width});
    add_bias(context_, {x.data(), rows, width}, bias, {biased.data(), rows, width});
    for (std::size_t i = 0; i < x.size(); ++i) {
      EXPECT_EQ(sum[i], x[i] + y[i]);
      EXPECT_EQ(scaled[i], x[i] * 0.3f);
      EXPECT_EQ(biased[i], x[i] + bias[i % width]);
    }
  }
}

TEST_P(ElementwiseTest, SoftCap) {
  for (const float cap : {30.0f, 50.0f, 1.0f}) {
    std::vector<float> x;
    for (float value = -500; value < 500; value += 0.173f) x.push_back(value);
    for (const float value : {0.0f, 1e-20f, -1e-6f, 1e30f, -1e30f}) x.push_back(value);
    std::vector<float> out(x.size());
    soft_cap(context_, {x.data(), 1, x.size()}, cap, {out.data(), 1, x.size()});
    for (std::size_t i = 0; i < x.size(); ++i)
      expect_close(out[i], cap * std::tanh(double{x[i]} / cap), 4e-7, 0, fmt::format("{} cap {}", x[i], cap));
  }
}

TEST_P(ElementwiseTest, NaNStaysNaNAndItsNeighboursStayClean) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::size_t width = 37;
  for (const std::size_t at : {0, 15, 36}) {
    std::vector<float> x = random_floats(random_, 2 * width), out(x.size());
    x[at] = nan;
    const MatrixView<const float> in(x.data(), 2, width);
    const MatrixView<float> view(out.data(), 2, width);
    for (const Case& each : kActivations) {
      activate(context_, each.activation, in, view);
      for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(std::isnan(out[i]), i == at);
    }
    soft_cap(context_, in, 30.0f, view);
    for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(std::isnan(out[i]), i == at);
    rms_norm(context_, in, std::vector<float>(width, 1.0f), 1e-5f, view);
    for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(std::isnan(out[i]), i < width);
  }
}

// Rows of a large batch, divided among threads, equal the same rows alone.
TEST_P(ElementwiseTest, ARowIsTheSameAloneAndInABatch) {
  const std::size_t rows = 33, width = 577;
  const std::vector<float> x = random_floats(random_, rows * width), w = random_floats(random_, width),
                           up = random_floats(random_, rows * width);
  std::vector<float> norms(x.size()), gated(x.size()), row(width);
  rms_norm(context_, {x.data(), rows, width}, w, 1e-5f, {norms.data(), rows, width});
  gated_activation(context_, Activation::kSilu, {x.data(), rows, width}, {up.data(), rows, width},
                   {gated.data(), rows, width});
  for (std::size_t r = 0; r < rows; ++r) {
    rms_norm(context_, {&x[r * width], 1, width}, w, 1e-5f, {row.data(), 1, width});
    EXPECT_TRUE(same_bits(row.data(), &norms[r * width], width));
    gated_activation(context_, Activation::kSilu, {&x[r * width], 1, width}, {&up[r * width], 1, width},
                     {row.data(), 1, width});
    EXPECT_TRUE(same_bits(row.data(), &gated[r * width], width));
  }
}

// Products and sums are rounded one by one, sums run in 16 parts everywhere: no set differs in a bit.
TEST(ElementwiseAcrossIsasTest, EverySetGivesTheSameBits) {
  Random random(12);
  const std::size_t rows = 3, width = 583;
  const std::vector<float> x = random_floats(random, rows * width, 4.0f), w = random_floats(random, width);
  ThreadTeam team(1);
  std::vector<std::vector<float>> first;
  for (const Isa isa : available_isas()) {
    ExecutionContext context(team, {}, isa);
    const MatrixView<const float> in(x.data(), rows, width);
    std::vector<std::vector<float>> results(6, std::vector<float>(x.size()));
    const auto out = [&](std::size_t i) { return MatrixView<float>(results[i].data(), rows, width); };
    rms_norm(context, in, w, 1e-5f, out(0));
    layer_norm(context, in, w, w, 1e-5f, out(1));
    for (std::size_t i = 0; i < 3; ++i) activate(context, kActivations[i].activation, in, out(2 + i));
    soft_cap(context, in, 3.0f, out(5));
    if (first.empty()) first = results;
    for (std::size_t i = 0; i < results.size(); ++i)
      EXPECT_TRUE(same_bits(results[i].data(), first[i].data(), x.size())) << name_of(isa) << " " << i;
  }
}

}  // namespace
}  // namespace hearth::kernels::test
