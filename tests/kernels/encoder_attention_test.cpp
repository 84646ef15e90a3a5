#include "kernels/encoder_attention.h"

#include <fmt/format.h>

#include <limits>

#include "kernels/kernel_test.h"
#include "kernels/pooling.h"

namespace hearth::kernels::test {
namespace {

// Queries, keys and values of texts that lie one behind the other, in one matrix whose rows are longer.
class Texts {
 public:
  Texts(Random& random, std::size_t heads, std::size_t dimension, const std::vector<std::size_t>& lengths)
      : heads_(heads), dimension_(dimension) {
    for (const std::size_t length : lengths) ends_.push_back((ends_.empty() ? 0 : ends_.back()) + length);
    values_ = random_floats(random, rows() * stride(), 1.5f);
  }

  std::size_t rows() const { return ends_.empty() ? 0 : ends_.back(); }
  std::size_t width() const { return heads_ * dimension_; }
  std::size_t first(std::size_t text) const { return text == 0 ? 0 : ends_[text - 1]; }
  std::size_t end(std::size_t text) const { return ends_[text]; }
  const std::vector<std::size_t>& ends() const { return ends_; }
  enum Part { kQuery, kKey, kValue };
  float& at(Part part, std::size_t row, std::size_t column) {
    return values_[row * stride() + part * (width() + 3) + column];
  }

  // Texts [first, last) in one call.
  std::vector<float> attend(ExecutionContext& context, std::size_t first_text, std::size_t last_text) {
    std::vector<std::size_t> ends;
    for (std::size_t i = first_text; i < last_text; ++i) ends.push_back(ends_[i] - first(first_text));
    const std::size_t count = ends.empty() ? 0 : ends.back();
    std::vector<float> out(count * width());
    const auto view = [&](Part part) {
      return MatrixView<const float>(values_.data() + first(first_text) * stride() + part * (width() + 3),
                                     count, width(), stride());
    };
    encoder_attention(context, {.heads = heads_, .scale = scale_}, view(kQuery), view(kKey), view(kValue),
                      ends, {out.data(), count, width()});
    return out;
  }

  std::vector<double> reference(std::size_t text, std::size_t row, std::size_t head) {
    std::vector<double> scores, out(dimension_);
    for (std::size_t t = first(text); t < end(text); ++t) {
      double score = 0;
      for (std::size_t d = head * dimension_; d < (head + 1) * dimension_; ++d)
        score += double{at(kQuery, row, d)} * at(kKey, t, d);
      scores.push_back(score * scale_);
    }
    const double greatest = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const double weight = std::exp(scores[i] - greatest);
      sum += weight;
      for (std::size_t d = 0; d < dimension_; ++d)
        out[d] += weight * at(kValue, first(text) + i, head * dimension_ + d);
    }
    for (double& value : out) value /= sum;
    return out;
  }

 private:
  std::size_t stride() const { return 3 * (width() + 3); }
  std::size_t heads_, dimension_;
  float scale_ = 0.3f;
  std::vector<std::size_t> ends_;
  std::vector<float> values_;
};

class EncoderAttentionTest : public PerIsa {
 protected:
  ThreadTeam team_{3};
  ExecutionContext context_{team_, {}, GetParam()};
  Random random_{29};
};
HEARTH_FOR_EVERY_ISA(EncoderAttentionTest);

TEST_P(EncoderAttentionTest, AgreesWithThePlainFormula) {
  const struct {
    std::size_t heads, dimension;
  } shapes[] = {{3, 32}, {2, 64}, {1, 1}, {5, 7}, {2, 33}, {4, 16}};
  for (const auto& shape : shapes) {
    Texts texts(random_, shape.heads, shape.dimension, {1, 2, 31, 32, 33, 5, 12, 70});
    const std::vector<float> out = texts.attend(context_, 0, texts.ends().size());
    for (std::size_t text = 0; text < texts.ends().size(); ++text)
      for (std::size_t row = texts.first(text); row < texts.end(text); ++row)
        for (std::size_t head = 0; head < shape.heads; ++head) {
          const std::vector<double> expected = texts.reference(text, row, head);
          for (std::size_t d = 0; d < shape.dimension; ++d)
            ASSERT_NEAR(out[row * texts.width() + head * shape.dimension + d], expected[d], 2e-5)
                << fmt::format("{} heads of {}, text {}, row {}", shape.heads, shape.dimension, text, row);
        }
  }
}

TEST_P(EncoderAttentionTest, ATextIsTheSameAloneAndInABatch) {
  Texts texts(random_, 3, 20, {9, 40, 1, 64, 13});
  const std::vector<float> all = texts.attend(context_, 0, 5);
  for (std::size_t text = 0; text < 5; ++text) {
    const std::vector<float> alone = texts.attend(context_, text, text + 1);
    EXPECT_TRUE(same_bits(alone.data(), all.data() + texts.first(text) * texts.width(), alone.size()))
        << text;
  }
}

TEST_P(EncoderAttentionTest, NanStaysInItsText) {
  Texts texts(random_, 2, 32, {4, 35, 6});
  const std::vector<float> before = texts.attend(context_, 0, 3);
  texts.at(Texts::kKey, texts.first(1) + 2, 33) =
      std::numeric_limits<float>::quiet_NaN();  // of the second head
  const std::vector<float> out = texts.attend(context_, 0, 3);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t row = i / texts.width();
    const bool sees = row >= texts.first(1) && row < texts.end(1) && i % texts.width() >= 32;
    EXPECT_EQ(std::isnan(out[i]), sees) << i;
    if (!sees) {
      EXPECT_EQ(out[i], before[i]);
    }
  }
}

TEST_P(EncoderAttentionTest, GreatScoresDoNotOverflow) {
  Texts texts(random_, 1, 8, {3});
  for (std::size_t d = 0; d < 8; ++d) {
    texts.at(Texts::kQuery, 0, d) = 1e4f;
    for (std::size_t t = 0; t < 3; ++t) texts.at(Texts::kKey, t, d) = t == 1 ? 1e4f : -1e4f;
  }
  const std::vector<float> out = texts.attend(context_, 0, 1);
  for (std::size_t d = 0; d < 8; ++d) EXPECT_FLOAT_EQ(out[d], texts.at(Texts::kValue, 1, d));
}

TEST_P(EncoderAttentionTest, EveryInstructionSetGivesTheSameBits) {
  Texts texts(random_, 3, 24, {50, 7, 33});
  ExecutionContext first(team_, {}, tested_isas().front());
  const std::vector<float> expected = texts.attend(first, 0, 3), found = texts.attend(context_, 0, 3);
  EXPECT_TRUE(same_bits(found.data(), expected.data(), expected.size()));
}

TEST_P(EncoderAttentionTest, Pooling) {
  const std::vector<std::size_t> ends = {1, 4, 40};
  const std::size_t width = 21;
  const std::vector<float> x = random_floats(random_, ends.back() * width);
  std::vector<float> mean(ends.size() * width), first(mean.size()), unit(mean.size());
  const MatrixView<const float> rows(x.data(), ends.back(), width);
  pool(context_, Pooling::kMean, rows, ends, {mean.data(), ends.size(), width});
  pool(context_, Pooling::kFirst, rows, ends, {first.data(), ends.size(), width});
  std::fill_n(mean.begin() + width, width, 0.0f);  // the second text becomes nothing
  normalise_length(context_, {mean.data(), ends.size(), width}, {unit.data(), ends.size(), width});
  for (std::size_t text = 0; text < ends.size(); ++text) {
    const std::size_t begin = text == 0 ? 0 : ends[text - 1];
    double squares = 0;
    for (std::size_t i = 0; i < width; ++i) {
      EXPECT_EQ(first[text * width + i], x[begin * width + i]);
      squares += double{unit[text * width + i]} * unit[text * width + i];
      if (text == 1) continue;
      double sum = 0;
      for (std::size_t row = begin; row < ends[text]; ++row) sum += x[row * width + i];
      EXPECT_NEAR(mean[text * width + i], sum / static_cast<double>(ends[text] - begin), 1e-6);
    }
    EXPECT_NEAR(squares, text == 1 ? 0.0 : 1.0, 1e-6);
  }
}

}  // namespace
}  // namespace hearth::kernels::test
