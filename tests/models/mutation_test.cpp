// Switches off one field of the configuration at a time: the logits must then be far from the right ones (or
// the tensors must not fit any more), so that no field can be read wrongly without a test noticing.
#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "models/decoder.h"
#include "models/tiny_models.h"

namespace hearth::models {
namespace {

// Fifty times what the comparison with the reference allows by the issue, five hundred times what it allows
// here.
constexpr double kFar = 0.05;
// GELU and its approximation by tanh differ by 5e-4 at most; still many times the tolerance of 5e-5.
constexpr double kFarForGelu = 3e-4;

struct Mutation {
  std::string name;
  std::function<void(DecoderConfiguration&)> apply;
};

template <typename Value>
Mutation set(std::string name, Value DecoderConfiguration::*field, Value neutral) {
  return {std::move(name), [=](DecoderConfiguration& c) { c.*field = neutral; }};
}

template <typename Value>
Mutation set_rope(std::string name, Value RopeConfiguration::*field, Value neutral) {
  return {std::move(name), [=](DecoderConfiguration& c) { c.rope.*field = neutral; }};
}

// Sets every element to 1, keeping the count.
Mutation level(std::string name, std::vector<float> RopeConfiguration::*field) {
  return {std::move(name), [=](DecoderConfiguration& c) {
            for (float& value : c.rope.*field) value = 1.0f;
          }};
}

std::vector<Mutation> of_the_decoder() {
  using C = DecoderConfiguration;
  using kernels::Activation;
  return {
      set("norm", &C::norm, NormKind::kRms),
      set("norm_epsilon", &C::norm_epsilon, 1e-6f),
      set("query_key_norm", &C::query_key_norm, false),
      set("post_norms", &C::post_norms, false),
      set("parallel_residual", &C::parallel_residual, false),
      set("separate_parallel_norm", &C::separate_parallel_norm, false),
      set("query_key_value_bias", &C::query_key_value_bias, false),
      set("attention_output_bias", &C::attention_output_bias, false),
      set("feed_forward_bias", &C::feed_forward_bias, false),
      {"gated", [](C& c) { c.gated = !c.gated; }},
      set("activation silu", &C::activation, Activation::kSilu),
      set("activation gelu tanh", &C::activation, Activation::kGeluTanh),
      set("activation gelu erf", &C::activation, Activation::kGeluErf),
      set("embedding_scale", &C::embedding_scale, 1.0f),
      set("attention_scale", &C::attention_scale, 1.0f),
      {"attention_scale of the head",
       [](C& c) { c.attention_scale = 1.0f / std::sqrt(static_cast<float>(c.head_dimension)); }},
      set("attention_soft_cap", &C::attention_soft_cap, 0.0f),
      set("final_soft_cap", &C::final_soft_cap, 0.0f),
      {"tied_embeddings", [](C& c) { c.tied_embeddings = !c.tied_embeddings; }},
      {"heads", [](C& c) { c.heads /= 2; }},
      {"key_value_heads", [](C& c) { c.key_value_heads = c.heads == c.key_value_heads ? 1 : c.heads; }},
      {"layers_count",
       [](C& c) {
         c.layers.pop_back();
         --c.layers_count;
       }},
  };
}

std::vector<Mutation> of_rope() {
  using R = RopeConfiguration;
  return {
      set_rope("rope.base", &R::base, 10000.0f),
      {"rope.dimensions",
       [](DecoderConfiguration& c) {
         c.rope.dimensions = c.rope.dimensions == c.head_dimension ? c.head_dimension / 2 : c.head_dimension;
         for (auto* factors : {&c.rope.short_factors, &c.rope.long_factors, &c.rope.frequency_divisors})
           if (!factors->empty()) factors->resize(static_cast<std::size_t>(c.rope.dimensions) / 2, 1.0f);
       }},
      set_rope("rope.scaling", &R::scaling, RopeScaling::kNone),
      {"rope.factor",
       [](DecoderConfiguration& c) {
         // Long rope has a use for it only where no attention factor is given.
         if (c.rope.scaling != RopeScaling::kLong || c.rope.attention_factor == 0.0f) c.rope.factor = 1.0f;
       }},
      {"rope.original_context",
       [](DecoderConfiguration& c) {
         if (c.rope.scaling != RopeScaling::kNone && c.rope.scaling != RopeScaling::kLinear)
           c.rope.original_context = c.trained_context;
       }},
      {"rope.attention_factor",
       [](DecoderConfiguration& c) {
         if (c.rope.scaling == RopeScaling::kYarn || c.rope.scaling == RopeScaling::kLong)
           c.rope.attention_factor = 1.0f;
       }},
      {"rope.attention_factor of its own",
       [](DecoderConfiguration& c) {
         // Long rope's given factor is what its own rule says too.
         if (c.rope.scaling == RopeScaling::kYarn) c.rope.attention_factor = 0.0f;
       }},
      set_rope("rope.low_frequency_factor", &R::low_frequency_factor, 1.0f),
      set_rope("rope.high_frequency_factor", &R::high_frequency_factor, 4.0f),
      set_rope("rope.beta_fast", &R::beta_fast, 32.0f),
      set_rope("rope.beta_slow", &R::beta_slow, 1.0f),
      {"rope.truncate",
       [](DecoderConfiguration& c) { c.rope.truncate = c.rope.scaling != RopeScaling::kYarn; }},
      {"rope.mscale", [](DecoderConfiguration& c) { c.rope.mscale = 0.0f; }},
      {"rope.mscale_all_dimensions", [](DecoderConfiguration& c) { c.rope.mscale_all_dimensions = 0.0f; }},
      level("rope.long_factors", &R::long_factors),
      set_rope("rope.frequency_divisors", &R::frequency_divisors, {}),
      {"local_rope.base",
       [](DecoderConfiguration& c) {
         if (c.local_rope.dimensions > 0) c.local_rope.base = c.rope.base;
       }},
      {"local_rope.dimensions", [](DecoderConfiguration& c) { c.local_rope.dimensions /= 2; }},
  };
}

std::vector<Mutation> of_experts() {
  return {
      {"experts.used",
       [](DecoderConfiguration& c) {
         if (c.experts.count > 0) c.experts.used = 1;
       }},
      {"experts.count",
       [](DecoderConfiguration& c) {
         if (c.experts.count > 0) --c.experts.count;
       }},
      {"experts.normalise_weights",
       [](DecoderConfiguration& c) {
         if (c.experts.count > 0) c.experts.normalise_weights = !c.experts.normalise_weights;
       }},
      {"experts.shared_hidden_width", [](DecoderConfiguration& c) { c.experts.shared_hidden_width = 0; }},
  };
}

std::vector<Mutation> of_layers(std::size_t count) {
  std::vector<Mutation> mutations;
  for (std::size_t i = 0; i < count; ++i) {
    mutations.push_back({fmt::format("layers[{}].window", i), [i](DecoderConfiguration& c) {
                           const std::int32_t other = c.layers[i].window;
                           std::int32_t window = 0;
                           for (const LayerConfiguration& layer : c.layers)
                             window = std::max(window, layer.window);
                           c.layers[i].window = other == 0 ? window : 0;
                         }});
    mutations.push_back({fmt::format("layers[{}].uses_local_rope", i), [i](DecoderConfiguration& c) {
                           if (c.local_rope.dimensions > 0)
                             c.layers[i].uses_local_rope = !c.layers[i].uses_local_rope;
                         }});
    mutations.push_back({fmt::format("layers[{}].has_experts", i), [i](DecoderConfiguration& c) {
                           if (c.experts.count > 0) c.layers[i].has_experts = !c.layers[i].has_experts;
                         }});
  }
  return mutations;
}

class MutationTest : public testing::TestWithParam<const char*> {
 protected:
  MutationTest() : team_(2), context_(team_, kernels::Numerics::checking()) {}

  // How far the logits are; infinite where the model can no longer be loaded.
  double error_with(const formats::ModelFiles& files, const DecoderConfiguration& configuration,
                    const Expected& expected) {
    try {
      const auto decoder = Decoder::load(context_, files, configuration);
      return error_of_logits(run_text(context_, *decoder, expected.tokens, expected.tokens.size()),
                             expected.logits);
    } catch (const Error&) {
      return INFINITY;
    }
  }

  void expect_that_every_field_matters(const std::filesystem::path& path) {
    const Expected expected = expected_of(GetParam());
    const formats::ModelFiles files = formats::ModelFiles::open(path);
    const DecoderConfiguration right = read_decoder_configuration(files);
    ASSERT_LE(error_with(files, right, expected), 5e-5);
    std::vector<Mutation> mutations = of_the_decoder();
    for (auto more : {of_rope(), of_experts(), of_layers(right.layers.size())})
      mutations.insert(mutations.end(), more.begin(), more.end());
    std::size_t tried = 0;
    for (const Mutation& mutation : mutations) {
      DecoderConfiguration wrong = right;
      mutation.apply(wrong);
      if (wrong == right) continue;
      ++tried;
      const bool gelu = right.activation != kernels::Activation::kSilu &&
                        wrong.activation != kernels::Activation::kSilu &&
                        wrong.activation != right.activation;
      EXPECT_GE(error_with(files, wrong, expected), gelu ? kFarForGelu : kFar) << mutation.name;
    }
    EXPECT_GE(tried, 8u);
  }

  ThreadTeam team_;
  kernels::ExecutionContext context_;
};

TEST_P(MutationTest, EveryFieldOfTheGgufMatters) {
  expect_that_every_field_matters(tiny_model(GetParam()) / "model.gguf");
}

TEST_P(MutationTest, EveryFieldOfTheDirectoryMatters) {
  expect_that_every_field_matters(tiny_model(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Architectures, MutationTest, testing::ValuesIn(kTinyModels),
                         [](const auto& info) { return std::string(info.param); });

// Short factors count within the original context only.
TEST(MutationOfShortFactors, TheyMatter) {
  ThreadTeam team(2);
  kernels::ExecutionContext context(team, kernels::Numerics::checking());
  const formats::ModelFiles files = formats::ModelFiles::open(tiny_model("phi3"));
  const Expected expected = expected_of("phi3", "short_");
  DecoderConfiguration configuration = read_decoder_configuration(files);
  for (float& factor : configuration.rope.short_factors) factor = 1.0f;
  const auto decoder = Decoder::load(context, files, configuration, {.context_tokens = 40, .progress = {}});
  EXPECT_GE(error_of_logits(run_text(context, *decoder, expected.tokens, 38), expected.logits), kFar);
}

}  // namespace
}  // namespace hearth::models
