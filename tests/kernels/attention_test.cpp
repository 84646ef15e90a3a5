#include "kernels/attention.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <numbers>
#include <numeric>

#include "kernels/half.h"
#include "kernels/kernel_test.h"

namespace hearth::kernels::test {
namespace {

struct Shape {
  std::size_t query_heads, heads, dimension;
};

// To nearest, ties to even; not for NaN.
std::uint16_t rounded_to_bfloat(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// Sequences with random keys and values, their pages scattered over one cache whose unused slots hold NaN.
class Sequences {
 public:
  Sequences(Random& random, Shape shape, CacheType type, std::vector<std::int32_t> lengths)
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
    view_ = {nullptr, nullptr, type, shape.heads, shape.dimension};
    view_.page_stride = view_.page_bytes() + 192;                    // something else lies between pages
    key_memory_.assign(pages * view_.page_stride, std::byte{0xff});  // NaN in all types: of 8 bits, the scale
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

  // The others begin with the first sequence's pages.
  void have_in_common(std::size_t pages) {
    for (std::vector<std::int32_t>& table : tables_)
      std::copy_n(tables_.front().begin(), pages, table.begin());
  }

  void add_to_keys(std::size_t s, std::size_t d, float amount) {
    for (std::size_t i = d; i < keys_[s].size(); i += shape_.dimension) keys_[s][i] += amount;
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

  // One row and head, plainly, over what the cache holds after rounding, or over the keys and values as
  // given.
  std::vector<double> reference(const AttentionOptions& options, std::size_t s, std::int32_t position,
                                std::size_t query_head, bool rounded = true) const {
    const std::size_t dimension = shape_.dimension, head = query_head / (shape_.query_heads / shape_.heads);
    const float* given = query(s, position) + query_head * dimension;
    const std::vector<double> q =
        rounded ? as_multiplied(options, given) : std::vector<double>(given, given + dimension);
    const std::int32_t first = options.window > 0 ? std::max(0, position - options.window + 1) : 0;
    std::vector<double> scores, out(dimension);
    for (std::int32_t p = first; p <= position; ++p) {
      double score = 0;
      for (std::size_t d = 0; d < dimension; ++d)
        score += q[d] * (rounded ? key(s, p, head, d) : element(keys_[s], p, head, d));
      score *= options.scale;
      if (options.soft_cap > 0) score = options.soft_cap * std::tanh(score / options.soft_cap);
      scores.push_back(score);
    }
    const double greatest = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const double weight = std::exp(scores[i] - greatest);
      sum += weight;
      for (std::size_t d = 0; d < dimension; ++d) {
        const std::int32_t p = first + static_cast<std::int32_t>(i);
        out[d] += weight * (rounded ? value(s, p, head, d) : element(values_[s], p, head, d));
      }
    }
    for (double& value : out) value /= sum;
    return out;
  }

  double key(std::size_t s, std::int32_t position, std::size_t head, std::size_t d) const {
    const std::size_t slot = static_cast<std::size_t>(position) % kPageTokens;
    return cached(
        view_.keys, s, position, head,
        view_.type == CacheType::kBf16 ? (d / 2 * kPageTokens + slot) * 2 + d % 2 : d * kPageTokens + slot);
  }
  double value(std::size_t s, std::int32_t position, std::size_t head, std::size_t d) const {
    const std::size_t slot = static_cast<std::size_t>(position) % kPageTokens;
    const std::size_t padded = (shape_.dimension + 15) / 16 * 16;
    return cached(view_.values, s, position, head,
                  view_.type == CacheType::kBf16 ? (slot / 2 * padded + d) * 2 + slot % 2
                                                 : slot * shape_.dimension + d);
  }
  // A query as it meets the keys: for bfloat16 ones rounded with its factor.
  std::vector<double> as_multiplied(const AttentionOptions& options, const float* query) const {
    if (view_.type != CacheType::kBf16) return as_cached(query);
    const float factor = options.soft_cap > 0 ? options.scale : options.scale * std::numbers::log2e_v<float>;
    std::vector<double> out;
    for (std::size_t d = 0; d < shape_.dimension; ++d)
      out.push_back(bfloat_to_float(rounded_to_bfloat(query[d] * factor)) / double{factor});
    return out;
  }
  // A key or query as the cache's keys are: in 8 bits turned by the Hadamard matrix of the greatest power of
  // two that divides the head, normalised to the keys' side; each sum written out.
  std::vector<double> as_cached(const float* x, bool is_key = false) const {
    std::vector<double> out(x, x + shape_.dimension);
    if (view_.type != CacheType::kQ8 || shape_.dimension % 16 != 0) return out;
    std::size_t size = 1;
    while (shape_.dimension % (2 * size) == 0) size *= 2;
    for (std::size_t i = 0; i < out.size(); ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < size; ++j)
        sum += (std::popcount(i % size & j) % 2 == 0 ? 1 : -1) * double{x[i / size * size + j]};
      out[i] = is_key ? sum : sum / static_cast<double>(size);
    }
    return out;
  }
  const float* given_key(std::size_t s, std::int32_t position, std::size_t head) const {
    return &keys_[s][static_cast<std::size_t>(position) * width() + head * shape_.dimension];
  }
  const float* given_value(std::size_t s, std::int32_t position, std::size_t head) const {
    return &values_[s][static_cast<std::size_t>(position) * width() + head * shape_.dimension];
  }

 private:
  double element(const std::vector<float>& x, std::int32_t position, std::size_t head, std::size_t d) const {
    return x[static_cast<std::size_t>(position) * width() + head * shape_.dimension + d];
  }
  // Element `index` of the slot's head, as the bytes say.
  double cached(const std::byte* base, std::size_t s, std::int32_t position, std::size_t head,
                std::size_t index) const {
    const auto p = static_cast<std::size_t>(position);
    const auto page = static_cast<std::size_t>(tables_[s][p / kPageTokens]);
    const std::byte* start = base + page * view_.page_stride + head * view_.head_bytes();
    if (view_.type == CacheType::kF32) return reinterpret_cast<const float*>(start)[index];
    if (view_.type == CacheType::kBf16)
      return bfloat_to_float(reinterpret_cast<const std::uint16_t*>(start)[index]);
    if (view_.type == CacheType::kF16)
      return static_cast<double>(reinterpret_cast<const _Float16*>(start)[index]);
    const auto* scales = reinterpret_cast<const float*>(start + kPageTokens * shape_.dimension);
    return static_cast<double>(reinterpret_cast<const std::int8_t*>(start)[index]) * scales[p % kPageTokens];
  }

  Shape shape_;
  std::vector<std::int32_t> lengths_;
  std::vector<std::vector<std::int32_t>> tables_;
  std::vector<std::vector<float>> keys_, values_, queries_;
  std::vector<std::byte> key_memory_, value_memory_;
  PagedCacheView view_;
};

constexpr CacheType kCacheTypes[] = {CacheType::kBf16, CacheType::kF16, CacheType::kF32, CacheType::kQ8};

constexpr Shape kShapes[] = {{3, 1, 64}, {4, 2, 32}, {6, 3, 20}, {12, 2, 128},
                             {1, 1, 16}, {7, 1, 48}, {2, 2, 5},  {53, 1, 7}};

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
  for (const CacheType type : kCacheTypes) {
    for (const Shape shape : kShapes) {
      const Sequences sequences(random_, shape, type, {1, 33, 70, 400});
      // Weights of a bfloat16 cache are off by 2^-9 of themselves at most.
      const double tolerance = type == CacheType::kBf16 ? 0x1p-8 : 4e-6;
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
                ASSERT_NEAR(row[d], expected[d], tolerance)
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
  for (const CacheType type : kCacheTypes) {
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

// The last rows of several sequences in one call, of one of them more, are as each sequence's alone.
void expect_as_alone(ExecutionContext& context, const Sequences& sequences, const AttentionOptions& options,
                     std::size_t of_many, std::int32_t many) {
  std::vector<CacheRow> rows;
  std::vector<float> queries, expected;
  for (std::size_t s = 0; s < sequences.count(); ++s) {
    const std::int32_t length = sequences.length(s), first = length - (s == of_many ? many : 1);
    const std::vector<float> alone = sequences.attend(context, options, s, first, length);
    expected.insert(expected.end(), alone.begin(), alone.end());
    for (const CacheRow& row : sequences.rows(s, first, length)) rows.push_back(row);
    queries.insert(queries.end(), sequences.query(s, first), sequences.query(s, first) + alone.size());
  }
  std::vector<float> out(queries.size());
  attention(context, options, {queries.data(), rows.size(), sequences.query_width()}, rows, sequences.cache(),
            {out.data(), rows.size(), sequences.query_width()});
  EXPECT_TRUE(same_bits(out.data(), expected.data(), out.size()));
}

// As a batch of decoding and prefilling requests is.
TEST_P(AttentionTest, NeighboursOfOtherSequencesLeaveNoTrace) {
  const Shape shape{9, 3, 64};
  const Sequences sequences(random_, shape, CacheType::kBf16, {5, 300, 64, 601, 33});
  sequences.store(context_);
  expect_as_alone(context_, sequences, options_of(shape, 0, 0), 2, 20);
  expect_as_alone(context_, sequences, options_of(shape, 0, 0), 3, 40);  // which is most of the work
}

// Pages that several texts begin with are gone through once for all of them.
TEST_P(AttentionTest, TextsWithACommonBeginningAreAsAlone) {
  for (const CacheType type : kCacheTypes) {
    for (const std::size_t common_pages : {7, 8, 17}) {
      const Shape shape{6, 2, 64};
      Sequences sequences(random_, shape, type, {600, 577, 585, 560, 600, 580});
      sequences.store(context_);
      sequences.have_in_common(common_pages);
      for (const std::int32_t window : {0, 50, 400}) {
        SCOPED_TRACE(fmt::format("{}, {} pages, window {}", name_of(type), common_pages, window));
        expect_as_alone(context_, sequences, options_of(shape, 0, window), 3, 5);
      }
    }
  }
}

// What lies behind a row's position, NaN included, never reaches it; what does is seen to the end.
TEST_P(AttentionTest, LaterPositionsCannotBeSeen) {
  for (const CacheType type : kCacheTypes) {
    const Shape shape{2, 1, 32};
    const Sequences sequences(random_, shape, type, {40});
    sequences.store(context_);
    const AttentionOptions options = options_of(shape, 0, 0);
    const std::vector<float> before = sequences.attend(context_, options, 0, 0, 40);
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      const std::vector<float> row(2 * 32, bad);
      store_keys_values(context_, {row.data(), 2, 32}, {row.data(), 2, 32}, sequences.rows(0, 20, 22),
                        sequences.cache());
      const std::vector<float> after = sequences.attend(context_, options, 0, 0, 40);
      EXPECT_TRUE(same_bits(before.data(), after.data(), 20 * sequences.query_width()));
      for (std::size_t i = 22 * sequences.query_width(); i < after.size(); ++i)
        EXPECT_TRUE(std::isnan(after[i]));
    }
  }
}

TEST_P(AttentionTest, HugeScoresDoNotOverflow) {
  const Shape shape{1, 1, 16};
  const Sequences sequences(random_, shape, CacheType::kF32, {100});
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
  const Sequences sequences(random_, {1, 1, 64}, CacheType::kF16, {static_cast<std::int32_t>(rows)});
  store_keys_values(context_, {values.data(), rows, 64}, {values.data(), rows, 64},
                    sequences.rows(0, 0, static_cast<std::int32_t>(rows)), sequences.cache());
  const std::vector<CacheRow> places = sequences.rows(0, 0, static_cast<std::int32_t>(rows));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t row = i / 64, d = i % 64, slot = row % kPageTokens;
    const auto page =
        static_cast<std::size_t>(places[row].page_table[row / kPageTokens]) * sequences.cache().page_stride;
    const auto* keys = reinterpret_cast<const std::uint16_t*>(sequences.cache().keys + page);
    const auto* cached = reinterpret_cast<const std::uint16_t*>(sequences.cache().values + page);
    const auto expected = std::bit_cast<std::uint16_t>(static_cast<_Float16>(values[i]));
    ASSERT_EQ(keys[d * kPageTokens + slot], expected) << values[i];
    ASSERT_EQ(cached[slot * 64 + d], expected) << values[i];
  }
}

TEST_P(AttentionTest, BfloatCacheRoundsToNearestEven) {
  std::vector<float> values;
  for (std::uint32_t high = 0; high < 0x7f80; high += 5)
    for (const std::uint32_t low : {0x0000u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu})
      for (const std::uint32_t sign : {0u, 0x80000000u})
        values.push_back(std::bit_cast<float>(sign | high << 16 | low));
  values.push_back(std::numeric_limits<float>::infinity());
  values.resize((values.size() + 63) / 64 * 64);
  const auto rows = static_cast<std::int32_t>(values.size() / 64);
  const Sequences sequences(random_, {1, 1, 64}, CacheType::kBf16, {rows});
  const MatrixView<const float> given{values.data(), values.size() / 64, 64};
  store_keys_values(context_, given, given, sequences.rows(0, 0, rows), sequences.cache());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto row = static_cast<std::int32_t>(i / 64);
    const bool denormal = std::abs(values[i]) < std::numeric_limits<float>::min();
    const double expected = denormal ? 0 : bfloat_to_float(rounded_to_bfloat(values[i]));
    ASSERT_EQ(sequences.key(0, row, 0, i % 64), expected) << values[i];
    ASSERT_EQ(sequences.value(0, row, 0, i % 64), expected) << values[i];
  }
}

// Each row of a head in steps of its greatest magnitude / 127, ties aside: the keys' after the rotation.
TEST_P(AttentionTest, EightBitsRoundEachRowOfAHeadForItself) {
  for (const Shape shape : kShapes) {
    const Sequences sequences(random_, shape, CacheType::kQ8, {70});
    sequences.store(context_);
    for (std::int32_t p = 0; p < 70; p += 3) {
      for (std::size_t head = 0; head < shape.heads; ++head) {
        const float* values = sequences.given_value(0, p, head);
        const std::vector<double> value_row(values, values + shape.dimension);
        const std::vector<double> key_row = sequences.as_cached(sequences.given_key(0, p, head), true);
        for (const bool is_key : {true, false}) {
          const std::vector<double>& row = is_key ? key_row : value_row;
          double greatest = 0, greatest_cached = 0;
          for (const double x : row) greatest = std::max(greatest, std::abs(x));
          for (std::size_t d = 0; d < row.size(); ++d) {
            const double cached = is_key ? sequences.key(0, p, head, d) : sequences.value(0, p, head, d);
            greatest_cached = std::max(greatest_cached, std::abs(cached));
            ASSERT_NEAR(cached, row[d], greatest / 127 / 2 * 1.001)
                << (is_key ? "key" : "value") << " dimension " << shape.dimension << " at " << d;
          }
          ASSERT_NEAR(greatest_cached, greatest, greatest * 1e-6);
        }
      }
    }
  }
}

// Keys of some models have a few values a hundred times the others': the answer must stay close to the one
// over keys that are not rounded.
TEST_P(AttentionTest, EightBitsKeepWhatAFewGreatKeyValuesWouldDrown) {
  const Shape shape{2, 1, 128};
  Sequences sequences(random_, shape, CacheType::kQ8, {200});
  sequences.add_to_keys(0, 37, 200.0f);
  sequences.add_to_keys(0, 90, -120.0f);
  sequences.store(context_);
  const AttentionOptions options = options_of(shape, 0, 0);
  const std::vector<float> out = sequences.attend(context_, options, 0, 199, 200);
  double error = 0, size = 0;
  for (std::size_t h = 0; h < shape.query_heads; ++h) {
    const std::vector<double> exact = sequences.reference(options, 0, 199, h, false);
    for (std::size_t d = 0; d < shape.dimension; ++d) {
      error += std::pow(out[h * shape.dimension + d] - exact[d], 2);
      size += exact[d] * exact[d];
    }
  }
  EXPECT_LT(std::sqrt(error / size), 0.2);  // without the rotation about 0.8
}

TEST_P(AttentionTest, EightBitsOfZerosAndOfTheSmallestNumbersAreZeros) {
  for (const float each : {0.0f, -0.0f, 1e-38f, 1e-45f}) {
    const Sequences sequences(random_, {1, 1, 20}, CacheType::kQ8, {1});
    const std::vector<float> row(20, each);
    store_keys_values(context_, {row.data(), 1, 20}, {row.data(), 1, 20}, sequences.rows(0, 0, 1),
                      sequences.cache());
    const std::vector<float> out = sequences.attend(context_, options_of({1, 1, 20}, 0, 0), 0, 0, 1);
    for (const float value : out) EXPECT_EQ(value, 0.0f);
  }
}

TEST(AttentionAcrossIsasTest, EverySetGivesTheSameBits) {
  ThreadTeam team(2);
  for (const CacheType type : kCacheTypes) {
    for (const Shape shape : kShapes) {
      for (const std::int32_t first_row : {350, 399}) {  // many queries for one page, and few
        std::vector<float> first;
        for (const Isa isa : available_isas()) {
          ExecutionContext context(team, {}, isa);
          Random random(16);
          const Sequences sequences(random, shape, type, {400});
          sequences.store(context);
          const auto out = sequences.attend(context, options_of(shape, 20.0f, 300), 0, first_row, 400);
          if (first.empty()) first = out;
          EXPECT_EQ(out, first) << name_of(type) << ' ' << name_of(isa) << " dimension " << shape.dimension;
        }
      }
    }
  }
}

// An empty batch: nothing is read and nothing written.
TEST_P(AttentionTest, NoRowsAreNoWork) {
  for (const CacheType type : kCacheTypes) {
    const Sequences sequences(random_, {2, 1, 16}, type, {3});
    store_keys_values(context_, {nullptr, 0, 16}, {nullptr, 0, 16}, {}, sequences.cache());
    attention(context_, options_of({2, 1, 16}, 0, 0), {nullptr, 0, 32}, {}, sequences.cache(),
              {nullptr, 0, 32});
  }
}

}  // namespace
}  // namespace hearth::kernels::test
