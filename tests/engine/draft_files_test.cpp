// Which files may draft for a model, and what they take in memory.
#include "engine/draft_files.h"

#include <gtest/gtest.h>

#include "engine/look_up_index.h"
#include "engine/tiny_scheduler.h"
#include "support/expect_error.h"

namespace hearth::engine {
namespace {

std::shared_ptr<const text::Tokenizer> tokenizer_of(const std::vector<std::string>& tokens) {
  nlohmann::json vocabulary;
  for (std::size_t i = 0; i < tokens.size(); ++i) vocabulary[tokens[i]] = i;
  const nlohmann::json tokenizer = {
      {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", nlohmann::json::array()}}}};
  return text::Tokenizer::from_json(tokenizer.dump());
}

std::filesystem::path file_of(const std::string& model) {
  return std::filesystem::path(HEARTH_TEST_DATA) / "models" / model / "model.gguf";
}

TEST(DraftFiles, AnotherVocabularyIsRefusedNamingTheFirstTokenThatDiffers) {
  const auto model = tokenizer_of({"a", "b", "c"});
  check_same_vocabulary(*model, *tokenizer_of({"a", "b", "c"}));
  test::expect_error(ErrorKind::kInvalidArgument,
                     {"token 1 is `b` in the model and `x` in the draft model", "--draft-layers"}, [&] {
                       check_same_vocabulary(*model, *tokenizer_of({"a", "x", "y"}));
                     });
  test::expect_error(ErrorKind::kInvalidArgument, {"the model has 3 tokens, the draft model 4"}, [&] {
    check_same_vocabulary(*model, *tokenizer_of({"a", "b", "c", "d"}));
  });
  test::expect_error(ErrorKind::kInvalidArgument, {"the model has 3 tokens, the draft model 2"}, [&] {
    check_same_vocabulary(*model, *tokenizer_of({"a", "b"}));
  });
}

TEST(DraftFiles, AShorterContextIsRefusedWithBothNumbers) {
  EngineOptions options;
  options.speculation.draft_model = file_of("llama");
  options.context_tokens = 512;
  EXPECT_NO_THROW(open_draft_model(options));
  options.context_tokens = 513;
  test::expect_error(ErrorKind::kInvalidArgument, {"512", "513"}, [&] { open_draft_model(options); });
}

TEST(DraftFiles, OptionsThatContradictEachOtherAreRefused) {
  const auto configuration = models::read_decoder_configuration(TinyScheduler::open("gemma3"));
  EngineOptions options;
  options.speculation.draft_layers = 3;
  EXPECT_NO_THROW(resolve_options(options, configuration));
  options.speculation.draft_layers = 4;  // all of them
  test::expect_error(ErrorKind::kInvalidArgument, {"draft layers is 4", "0 to 3"},
                     [&] { resolve_options(options, configuration); });
  options.speculation.draft_layers = 3;
  options.speculation.draft_model = file_of("gemma3");
  test::expect_error(ErrorKind::kInvalidArgument, {"both"}, [&] { resolve_options(options, configuration); });
  options.speculation.draft_layers = 0;
  options.speculation.draft_tokens = 0;
  test::expect_error(ErrorKind::kInvalidArgument, {"never be used"},
                     [&] { resolve_options(options, configuration); });
}

TEST(DraftFiles, ThePlanHoldsTheDraftModelAndWhatLookUpRemembers) {
  const formats::ModelFiles files = TinyScheduler::open("llama"), draft = TinyScheduler::open("gemma3");
  const auto configuration = models::read_decoder_configuration(files);
  const auto draft_configuration = models::read_decoder_configuration(draft);
  const kernels::Isa isa = kernels::selected_isa();
  EngineOptions options;
  options.context_tokens = 100;
  options.parallel_sequences = 3;
  options.speculation.draft_tokens = 0;
  const models::MemoryPlan plain = plan_memory(files, resolve_options(options, configuration), isa);
  EXPECT_EQ(plain.look_up + plain.draft_model, 0u);

  options.speculation.draft_tokens = 4;
  const models::MemoryPlan look_up = plan_memory(files, resolve_options(options, configuration), isa);
  EXPECT_EQ(look_up.look_up, 3u * 128 * 3 * sizeof(std::uint32_t));  // tables of the next power of two
  EXPECT_LE(look_up.look_up, 24u * 100 * 3);
  EXPECT_EQ(look_up.total(), plain.total() + look_up.look_up + 4 * 96 * sizeof(float));

  options.speculation.draft_layers = 1;  // lie in what the model has
  EXPECT_EQ(plan_memory(files, resolve_options(options, configuration), isa).total(), look_up.total());

  options.speculation.draft_layers = 0;
  options.speculation.draft_model = file_of("gemma3");
  const EngineOptions resolved = resolve_options(options, configuration);
  const models::MemoryPlan both = plan_memory(files, resolved, isa);
  EXPECT_EQ(both.total(), look_up.total() + both.draft_model);
  ThreadTeam team(1);
  kernels::ExecutionContext context(team);
  const KeyValueCache cache(draft_configuration, resolved.numerics.key_value_cache, cache_size(resolved));
  const std::size_t held = models::Decoder::load(context, draft)->weight_bytes() + cache.bytes();
  EXPECT_GT(both.draft_model, held);
  const std::size_t activations = both.draft_model - held;
  EXPECT_EQ(activations % static_cast<std::size_t>(resolved.batch_rows), 0u);
}

}  // namespace
}  // namespace hearth::engine
