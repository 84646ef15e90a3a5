#include "engine/prefix_cache.h"

#include <gtest/gtest.h>

#include <numeric>

#include "engine/tiny_scheduler.h"

namespace hearth::engine {
namespace {

// Keys and values of `pages` pages in each group of the tiny model; `model` with a window has two groups.
class PrefixCacheOf {
 public:
  PrefixCacheOf(const std::string& model, std::int32_t tokens)
      : cache_(models::read_decoder_configuration(TinyScheduler::open(model)), kernels::CacheType::kBf16,
               {.sequences = 8, .context_tokens = tokens, .batch_rows = 32, .tokens = tokens}),
        prefixes_(cache_, "numerics") {}

  struct Reader {
    SequencePages pages;
    std::optional<PrefixCache::Path> path;
  };
  // Finds what is known of the tokens, reads the rest and makes it known.
  Reader read(const std::string& tenant, const std::vector<std::int32_t>& tokens) {
    Reader reader{SequencePages(cache_), {}};
    reader.path.emplace(prefixes_.find(tenant, tokens, reader.pages));
    found_pages_ = reader.path->pages();
    const auto end = static_cast<std::int64_t>(tokens.size());
    fits_ = true;
    for (std::int64_t first = found_pages_ * 32; first < end && fits_; first += 32)
      fits_ = reader.pages.prepare(first, std::min(first + 32, end));
    if (fits_) prefixes_.add(*reader.path, tokens, reader.pages);
    return reader;
  }
  PrefixCache::Path find(const std::string& tenant, const std::vector<std::int32_t>& tokens,
                         SequencePages& pages) {
    return prefixes_.find(tenant, tokens, pages);
  }
  std::int64_t copy_part(const PrefixCache::Path& path, const std::vector<std::int32_t>& tokens,
                         SequencePages& pages) {
    return prefixes_.copy_part(path, tokens, pages);
  }
  std::int64_t known_pages(const std::string& tenant, const std::vector<std::int32_t>& tokens) {
    SequencePages pages(cache_);
    return find(tenant, tokens, pages).pages();
  }

  KeyValueCache& cache() { return cache_; }
  std::int64_t found_pages_ = 0;
  bool fits_ = true;

 private:
  KeyValueCache cache_;
  PrefixCache prefixes_;
};

std::vector<std::int32_t> text(std::int32_t first, std::size_t tokens) {
  std::vector<std::int32_t> text(tokens);
  std::iota(text.begin(), text.end(), first);
  return text;
}

std::vector<std::int32_t> joined(std::vector<std::int32_t> a, const std::vector<std::int32_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(PrefixCache, WholePagesOfAKnownBeginningAreFoundAndShared) {
  PrefixCacheOf prefixes("llama", 512);
  const auto first = prefixes.read("a", text(0, 100));  // three pages and a piece
  EXPECT_EQ(prefixes.found_pages_, 0);
  const auto same = prefixes.read("a", text(0, 100));
  EXPECT_EQ(prefixes.found_pages_, 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(same.pages.page(0, i), first.pages.page(0, i));
  EXPECT_NE(same.pages.page(0, 3), first.pages.page(0, 3))
      << "a page that is still written must not be shared";
  const auto fork = prefixes.read("a", joined(text(0, 70), text(500, 60)));
  EXPECT_EQ(prefixes.found_pages_, 2);
  EXPECT_EQ(prefixes.known_pages("a", text(1, 100)), 0);
  EXPECT_EQ(prefixes.known_pages("a", text(0, 31)), 0);
  EXPECT_EQ(prefixes.known_pages("a", text(0, 96)), 3);
}

TEST(PrefixCache, APartOfAPageIsCopied) {
  PrefixCacheOf prefixes("llama", 512);
  KeyValueCache& cache = prefixes.cache();
  const auto first = prefixes.read("a", text(0, 96));
  prefixes.read("a", joined(text(0, 64), text(500, 32)));
  std::vector<std::byte> bytes(cache.page_bytes(0), std::byte{7});
  cache.copy_in(0, first.pages.page(0, 2), bytes);
  const auto copied = [&](const std::string& tenant, const std::vector<std::int32_t>& tokens) {
    SequencePages pages(cache);
    const auto path = prefixes.find(tenant, tokens, pages);
    const std::int64_t count = prefixes.copy_part(path, tokens, pages);
    if (count > 0) {
      EXPECT_NE(pages.page(0, path.pages()), first.pages.page(0, path.pages())) << "it will be written";
      std::vector<std::byte> found(bytes.size());
      cache.copy_out(0, pages.page(0, path.pages()), found);
      EXPECT_EQ(found == bytes, path.pages() == 2 && tokens[64] == 64);
    }
    return std::pair(path.pages(), count);
  };
  using Found = std::pair<std::int64_t, std::int64_t>;
  EXPECT_EQ(copied("a", text(0, 90)), Found(2, 26)) << "as far as the text goes";
  EXPECT_EQ(copied("a", joined(text(0, 75), text(700, 60))), Found(2, 11));
  EXPECT_EQ(copied("a", joined(text(0, 75), text(2, 60))), Found(2, 11)) << "the nearest child before it";
  EXPECT_EQ(copied("a", joined(joined(text(0, 64), text(500, 9)), text(0, 9))), Found(2, 9));
  EXPECT_EQ(copied("a", joined(text(0, 10), text(700, 9))), Found(0, 10));
  EXPECT_EQ(copied("a", text(0, 66)), Found(2, 0)) << "not worth it";
  EXPECT_EQ(copied("a", text(1, 90)), Found(0, 0));
  EXPECT_EQ(copied("b", text(0, 90)), Found(0, 0)) << "another's text";
}

TEST(PrefixCache, WithoutAFreePageNoPartIsCopied) {
  PrefixCacheOf prefixes("llama", 32 * 8);
  const auto reader = prefixes.read("a", text(0, 8 * 32));
  SequencePages pages(prefixes.cache());
  const auto tokens = text(0, 3 * 32 + 20);
  const auto path = prefixes.find("a", tokens, pages);
  EXPECT_EQ(path.pages(), 3);
  EXPECT_EQ(prefixes.copy_part(path, tokens, pages), 0);
}

TEST(PrefixCache, NobodyMeetsAnothersText) {
  PrefixCacheOf prefixes("llama", 512);
  prefixes.read("a", text(0, 100));
  EXPECT_EQ(prefixes.known_pages("b", text(0, 100)), 0);
  prefixes.read("b", text(0, 100));
  EXPECT_EQ(prefixes.found_pages_, 0);
}

TEST(PrefixCache, TwoWhoReadTheSameAtTheSameTimeEndWithOneCopy) {
  PrefixCacheOf prefixes("llama", 512);
  KeyValueCache& cache = prefixes.cache();
  PrefixCache own(cache, "x");
  SequencePages one(cache), two(cache);
  auto path_one = own.find("a", {}, one), path_two = own.find("a", {}, two);
  ASSERT_TRUE(one.prepare(0, 64) && two.prepare(0, 64));
  EXPECT_EQ(cache.available_pages(), 12);
  own.add(path_one, text(0, 64), one);
  own.add(path_two, text(0, 64), two);
  EXPECT_EQ(one.page(0, 1), two.page(0, 1));
  EXPECT_EQ(cache.available_pages(), 14);
}

TEST(PrefixCache, WhatWasUsedLongestAgoGoesFirstAndLeavesBeforeTheirStems) {
  PrefixCacheOf prefixes("llama", 32 * 8);
  prefixes.read("a", text(0, 96));
  prefixes.read("a", text(1000, 96));
  prefixes.read("a", text(0, 96));  // used again
  EXPECT_EQ(prefixes.cache().available_pages(), 8) << "kept pages are to be had at once";
  prefixes.read("a", text(2000, 128));  // wants two more than are free
  EXPECT_TRUE(prefixes.fits_);
  EXPECT_EQ(prefixes.known_pages("a", text(0, 96)), 3);
  EXPECT_EQ(prefixes.known_pages("a", text(1000, 96)), 1);
  EXPECT_EQ(prefixes.known_pages("a", text(2000, 128)), 4);
}

TEST(PrefixCache, PagesThatSomebodyReadsAreNeverTaken) {
  PrefixCacheOf prefixes("llama", 32 * 8);
  const auto reader = prefixes.read("a", text(0, 5 * 32));
  prefixes.read("b", text(1000, 4 * 32));
  EXPECT_FALSE(prefixes.fits_);
  EXPECT_EQ(prefixes.known_pages("a", text(0, 5 * 32)), 5);
}

TEST(PrefixCache, ATenantOverItsShareGivesFirst) {
  PrefixCacheOf prefixes("llama", 32 * 8);
  prefixes.read("small", text(0, 2 * 32));  // the longest ago
  prefixes.read("large", text(0, 6 * 32));
  prefixes.read("small", text(1000, 1 * 32));
  EXPECT_EQ(prefixes.known_pages("small", text(0, 2 * 32)), 2);
  EXPECT_EQ(prefixes.known_pages("large", text(0, 6 * 32)), 5);
}

TEST(PrefixCache, ATenantWhosePagesAreGoneHasNoShareAnyMore) {
  PrefixCacheOf prefixes("llama", 32 * 8);
  for (int i = 0; i < 20; ++i) prefixes.known_pages("nobody " + std::to_string(i), text(0, 64));
  prefixes.read("gone", text(0, 8 * 32));
  prefixes.read("small", text(0, 2 * 32));
  prefixes.read("large", text(0, 6 * 32));  // takes the last of the first one's
  prefixes.read("large", text(1000, 1 * 32));
  EXPECT_EQ(prefixes.known_pages("small", text(0, 2 * 32)), 2) << "two share the cache: four pages each";
  EXPECT_EQ(prefixes.known_pages("large", text(0, 6 * 32)), 5);
}

// Gemma's window here is shorter than the text: of those layers only the last pages are wanted.
TEST(PrefixCache, LayersWithAWindowWantOnlyWhatTheNextRowSees) {
  PrefixCacheOf prefixes("gemma3", 32 * 16);
  ASSERT_EQ(prefixes.cache().group_count(), 2);
  const int windowed = prefixes.cache().window(0) > 0 ? 0 : 1;
  ASSERT_LT(prefixes.cache().window(windowed), 5 * 32);
  const auto tokens = text(0, 10 * 32);
  prefixes.read("a", tokens);
  SequencePages pages(prefixes.cache());
  const auto path = prefixes.find("a", tokens, pages);
  EXPECT_EQ(path.pages(), 10);
  for (std::int32_t g = 0; g < 2; ++g) EXPECT_NE(pages.page(g, 9), SequencePages::kNoPage);
  EXPECT_EQ(pages.page(windowed, 0), SequencePages::kNoPage);
  EXPECT_NE(pages.page(1 - windowed, 0), SequencePages::kNoPage);
}

// The answers, not only the pages.
TEST(PrefixCache, AnAnswerBehindAKnownPromptIsTheSame) {
  for (const char* model : {"llama", "gemma3"}) {
    SCOPED_TRACE(model);
    EngineOptions options;
    options.context_tokens = 256;
    options.prefix_cache = false;
    GenerationRequest request;
    for (int i = 0; i < 150; ++i) request.prompt.push_back(2 + i * 7 % 90);
    request.maximum_tokens = 40;
    request.ignore_end = true;
    request.sampling.temperature = 1;
    const auto expected = TinyScheduler(model, options).generate(request);
    EXPECT_EQ(expected.usage.cached_tokens, 0);
    options.prefix_cache = true;
    TinyScheduler scheduler(model, options);
    EXPECT_EQ(scheduler.generate(request).usage.cached_tokens, 0);
    const auto again = scheduler.generate(request);
    EXPECT_EQ(again.usage.cached_tokens, 149)
        << "four pages, and a part of the fifth; all but the last token";
    EXPECT_EQ(again.tokens, expected.tokens);
    request.prompt.resize(131);
    const auto other = scheduler.generate(request);
    EXPECT_EQ(other.usage.cached_tokens, 128) << "two tokens are not worth a copy";
    options.prefix_cache = false;
    EXPECT_EQ(other.tokens, TinyScheduler(model, options).generate(request).tokens);
    request.context = std::make_shared<RequestContext>();
    request.context->principal.tenant = "another";
    EXPECT_EQ(scheduler.generate(request).usage.cached_tokens, 0);
  }
}

TEST(Preemption, WhoCameLastGivesItsPagesAndLosesNothing) {
  for (const bool prefix_cache : {false, true}) {
    SCOPED_TRACE(prefix_cache);
    EngineOptions options;
    options.context_tokens = 256;
    options.parallel_sequences = 6;
    options.prefix_cache = prefix_cache;
    TinyScheduler roomy("llama", options);
    options.cache_tokens = 256;  // two at their full length
    TinyScheduler scarce("llama", options);
    std::vector<std::future<TinyScheduler::Answer>> answers;
    for (int i = 0; i < 6; ++i) answers.push_back(scarce.submit(request_that_grows(i)));
    for (int i = 0; i < 6; ++i)
      EXPECT_EQ(answers[i].get().tokens, roomy.generate(request_that_grows(i)).tokens) << i;
    EXPECT_GT(scarce.load_at_rest().preemptions, 0);
    EXPECT_EQ(roomy.load_at_rest().preemptions, 0);
    EXPECT_EQ(scarce.load_at_rest().free_pages, scarce.load_at_rest().total_pages);
  }
}

}  // namespace
}  // namespace hearth::engine
