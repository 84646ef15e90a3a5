#include "engine/key_value_cache.h"

#include <gtest/gtest.h>

#include <set>

namespace hearth::engine {
namespace {

// Two layers over the whole context and two with a window.
models::DecoderConfiguration small_configuration(std::int32_t window) {
  models::DecoderConfiguration configuration;
  configuration.layers_count = 4;
  configuration.heads = configuration.key_value_heads = 2;
  configuration.head_dimension = 16;
  for (int i = 0; i < 4; ++i) {
    models::LayerConfiguration layer;
    if (i % 2 == 1 && window > 0) {
      layer.window = window;
      layer.group = 1;
    }
    configuration.layers.push_back(layer);
  }
  return configuration;
}

class EveryCacheType : public testing::TestWithParam<kernels::CacheType> {};
INSTANTIATE_TEST_SUITE_P(KeyValueCache, EveryCacheType,
                         testing::Values(kernels::CacheType::kF32, kernels::CacheType::kBf16,
                                         kernels::CacheType::kF16, kernels::CacheType::kQ8),
                         [](const auto& info) { return std::string(name_of(info.param)); });

TEST_P(EveryCacheType, LayersDoNotOverlap) {
  const auto configuration = small_configuration(64);
  const KeyValueCache cache(configuration, GetParam(), {2, 512, 32});
  std::set<std::byte*> starts;
  for (const auto& layer : cache.layers()) {
    starts.insert(layer.keys);
    starts.insert(layer.values);
  }
  EXPECT_EQ(starts.size(), 8u);
  EXPECT_EQ(cache.group_count(), 2);
  // Writing every byte of the last page of the last layer must stay inside the mapping (a sanitizer would
  // tell).
  const auto& last = cache.layers().back();
  std::fill_n(last.values + static_cast<std::size_t>(cache.total_pages() - 32 - 1) * last.page_stride,
              last.page_bytes(), std::byte{1});
}

TEST(KeyValueCache, GivesPagesUntilNoneIsLeft) {
  const auto configuration = small_configuration(0);
  KeyValueCache cache(configuration, kernels::CacheType::kBf16, {1, 1024, 32});
  EXPECT_EQ(cache.total_pages(), 32);
  {
    SequencePages first(cache), second(cache);
    EXPECT_EQ(first.pages_wanted(0, 500), 16);
    EXPECT_TRUE(first.prepare(0, 500));
    EXPECT_EQ(first.pages_wanted(0, 512), 0);
    EXPECT_EQ(first.pages_wanted(0, 513), 1);
    EXPECT_EQ(cache.available_pages(), 16);
    EXPECT_FALSE(second.prepare(0, 513));
    EXPECT_TRUE(second.prepare(0, 512));
    EXPECT_FALSE(first.prepare(500, 513));
  }
  EXPECT_EQ(cache.available_pages(), 32);
}

// 70 tokens are two pages and a piece of one: each sequence needs three.
TEST(KeyValueCache, EverySequenceHasItsWholeContext) {
  const auto configuration = small_configuration(64);
  constexpr std::int32_t kSequences = 5, kContext = 70;
  KeyValueCache cache(configuration, kernels::CacheType::kBf16, {kSequences, kContext, 32});
  std::vector<SequencePages> sequences;
  for (std::int32_t i = 0; i < kSequences; ++i)
    ASSERT_TRUE(sequences.emplace_back(cache).prepare(0, kContext)) << i;
  EXPECT_EQ(cache.available_pages(), 0);
}

TEST(KeyValueCache, FewerTokensThanAllSequencesWantAreSharedByThoseThatAreShort) {
  const auto configuration = small_configuration(0);
  const models::CacheSize size{.sequences = 8, .context_tokens = 512, .batch_rows = 32, .tokens = 1000};
  KeyValueCache cache(configuration, kernels::CacheType::kBf16, size);
  EXPECT_EQ(cache.total_pages(), 32);
  SequencePages one(cache), two(cache), three(cache);
  EXPECT_TRUE(one.prepare(0, 512) && two.prepare(0, 256) && three.prepare(0, 256));
  EXPECT_FALSE(three.prepare(256, 257));
}

TEST(KeyValueCache, SequencesOfTheirOwnNeverShareAPage) {
  const auto configuration = small_configuration(0);
  KeyValueCache cache(configuration, kernels::CacheType::kBf16, {2, 512, 32});
  SequencePages one(cache), two(cache);
  for (std::int64_t i = 0; i < 512; i += 16) ASSERT_TRUE(one.prepare(i, i + 16) && two.prepare(i, i + 16));
  std::set<std::int32_t> pages(one.tables()[0], one.tables()[0] + 16);
  pages.insert(two.tables()[0], two.tables()[0] + 16);
  EXPECT_EQ(pages.size(), 32u);
}

TEST(KeyValueCache, APageIsWipedWhenItChangesItsOwner) {
  const auto configuration = small_configuration(0);
  KeyValueCache cache(configuration, kernels::CacheType::kBf16, {1, 32, 32});
  const auto& layer = cache.layers().back();
  const auto bytes = [&] { return std::vector<std::byte>(layer.values, layer.values + layer.page_bytes()); };
  const auto write = [&](std::uint64_t owner) {
    SequencePages pages(cache, owner);
    EXPECT_TRUE(pages.prepare(0, 1));
    const auto found = bytes();
    std::fill_n(layer.values, layer.page_bytes(), std::byte{7});
    return found;
  };
  write(1);
  EXPECT_EQ(write(1)[0], std::byte{7});
  const auto found = write(2);
  EXPECT_EQ(std::count(found.begin(), found.end(), std::byte{0}), std::ssize(found));
}

TEST(KeyValueCache, WhatAForgottenOwnerWroteIsWipedOnceItIsFree) {
  const auto configuration = small_configuration(0);
  KeyValueCache cache(configuration, kernels::CacheType::kF16, {1, 64, 32});
  const auto& layer = cache.layers().back();
  const auto bytes_left = [&] {
    return std::count(layer.values, layer.values + cache.page_bytes(), std::byte{7}) +
           std::count(layer.values + layer.page_stride, layer.values + layer.page_stride + layer.page_bytes(),
                      std::byte{7});
  };
  ASSERT_EQ(bytes_left(), 0);
  const std::uint64_t owner = cache.new_owner();
  {
    SequencePages free(cache, owner), held(cache, owner);
    ASSERT_TRUE(free.prepare(0, 1) && held.prepare(0, 1));
    for (std::size_t page = 0; page < 2; ++page)
      std::fill_n(layer.values + page * layer.page_stride, layer.page_bytes(), std::byte{7});
    const auto written = bytes_left();
    ASSERT_EQ(written, 2 * std::ssize(std::vector<std::byte>(layer.page_bytes())));
    { const SequencePages gone(std::move(free)); }
    EXPECT_EQ(bytes_left(), written);
    cache.forget(owner);
    EXPECT_EQ(bytes_left(), written / 2) << "somebody reads the other still";
  }
  EXPECT_EQ(bytes_left(), 0);
}

TEST(KeyValueCache, AWindowedGroupKeepsWhatItsRowsCanSeeAndGivesTheRestBack) {
  const auto configuration = small_configuration(64);
  KeyValueCache cache(configuration, kernels::CacheType::kBf16, {1, 4096, 32});
  // 64 tokens of window and 32 rows of a chunk, each end inside a page: 4 pages, where the whole context
  // takes 128.
  EXPECT_EQ(cache.pages_needed(1, 4096), 4);
  EXPECT_EQ(cache.pages_needed(0, 4096), 128);
  SequencePages sequence(cache);
  for (std::int64_t first = 0; first < 4096; first += 32) {
    ASSERT_TRUE(sequence.prepare(first, first + 32));
    std::set<std::int32_t> seen;
    const std::int64_t first_page = std::max<std::int64_t>(0, first - 63) / 32, last_page = (first + 31) / 32;
    for (std::int64_t page = first_page; page <= last_page; ++page) seen.insert(sequence.tables()[1][page]);
    EXPECT_EQ(static_cast<std::int64_t>(seen.size()), last_page - first_page + 1)
        << "two visible positions share a page";
  }
}

}  // namespace
}  // namespace hearth::engine
