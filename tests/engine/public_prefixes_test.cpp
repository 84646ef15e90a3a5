// Beginnings that tenants share: who gets how much of them, that nobody gets more, and that answers stay the
// same.
#include "engine/public_prefixes.h"

#include <gtest/gtest.h>

#include <set>

#include "engine/disk_cache.h"
#include "engine/sequence.h"
#include "engine/smollm2_test.h"
#include "engine/tiny_scheduler.h"
#include "support/temporary_directory.h"

namespace hearth::engine {
namespace {

using Tokens = PublicPrefixes::Tokens;

// The same seed, the same tokens.
Tokens tokens(std::size_t count, int seed) {
  Tokens tokens;
  for (std::size_t i = 0; i < count; ++i)
    tokens.push_back(2 + (seed * 31 + static_cast<int>(i) * (7 + seed)) % 90);
  return tokens;
}

Tokens joined(Tokens a, const Tokens& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

GenerationRequest request_of(const std::string& tenant, Tokens prompt) {
  GenerationRequest request;
  request.context = std::make_shared<RequestContext>();
  request.context->principal.tenant = tenant;
  request.prompt = std::move(prompt);
  request.maximum_tokens = 20;
  request.ignore_end = true;
  request.sampling.temperature = 1;
  return request;
}

EngineOptions small_options() {
  EngineOptions options;
  options.context_tokens = 256;
  return options;
}

TEST(PublicPrefixes, OnlyWholePagesOfAWholeListedTextCount) {
  PublicPrefixes prefixes;
  EXPECT_EQ(prefixes.pages_of(tokens(200, 1)), 0);
  prefixes.replace({tokens(100, 1), tokens(40, 1), tokens(31, 2)});
  EXPECT_EQ(prefixes.pages_of(tokens(200, 1)), 3);
  EXPECT_EQ(prefixes.pages_of(tokens(96, 1)), 3) << "what lies in no whole page decides nothing";
  EXPECT_EQ(prefixes.pages_of(tokens(95, 1)), 1) << "a part of the longer one is none, the shorter one is";
  EXPECT_EQ(prefixes.pages_of(joined(tokens(64, 1), tokens(100, 5))), 1);
  EXPECT_EQ(prefixes.pages_of(tokens(31, 1)), 0);
  EXPECT_EQ(prefixes.pages_of(tokens(200, 2)), 0);
  EXPECT_EQ(prefixes.pages_of({}), 0);
}

class PublicPrefixCache : public testing::Test {
 protected:
  struct Reader {
    SequencePages pages;
    std::optional<PrefixCache::Path> path;
    std::int64_t found;
  };
  Reader read(const std::string& tenant, const Tokens& text) {
    Reader reader{SequencePages(cache_), {}, 0};
    reader.path.emplace(prefixes_.find(tenant, text, reader.pages));
    reader.found = reader.path->pages();
    const auto end = static_cast<std::int64_t>(text.size());
    for (std::int64_t first = reader.found * 32; first < end; first += 32)
      EXPECT_TRUE(reader.pages.prepare(first, std::min(first + 32, end)));
    prefixes_.add(*reader.path, text, reader.pages);
    return reader;
  }
  std::int64_t known(const std::string& tenant, const Tokens& text) {
    SequencePages pages(cache_);
    return prefixes_.find(tenant, text, pages).pages();
  }

  KeyValueCache cache_{models::read_decoder_configuration(TinyScheduler::open("llama")),
                       kernels::CacheType::kF16,
                       {.sequences = 8, .context_tokens = 32 * 12, .batch_rows = 32, .tokens = 32 * 12}};
  PublicPrefixes everybodys_;
  PrefixCache prefixes_{cache_, "numerics", nullptr, &everybodys_};
};

TEST_F(PublicPrefixCache, AnotherTenantGetsTheListedPagesAndNothingElse) {
  const Tokens listed = tokens(70, 1);  // two pages and a piece
  everybodys_.replace({listed});
  const Tokens question = joined(listed, tokens(60, 2));
  const auto a = read("a", question);
  EXPECT_EQ(a.found, 0);
  EXPECT_EQ(known("b", question), 2) << "not the page at the seam, not what a asked";
  EXPECT_EQ(known("a", question), 4);
  const auto b = read("b", question);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(b.pages.page(0, i) == a.pages.page(0, i), i < 2) << i;
  EXPECT_EQ(known("b", question), 4);
  EXPECT_EQ(known("c", tokens(64, 1)), 2);
  EXPECT_EQ(known("c", tokens(63, 1)), 0) << "a part of it tells nothing of who reads the whole";
}

TEST_F(PublicPrefixCache, WhatWasReadBeforeItWasListedIsNotHandedOut) {
  const Tokens text = tokens(64, 1);
  read("a", text);
  everybodys_.replace({text});
  EXPECT_EQ(known("b", text), 0);
  read("b", text);
  EXPECT_EQ(known("a", text), 2);
  everybodys_.replace({});
  EXPECT_EQ(known("b", text), 0) << "listed no more";
  EXPECT_EQ(known("a", text), 2) << "its own";
}

TEST_F(PublicPrefixCache, APathThatWasBegunKeepsToWhatItBeganWith) {
  const Tokens text = tokens(96, 1);
  SequencePages pages(cache_);
  auto path = prefixes_.find("a", text, pages);
  everybodys_.replace({tokens(64, 1)});
  ASSERT_TRUE(pages.prepare(0, 96));
  prefixes_.add(path, text, pages);
  EXPECT_EQ(known("b", text), 0);
}

TEST_F(PublicPrefixCache, TwoWhoReadItAtOnceEndWithOneCopyOfIt) {
  everybodys_.replace({tokens(64, 1)});
  const Tokens text = tokens(96, 1);
  SequencePages one(cache_), two(cache_);
  auto first = prefixes_.find("a", text, one), second = prefixes_.find("b", text, two);
  ASSERT_TRUE(one.prepare(0, 96) && two.prepare(0, 96));
  for (const std::size_t end : {40u, 64u, 96u}) {
    prefixes_.add(first, std::span(text).first(end), one);
    prefixes_.add(second, std::span(text).first(end), two);
  }
  EXPECT_EQ(one.page(0, 1), two.page(0, 1));
  EXPECT_NE(one.page(0, 2), two.page(0, 2));
}

// Of twelve pages.
TEST_F(PublicPrefixCache, ItIsInNobodysShareAndGoesAfterWhatStandsOnIt) {
  everybodys_.replace({tokens(4 * 32, 1)});
  read("a", joined(tokens(4 * 32, 1), tokens(2 * 32, 2)));  // four of everybody's, two of its own
  read("b", tokens(6 * 32, 3));
  read("c", tokens(1 * 32, 4));  // b has more than its third
  EXPECT_EQ(known("b", tokens(6 * 32, 3)), 5);
  EXPECT_EQ(known("a", joined(tokens(4 * 32, 1), tokens(2 * 32, 2))), 6);
  const auto holder = read("b", tokens(5 * 32, 3));
  read("d", tokens(4 * 32, 5));  // c's, then the two of a's, which was used before, then one of everybody's
  EXPECT_EQ(known("a", joined(tokens(4 * 32, 1), tokens(2 * 32, 2))), 3);
}

TEST_F(PublicPrefixCache, WhatIsForgottenIsATenantsOwn) {
  everybodys_.replace({tokens(64, 1)});
  const Tokens text = joined(tokens(64, 1), tokens(64, 2));
  read("a", text);
  read("a", tokens(70, 3));
  read("b", text);
  const auto forgotten = prefixes_.forget("a");
  EXPECT_EQ(forgotten.pages, 4);
  EXPECT_NE(forgotten.owner, 0u);
  EXPECT_EQ(known("a", text), 2);
  EXPECT_EQ(known("a", tokens(70, 3)), 0);
  EXPECT_EQ(known("b", text), 4);
  EXPECT_EQ(prefixes_.forget("a").owner, 0u) << "an empty tree is none";
}

TEST_F(PublicPrefixCache, WhoReadsOnAfterItWasForgottenKeepsItsPagesAndLeavesNothing) {
  const Tokens text = tokens(4 * 32, 1);
  {
    SequencePages pages(cache_);
    auto path = prefixes_.find("a", text, pages);
    ASSERT_TRUE(pages.prepare(0, 64));
    prefixes_.add(path, std::span(text).first(64), pages);
    const std::int32_t own = pages.page(0, 1);
    EXPECT_EQ(prefixes_.forget("a").pages, 2);
    EXPECT_EQ(known("a", text), 0);
    ASSERT_TRUE(pages.prepare(64, 128));
    prefixes_.add(path, text, pages);
    EXPECT_EQ(pages.page(0, 1), own);
    EXPECT_EQ(read("a", text).found, 0);
    EXPECT_EQ(known("a", text), 4);
  }
  EXPECT_EQ(prefixes_.forget("a").pages, 4);
  EXPECT_EQ(cache_.available_pages(), cache_.total_pages());
}

TEST(PublicPrefixAnswers, AreTheSameWithItAndWithout) {
  for (const char* model : {"llama", "gemma3"}) {
    SCOPED_TRACE(model);
    const Tokens listed = tokens(100, 1);
    const auto ask = [&](TinyScheduler& scheduler, const std::string& tenant, int question) {
      return scheduler.generate(request_of(tenant, joined(listed, tokens(50, question))));
    };
    TinyScheduler plain(model, small_options()), shared(model, small_options());
    shared.scheduler().set_public_prefixes({listed});
    const auto a = ask(shared, "a", 2), b = ask(shared, "b", 2), other = ask(shared, "b", 3);
    EXPECT_EQ(a.usage.cached_tokens, 0);
    EXPECT_EQ(b.usage.cached_tokens, 96);
    EXPECT_EQ(other.usage.cached_tokens, 100) << "the seam's page as far as its own text has it in common";
    EXPECT_EQ(ask(shared, "b", 2).usage.cached_tokens, 149);
    EXPECT_EQ(a.tokens, ask(plain, "a", 2).tokens);
    EXPECT_EQ(b.tokens, a.tokens);
    EXPECT_EQ(other.tokens, ask(plain, "a", 3).tokens);
  }
}

TEST(PublicPrefixAnswers, ARestartForgetsNeitherPartAndMixesNone) {
  for (const char* model : {"llama", "gemma3"}) {
    SCOPED_TRACE(model);
    const test::TemporaryDirectory folder;
    const Tokens listed = tokens(100, 1), prompt = joined(listed, tokens(50, 2));
    std::shared_ptr<DiskCache> disk;
    const auto start = [&] {
      disk.reset();
      EngineOptions options = small_options();
      options.disk_cache = disk = std::make_shared<DiskCache>(
          DiskCacheOptions{.directory = folder.path(), .key_file = {}, .patience = std::chrono::hours(1)},
          SecretKey());
      auto scheduler = std::make_unique<TinyScheduler>(model, options);
      scheduler->scheduler().set_public_prefixes({listed});
      return scheduler;
    };
    const auto expected = start()->generate(request_of("a", prompt));
    auto again = start();
    const auto b = again->generate(request_of("b", prompt));
    EXPECT_EQ(b.usage.cached_tokens, 96);
    EXPECT_EQ(disk->figures().pages_read, 3);
    const auto a = again->generate(request_of("a", prompt));
    EXPECT_EQ(a.usage.cached_tokens, 128);
    EXPECT_EQ(disk->figures().pages_read, 4) << "a's own page alone";
    EXPECT_EQ(a.tokens, expected.tokens);
    EXPECT_EQ(b.tokens, expected.tokens);
    again.reset();
    disk->remove_tenant("a");
    disk->remove_tenant("b");
    EXPECT_EQ(disk->figures().files, 3) << "no tenant's";
  }
}

TEST(ForgottenTenant, IsKnownNoMoreInMemoryAndOnDisk) {
  const test::TemporaryDirectory folder;
  EngineOptions options = small_options();
  const auto open = [&] {
    options.disk_cache.reset();  // which writes what it was given
    options.disk_cache = std::make_shared<DiskCache>(
        DiskCacheOptions{.directory = folder.path(), .key_file = {}, .patience = std::chrono::hours(1)},
        SecretKey());
  };
  open();
  const Tokens prompt = tokens(150, 1);
  {
    TinyScheduler scheduler("llama", options);
    for (const char* tenant : {"a", "b"}) scheduler.generate(request_of(tenant, prompt));
    options.disk_cache->remove_tenant("a");
    EXPECT_EQ(scheduler.scheduler().forget_tenant("a"), 5) << "four of the prompt, one of the answer";
    EXPECT_EQ(scheduler.scheduler().forget_tenant("a"), 0);
    EXPECT_EQ(scheduler.generate(request_of("b", prompt)).usage.cached_tokens, 149);
  }
  open();
  EXPECT_EQ(options.disk_cache->figures().files, 5) << "b's";
  TinyScheduler scheduler("llama", options);
  EXPECT_EQ(scheduler.generate(request_of("a", prompt)).usage.cached_tokens, 0);
}

TEST(ForgottenTenant, WhatRunsEndsAsItWouldAndLeavesNothing) {
  for (const bool prefix_cache : {false, true}) {
    EngineOptions options = small_options();
    options.prefix_cache = prefix_cache;
    const Tokens prompt = tokens(150, 1);
    TinyScheduler scheduler("gemma3", options);
    const auto expected = scheduler.generate(request_of("b", prompt));
    GenerationRequest request = request_of("a", prompt);
    std::promise<void> runs, go_on;
    request.observe_logits = [&, once = std::make_shared<bool>(false)](std::uint64_t) {
      if (std::exchange(*once, true)) return;
      runs.set_value();
      go_on.get_future().wait();
    };
    auto answer = scheduler.submit(std::move(request));
    runs.get_future().wait();
    std::thread forgetting([&] { scheduler.scheduler().forget_tenant("a"); });
    go_on.set_value();
    EXPECT_EQ(answer.get().tokens, expected.tokens);
    forgetting.join();
    scheduler.scheduler().forget_tenant("a");
    EXPECT_EQ(scheduler.generate(request_of("a", prompt)).usage.cached_tokens, 0);
    EXPECT_EQ(scheduler.load_at_rest().free_pages, scheduler.load_at_rest().total_pages);
  }
}

// Nobody shares there: each sequence is an owner, so that a page is wiped on its way to the next.
TEST(ForgottenTenant, WithoutAPrefixCachePagesHaveOwnersToo) {
  KeyValueCache cache(models::read_decoder_configuration(TinyScheduler::open("llama")),
                      kernels::CacheType::kF16,
                      {.sequences = 2, .context_tokens = 64, .batch_rows = 32, .tokens = 128});
  const auto tokenizer = tiny_tokenizer();
  FairShare shares;
  std::set<std::uint64_t> owners{0};
  for (const char* tenant : {"a", "b"}) {
    Sequence sequence(
        request_of(tenant, tokens(10, 1)), [](const GenerationEvent&) {}, *tokenizer, 64);
    sequence.enter(shares);
    sequence.admit(cache, nullptr, {});
    EXPECT_TRUE(owners.insert(sequence.pages().owner()).second) << tenant;
  }
}

class PublicTexts : public SmolLm2Test {};

TEST_F(PublicTexts, AreWhatChatsAndPromptsBeginWith) {
  const auto engine = load();
  std::string text = "You answer the questions of people who keep bees.";
  for (int i = 0; i < 8; ++i) text += " Say what is certain, say what is not, and name the season.";
  engine->set_public_texts({text});
  const auto chat = [&](const std::string& tenant, const std::string& system, const std::string& question) {
    text::ChatRequest request;
    request.messages = {{{"role", "system"}, {"content", system}}, {{"role", "user"}, {"content", question}}};
    auto generation = request_of(tenant, engine->tokenize_chat(request));
    generation.maximum_tokens = 4;
    return engine->generate(std::move(generation)).usage;
  };
  const auto whole_pages = static_cast<std::int32_t>(engine->tokenize_prompt(text).size()) / 32 * 32;
  ASSERT_GT(whole_pages, 64);
  EXPECT_EQ(chat("a", text, "When do they swarm?").cached_tokens, 0);
  EXPECT_GE(chat("b", text, "Do they sting?").cached_tokens, whole_pages);
  EXPECT_EQ(chat("c", text.substr(1), "Do they sting?").cached_tokens, 0);
  chat("c", text + " Be short.", "Why?");
  EXPECT_GE(chat("d", text + " Be kind.", "Why?").cached_tokens, whole_pages - 32);
  const auto plain = [&](const std::string& tenant) {
    return engine->generate(request_of(tenant, engine->tokenize_prompt(text + " And then"))).usage;
  };
  EXPECT_EQ(plain("a").cached_tokens, 0);
  EXPECT_EQ(plain("b").cached_tokens, whole_pages);
  engine->set_public_texts({});
  EXPECT_EQ(plain("c").cached_tokens, 0);
}

}  // namespace
}  // namespace hearth::engine
