#include "kernels/attention.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "kernels/half.h"
#include "kernels/kernel_test.h"

namespace hearth::kernels::test {
namespace {

struct Shape {
  std::size_t query_heads, heads, dimension;
};

// Sequences with random keys and values, their pages scattered over one cache whose unused slots hold NaN.
class Sequences {
 public:
  Sequences(Random& random, Shape shape, ElementType type, std::vector<std::int32_t> lengths)
      : shape_(shape), lengths_(std::move(lengths)) {
    std::size_t pages = 0;
    for (const std::int32_t length : lengths_) pages += page_count(length);
    std::vector<std::int32_t> free(pages);
    std::iota(free.begin(), free.end(), 0);
    std::shuffle(free.begin(), free.end(), random);
    for (const std::int32_t length : lengths_) {
      tables_.emplace_back(free.end() - static_cast<std::ptrdiff_t>(page_count(length)), free.end());
      free.resize(free.size() - page_count(length));
      const std::size_t count = static_cast<std::size_t>(length);
      keys_.push_back(random_floats(random, count * width()));
      values_.push_back(random_floats(random, count * width()));
      queries_.push_back(random_floats(random, count * query_width(), 2.0f));
    }
    const std::size_t bytes = type == ElementType::kF16 ? 2 : 4;
    view_ = {nullptr, nullptr, type, shape.heads, shape.dimension};
    key_memory_.assign(pages * view_.page_elements() * bytes, std::byte{0xff});  // NaN in both types
    value_memory_ = key_memory_;
    view_.keys = key_memory_.data();
    view_.values = value_memory_.data();
  }

  static std::size_t page_count(std::int32_t length) {
    return (static_cast<std::size_t>(length) + kPageTokens - 1) / kPageTokens;
  }
  std::size_t width() const { return shape_.heads * shape_.dimension; }
  std::size_t query_width() const { return shape_.query_heads * shape_.dimension; }
  std::size_t count() const { return lengths_.size(); }
  std::int32_t length(std::size_t s) const { return lengths_[s]; }
  const PagedCacheView& cache() const { return view_; }

  std::vector<CacheRow> rows(std::size_t s, std::int32_t first, std::int32_t end) const {
    std::vector<CacheRow> rows;
    for (std::int32_t p = first; p < end; ++p) rows.push_back({p, tables_[s].data()});
    return rows;
  }

  void store(ExecutionContext& context) const {
    for (std::size_t s = 0; s < count(); ++s) {
      const auto length = static_cast<std::size_t>(lengths_[s]);
      store_keys_values(context, {keys_[s].data(), length, width()}, {values_[s].data(), length, width()},
                        rows(s, 0, lengths_[s]), view_);
    }
  }

  // Rows [first, end) of sequence s in one call.
  std::vector<float> attend(ExecutionContext& context, const AttentionOptions& options, std::size_t s,
                            std::int32_t first, std::int32_t end) const {
    const auto count = static_cast<std::size_t>(end - first);
    std::vector<float> out(count * query_width());
    attention(context, options, {query(s, first), count, query_width()}, rows(s, first, end), view_,
              {out.data(), count, query_width()});
    return out;
  }
  const float* query(std::size_t s, std::int32_t position) const {
    return queries_[s].data() + static_cast<std::size_t>(position) * query_width();
  }

  // One row and head, plainly, over what the cache holds after rounding.
  std::vector<double> reference(const AttentionOptions& options, std::size_t s, std::int32_t position,
                                std::size_t query_head) const {
    const std::size_t dimension = shape_.dimension, head = query_head / (shape_.query_heads / shape_.heads);
    const float* q = query(s, position) + query_head * dimension;
    const std::int32_t first = options.window > 0 ? std::max(0, position - options.window + 1) : 0;
    std::vector<double> scores, out(dimension);
    for (std::int32_t p = first; p <= position; ++p) {
      double score = 0;
      for (std::size_t d = 0; d < dimension; ++d) score += double{q[d]} * element(keys_[s], p, head, d);
      score *= options.scale;
      if (options.soft_cap > 0) score = options.soft_cap * std::tanh(score / options.soft_cap);
      scores.push_back(score);
    }
    const double greatest = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const double weight = std::exp(scores[i] - greatest);
      sum += weight;
      for (std::size_t d = 0; d < dimension; ++d)
        out[d] += weight * element(values_[s], first + static_cast<std::int32_t>(i), head, d);
    }
    for (double& value : out) value /= sum;
    return out;
  }

 private:
  double element(const std::vector<float>& x, std::int32_t position, std::size_t head, std::size_t d) const {
    const float value = x[static_cast<std::size_t>(position) * width() + head * shape_.dimension + d];
    return view_.type == ElementType::kF16 ? static_cast<double>(static_cast<_Float16>(value)) : value;
  }

  Shape shape_;
  std::vector<std::int32_t> lengths_;
  std::vector<std::vector<std::int32_t>> tables_;
  std::vector<std::vector<float>> keys_, values_, queries_;
  std::vector<std::byte> key_memory_, value_memory_;
  PagedCacheView view_;
};

constexpr Shape kShapes[] = {{3, 1, 64}, {4, 2, 32}, {6, 3, 20}, {12, 2, 128},
                             {1, 1, 16}, {7, 1, 48}, {2, 2, 5}};

class AttentionTest : public PerIsa {
 protected:
  Random random_{15};
  ThreadTeam team_{2};
  ExecutionContext context_{team_, {}, GetParam()};
};
HEARTH_FOR_EVERY_ISA(AttentionTest);

AttentionOptions options_of(Shape shape, float soft_cap, std::int32_t window) {
  return {shape.query_heads, 1.0f / std::sqrt(static_cast<float>(shape.dimension)), soft_cap, window};
}

TEST_P(AttentionTest, EqualsThePlainSoftmax) {
  for (const ElementType type : {ElementType::kF16, ElementType::kF32}) {
    for (const Shape shape : kShapes) {
      const Sequences sequences(random_, shape, type, {1, 33, 70, 400});
      sequences.store(context_);
      for (const auto& [cap, window] : {std::pair{0.0f, 0}, {20.0f, 0}, {0.0f, 40}, {5.0f, 300}, {0.0f, 1}}) {
        const AttentionOptions options = options_of(shape, cap, window);
        for (std::size_t s = 0; s < sequences.count(); ++s) {
          const std::int32_t length = sequences.length(s), first = std::max(0, length - 37);
          const std::vector<float> out = sequences.attend(context_, options, s, first, length);
          for (std::int32_t p = first; p < length; p += 7) {
            for (std::size_t h = 0; h < shape.query_heads; ++h) {
              const std::vector<double> expected = sequences.reference(options, s, p, h);
              const float* row =
                  &out[static_cast<std::size_t>(p - first) * sequences.query_width() + h * shape.dimension];
              for (std::size_t d = 0; d < shape.dimension; ++d)
                ASSERT_NEAR(row[d], expected[d], 4e-6)
                    << fmt::format("heads {}/{} dimension {} cap {} window {} position {}", shape.query_heads,
                                   shape.heads, shape.dimension, cap, window, p);
            }
          }
        }
      }
    }
  }
}

TEST_P(AttentionTest, ARowIsTheSameAloneInEveryChunkAndWithEveryTeam) {
  for (const ElementType type : {ElementType::kF16, ElementType::kF32}) {
    for (const std::int32_t window : {0, 50}) {
      const Shape shape{6, 2, 64};
      const Sequences sequences(random_, shape, type, {570});
      sequences.store(context_);
      const AttentionOptions options = options_of(shape, 0, window);
      const std::vector<float> whole = sequences.attend(context_, options, 0, 0, 570);
      for (const int threads : {1, 2, 3, 5}) {
        ThreadTeam team(threads);
        ExecutionContext context(team, {}, GetParam());
        for (const std::int32_t chunk : {1, 7, 33, 200}) {
          for (std::int32_t first = 0; first < 570; first += chunk) {
            if (chunk < 33 && first % 17 != 0) continue;
            if (threads > 1 && first < 400) continue;
            const std::int32_t end = std::min(570, first + chunk);
            const std::vector<float> out = sequences.attend(context, options, 0, first, end);
            ASSERT_TRUE(same_bits(out.data(), &whole[static_cast<std::size_t>(first) * 384], out.size()))
                << "window " << window << " threads " << threads << " chunk " << chunk << " at " << first;
          }
        }
      }
    }
  }
}

// Rows of several sequences in one call, as a batch of decoding and prefilling requests is.
TEST_P(AttentionTest, NeighboursOfOtherSequencesLeaveNoTrace) {
  const Shape shape{9, 3, 64};
  const Sequences sequences(random_, shape, ElementType::kF16, {5, 300, 64, 601, 33});
  sequences.store(context_);
  const AttentionOptions options = options_of(shape, 0, 0);
  std::vector<CacheRow> rows;
  std::vector<float> queries, expected;
  for (std::size_t s = 0; s < sequences.count(); ++s) {
    const std::int32_t length = sequences.length(s), first = s == 2 ? length - 20 : length - 1;
    const std::vector<float> alone = sequences.attend(context_, options, s, first, length);
    expected.insert(expected.end(), alone.begin(), alone.end());
    for (const CacheRow& row : sequences.rows(s, first, length)) rows.push_back(row);
    queries.insert(queries.end(), sequences.query(s, first), sequences.query(s, first) + alone.size());
  }
  std::vector<float> out(queries.size());
  attention(context_, options, {queries.data(), rows.size(), sequences.query_width()}, rows,
            sequences.cache(), {out.data(), rows.size(), sequences.query_width()});
  EXPECT_TRUE(same_bits(out.data(), expected.data(), out.size()));
}

// What lies behind a row's position, NaN included, never reaches it.
TEST_P(AttentionTest, LaterPositionsCannotBeSeen) {
  const Shape shape{2, 1, 32};
  const Sequences sequences(random_, shape, ElementType::kF16, {40});
  sequences.store(context_);
  const AttentionOptions options = options_of(shape, 0, 0);
  const std::vector<float> before = sequences.attend(context_, options, 0, 0, 40);
  const std::vector<float> nan(2 * 32, std::numeric_limits<float>::quiet_NaN());
  store_keys_values(context_, {nan.data(), 2, 32}, {nan.data(), 2, 32}, sequences.rows(0, 20, 22),
                    sequences.cache());
  const std::vector<float> after = sequences.attend(context_, options, 0, 0, 40);
  EXPECT_TRUE(same_bits(before.data(), after.data(), 20 * sequences.query_width()));
  for (std::size_t i = 22 * sequences.query_width(); i < after.size(); ++i) EXPECT_TRUE(std::isnan(after[i]));
}

TEST_P(AttentionTest, HugeScoresDoNotOverflow) {
  const Shape shape{1, 1, 16};
  const Sequences sequences(random_, shape, ElementType::kF32, {100});
  sequences.store(context_);
  AttentionOptions options = options_of(shape, 0, 0);
  options.scale = 1e6f;
  const std::vector<float> out = sequences.attend(context_, options, 0, 99, 100);
  for (const float value : out) EXPECT_TRUE(std::isfinite(value));
}

// Every half and the floats around its borders: nearest, ties to even, as the compiler's own conversion does.
TEST_P(AttentionTest, CacheRoundsToNearestEven) {
  std::vector<float> values;
  for (std::uint32_t half = 0; half < 0x7c00; half += 3) {
    const float value = half_to_float(static_cast<std::uint16_t>(half));
    const float next = half_to_float(static_cast<std::uint16_t>(half + 1));
    const float middle = value + (next - value) / 2;
    if (!std::isfinite(next)) continue;
    for (const float each : {value, middle, std::nextafter(middle, 0.0f), std::nextafter(middle, 1e9f)}) {
      values.push_back(each);
      values.push_back(-each);
    }
  }
  for (const float each : {65519.0f, 65520.0f, 1e9f, 1e-9f, std::numeric_limits<float>::infinity()})
    values.push_back(each);
  values.resize((values.size() + 63) / 64 * 64);
  const std::size_t rows = values.size() / 64;
  const Sequences sequences(random_, {1, 1, 64}, ElementType::kF16, {static_cast<std::int32_t>(rows)});
  store_keys_values(context_, {values.data(), rows, 64}, {values.data(), rows, 64},
                    sequences.rows(0, 0, static_cast<std::int32_t>(rows)), sequences.cache());
  const std::vector<CacheRow> places = sequences.rows(0, 0, static_cast<std::int32_t>(rows));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t row = i / 64, d = i % 64, slot = row % kPageTokens;
    const auto page = static_cast<std::size_t>(places[row].page_table[row / kPageTokens]) *
                      sequences.cache().page_elements();
    const auto* keys = reinterpret_cast<const std::uint16_t*>(sequences.cache().keys) + page;
    const auto* cached = reinterpret_cast<const std::uint16_t*>(sequences.cache().values) + page;
    const auto expected = std::bit_cast<std::uint16_t>(static_cast<_Float16>(values[i]));
    ASSERT_EQ(keys[d * kPageTokens + slot], expected) << values[i];
    ASSERT_EQ(cached[slot * 64 + d], expected) << values[i];
  }
}

TEST(AttentionAcrossIsasTest, EverySetGivesTheSameBits) {
  ThreadTeam team(2);
  for (const Shape shape : kShapes) {
    std::vector<float> first;
    for (const Isa isa : available_isas()) {
      ExecutionContext context(team, {}, isa);
      Random random(16);
      const Sequences sequences(random, shape, ElementType::kF16, {400});
      sequences.store(context);
      const auto out = sequences.attend(context, options_of(shape, 20.0f, 300), 0, 350, 400);
      if (first.empty()) first = out;
      EXPECT_EQ(out, first) << name_of(isa) << " dimension " << shape.dimension;
    }
  }
}

}  // namespace
}  // namespace hearth::kernels::test
