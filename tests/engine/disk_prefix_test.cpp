// Prompts whose beginnings come from the disk: the same answers, over restarts and evictions, and whatever
// has happened to the files. That the logits are the same to the last bit: bit_for_bit_test.cpp.
#include <gtest/gtest.h>

#include <fstream>

#include "engine/disk_cache.h"
#include "engine/smollm2_test.h"
#include "engine/tiny_scheduler.h"
#include "support/temporary_directory.h"

namespace hearth::engine {
namespace {

namespace fs = std::filesystem;

class DiskPrefix : public testing::Test {
 protected:
  EngineOptions options(std::chrono::milliseconds patience = std::chrono::hours(1)) {
    options_.disk_cache.reset();  // one process, one user of the folder
    options_.disk_cache = std::make_shared<DiskCache>(
        DiskCacheOptions{.directory = folder_.path(), .key_file = {}, .patience = patience}, SecretKey());
    return options_;
  }
  EngineOptions without_disk() {
    EngineOptions options = options_;
    options.disk_cache.reset();
    return options;
  }
  DiskCache& disk() { return *options_.disk_cache; }
  // What was handed over of this prompt is written.
  void settle(const std::string& model, const std::vector<std::int32_t>& prompt) {
    const auto root = disk().root("default", model);
    PageName name = root->name;
    for (std::size_t at = 0; at + 32 < prompt.size(); at += 32) {
      name = DiskCache::name(*root, name, std::span(prompt).subspan(at, 32));
      while (!disk().holds(*root, name) && !disk().wants(*root, name))
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  static GenerationRequest request(int i, int tokens = 150) {
    GenerationRequest request;
    for (int j = 0; j < tokens; ++j) request.prompt.push_back(2 + (i * 31 + j * (7 + i)) % 90);
    request.maximum_tokens = 20;
    request.ignore_end = true;
    request.sampling.temperature = 1;
    return request;
  }

  const test::TemporaryDirectory folder_;
  EngineOptions options_ = [] {
    EngineOptions options;
    options.context_tokens = 256;
    return options;
  }();
};

TEST_F(DiskPrefix, ARestartForgetsNothing) {
  for (const char* model : {"llama", "gemma3"}) {
    SCOPED_TRACE(model);
    const auto expected = TinyScheduler(model, without_disk()).generate(request(1));
    {
      TinyScheduler first(model, options());
      EXPECT_EQ(first.generate(request(1)).usage.cached_tokens, 0);
    }  // a clean stop writes what is in memory
    TinyScheduler second(model, options());
    const auto again = second.generate(request(1));
    EXPECT_EQ(again.usage.cached_tokens, 128);
    EXPECT_EQ(again.tokens, expected.tokens);
    EXPECT_EQ(disk().figures().pages_read, 4);
    GenerationRequest foreign = request(1);
    foreign.context = std::make_shared<RequestContext>();
    foreign.context->principal.tenant = "another";
    const auto other = second.generate(foreign);
    EXPECT_EQ(other.usage.cached_tokens, 0);
    EXPECT_EQ(other.tokens, expected.tokens);
    EXPECT_EQ(disk().figures().pages_read, 4);
  }
}

TEST_F(DiskPrefix, WhatMemoryHasNoRoomForComesBack) {
  for (const char* model : {"llama", "gemma3"}) {
    SCOPED_TRACE(model);
    options_.parallel_sequences = 2;
    options_.cache_tokens = 256;  // less than two prompts and answers
    TinyScheduler scheduler(model, options());
    std::vector<std::vector<std::int32_t>> answers;
    for (int i = 0; i < 4; ++i) answers.push_back(scheduler.generate(request(i)).tokens);
    settle(model, request(0).prompt);
    const std::int64_t before = disk().figures().pages_read;
    const auto again = scheduler.generate(request(0));
    EXPECT_EQ(again.usage.cached_tokens, 128);
    EXPECT_GT(disk().figures().pages_read, before);
    EXPECT_EQ(again.tokens, answers[0]);
  }
}

TEST_F(DiskPrefix, DamagedFilesAreComputedAnew) {
  { TinyScheduler("llama", options()).generate(request(1)); }
  options_.disk_cache.reset();
  int files = 0;
  for (const auto& file : fs::recursive_directory_iterator(folder_.path())) {
    if (!file.is_regular_file() || file.file_size() == 0) continue;
    std::fstream(file.path(), std::ios::in | std::ios::out | std::ios::binary) << "damage";
    ++files;
  }
  EXPECT_EQ(files, 5) << "four pages of the prompt, one of the answer";
  TinyScheduler second("llama", options());
  const auto again = second.generate(request(1));
  EXPECT_EQ(again.usage.cached_tokens, 0);
  EXPECT_EQ(again.tokens, TinyScheduler("llama", without_disk()).generate(request(1)).tokens);
  EXPECT_EQ(disk().figures().pages_refused, 1) << "what stands behind it is not asked for";
}

TEST_F(DiskPrefix, WhoHasWaitedLongEnoughIsComputed) {
  { TinyScheduler("llama", options()).generate(request(1)); }
  TinyScheduler second("llama", options(std::chrono::milliseconds(-1)));
  const auto again = second.generate(request(1));
  EXPECT_EQ(again.usage.cached_tokens, 0);
  EXPECT_EQ(again.tokens, TinyScheduler("llama", without_disk()).generate(request(1)).tokens);
}

TEST_F(DiskPrefix, ManyAtOnceOfWhomSomeLeave) {
  options_.parallel_sequences = 8;
  std::vector<std::vector<std::int32_t>> expected;
  {
    TinyScheduler first("gemma3", options());
    for (int i = 0; i < 8; ++i) expected.push_back(first.generate(request(i)).tokens);
  }
  options_.cache_tokens = 512;  // not for all of them: some are preempted
  TinyScheduler second("gemma3", options());
  std::vector<std::future<TinyScheduler::Answer>> answers;
  std::vector<std::shared_ptr<RequestContext>> contexts;
  for (int i = 0; i < 24; ++i) {
    GenerationRequest one = request(i % 8);
    contexts.push_back(one.context = std::make_shared<RequestContext>());
    answers.push_back(second.submit(std::move(one)));
    if (i % 3 == 2) contexts[static_cast<std::size_t>(i)]->cancelled = true;
  }
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto answer = answers[i].get();
    if (answer.finish != FinishReason::kCancelled) {
      EXPECT_EQ(answer.tokens, expected[i % 8]) << i;
    }
  }
  EXPECT_GT(disk().figures().pages_read, 0);
  EXPECT_EQ(disk().figures().pages_refused, 0);
  EXPECT_EQ(second.load_at_rest().free_pages, second.load_at_rest().total_pages);
}

class DiskPrefixOfAnEngine : public SmolLm2Test {};

TEST_F(DiskPrefixOfAnEngine, IsOfOneModelNumericsAndContext) {
  const test::TemporaryDirectory folder;
  EngineOptions options;
  const auto run = [&] {
    options.disk_cache.reset();
    options.disk_cache = std::make_shared<DiskCache>(
        DiskCacheOptions{.directory = folder.path(), .key_file = {}, .patience = std::chrono::hours(1)},
        SecretKey());
    const auto engine = load(options);
    GenerationRequest request;
    for (std::int32_t i = 0; i < 100; ++i) request.prompt.push_back(1000 + i * 13);
    request.maximum_tokens = 4;
    request.ignore_end = true;
    return engine->generate(request);
  };
  const auto first = run();
  EXPECT_EQ(first.usage.cached_tokens, 0);
  const auto second = run();
  EXPECT_EQ(second.usage.cached_tokens, 96);
  EXPECT_EQ(second.tokens, first.tokens);
  options.context_tokens = 300;
  EXPECT_EQ(run().usage.cached_tokens, 0);
  options.context_tokens = 0;
  options.numerics.key_value_cache = kernels::CacheType::kQ8;
  EXPECT_EQ(run().usage.cached_tokens, 0);
  // A copy of the model under its name, one byte of one weight changed.
  options.numerics = {};
  const test::TemporaryDirectory other;
  const fs::path copy = other / path_.filename().string();
  fs::copy_file(path_, copy);
  {
    std::fstream file(copy, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-1, std::ios::end);
    file.put('\1');
  }
  path_ = copy;
  EXPECT_EQ(run().usage.cached_tokens, 0);
}

}  // namespace
}  // namespace hearth::engine
