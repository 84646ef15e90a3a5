// What the readers of both formats make of metadata: the same values from each, defaults as the formats'
// owners have them, and an error that names the culprit for what is absurd, missing or not supported.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <random>

#include "base/file.h"
#include "formats/gguf_writer.h"
#include "formats/huggingface_directory.h"
#include "models/configuration_readers.h"
#include "models/decoder.h"
#include "models/tiny_models.h"
#include "support/expect_error.h"
#include "support/temporary_directory.h"

namespace hearth::models {
namespace {

using nlohmann::json;
using test::expect_error;

formats::ModelFiles directory_of(const std::string& name) {
  return formats::ModelFiles::open(tiny_model(name));
}

// The configuration of a tiny model's directory with a changed config.json.
DecoderConfiguration read_changed(const std::string& name, const std::function<void(json&)>& change) {
  const formats::ModelFiles files = directory_of(name);
  json config = files.huggingface()->config();
  change(config);
  return read_huggingface_configuration(config, files);
}

// A tiny model's GGUF with changed metadata.
class ChangedGguf {
 public:
  ChangedGguf(const std::string& name, std::initializer_list<std::string_view> without,
              const std::function<void(formats::GgufWriter&)>& add) {
    const formats::ModelFiles original = formats::ModelFiles::open(tiny_model(name) / "model.gguf");
    formats::GgufWriter writer;
    for (const formats::GgufValue& value : original.gguf()->metadata().values())
      if (std::find(without.begin(), without.end(), value.key) == without.end() &&
          value.key != "general.alignment")
        writer.set_value(value);
    if (add) add(writer);
    for (const TensorEntry& entry : original.tensors())
      writer.add_tensor(entry.name, entry.type, entry.shape, entry.bytes);
    writer.write(folder_ / "model.gguf");
  }
  formats::ModelFiles open() const { return formats::ModelFiles::open(folder_ / "model.gguf"); }
  DecoderConfiguration read() const { return read_decoder_configuration(open()); }

 private:
  test::TemporaryDirectory folder_;
};

class BothFormats : public testing::TestWithParam<const char*> {};

TEST_P(BothFormats, GiveTheSameConfiguration) {
  const DecoderConfiguration gguf =
      read_decoder_configuration(formats::ModelFiles::open(tiny_model(GetParam()) / "model.gguf"));
  DecoderConfiguration directory = read_decoder_configuration(directory_of(GetParam()));
  // What the formats say in different words: divisors instead of Llama 3's rule, a context that Falcon's GGUF
  // files state as 2048, an attention factor in numbers, the original context where nothing is scaled.
  directory.trained_context = gguf.trained_context;
  DecoderConfiguration expected = directory;
  if (directory.rope.scaling == RopeScaling::kLlama3 || directory.rope.scaling == RopeScaling::kLong)
    expected.rope = gguf.rope;
  expected.rope.original_context = gguf.rope.original_context;
  EXPECT_TRUE(gguf == expected);
}

INSTANTIATE_TEST_SUITE_P(Architectures, BothFormats, testing::ValuesIn(kTinyModels),
                         [](const auto& info) { return std::string(info.param); });

TEST(HuggingFaceConfiguration, TheOlderLayoutOfRopeMeansTheSame) {
  for (const char* name : kTinyModels) {
    const DecoderConfiguration now = read_decoder_configuration(directory_of(name));
    const DecoderConfiguration older = read_changed(name, [](json& config) {
      json rope = config["rope_parameters"];
      config.erase("rope_parameters");
      if (rope.contains("full_attention")) {  // Gemma 3
        config["rope_local_base_freq"] = rope["sliding_attention"]["rope_theta"];
        rope = rope["full_attention"];
      }
      config["rope_theta"] = rope["rope_theta"];
      rope.erase("rope_theta");
      if (rope.contains("partial_rotary_factor")) {
        config["partial_rotary_factor"] = rope["partial_rotary_factor"];
        rope.erase("partial_rotary_factor");
      }
      rope["type"] = rope["rope_type"];
      rope.erase("rope_type");
      config["rope_scaling"] = rope["type"] == "default" ? json() : rope;
    });
    EXPECT_TRUE(now == older) << name;
  }
}

TEST(HuggingFaceConfiguration, OldNamesOfPhi3sLongRope) {
  const DecoderConfiguration now = read_decoder_configuration(directory_of("phi3"));
  for (const char* kind : {"su", "yarn"})
    EXPECT_TRUE(now == read_changed("phi3", [&](json& c) { c["rope_parameters"]["rope_type"] = kind; }))
        << kind;
}

TEST(HuggingFaceConfiguration, LayerPatternsWhereTheFileDoesNotListThem) {
  const auto windows = [](const DecoderConfiguration& c) {
    std::vector<bool> out;
    for (const LayerConfiguration& layer : c.layers) out.push_back(layer.window > 0);
    return out;
  };
  const auto without_list = [&](const char* name, const json& changes) {
    return windows(read_changed(name, [&](json& config) {
      config.erase("layer_types");
      config.update(changes);
    }));
  };
  using Pattern = std::vector<bool>;
  EXPECT_EQ(without_list("gemma2", json::object()), (Pattern{true, false, true}));
  EXPECT_EQ(without_list("gemma3", {{"_sliding_window_pattern", 3}}), (Pattern{true, true, false, true}));
  EXPECT_EQ(without_list("gemma3", {{"sliding_window_pattern", 2}}), (Pattern{true, false, true, false}));
  EXPECT_EQ(without_list("gemma3", json::object()), (Pattern{true, true, true, true}));
  EXPECT_EQ(without_list("qwen2_window", json::object()), (Pattern{false, true, true}));
  EXPECT_EQ(without_list("qwen2_window", {{"use_sliding_window", false}}), (Pattern{false, false, false}));
  EXPECT_EQ(without_list("qwen2_window", {{"max_window_layers", 3}}), (Pattern{false, false, false}));
  EXPECT_EQ(without_list("mistral", {{"sliding_window", nullptr}}), (Pattern{false, false}));
}

TEST(HuggingFaceConfiguration, GroupsOfLayersHaveOneWindowEach) {
  const DecoderConfiguration mixed = read_decoder_configuration(directory_of("gemma3"));
  EXPECT_EQ(mixed.layer_group_count(), 2);
  for (const LayerConfiguration& layer : mixed.layers) EXPECT_EQ(layer.group, layer.window > 0 ? 1 : 0);
  const DecoderConfiguration all_windowed = read_decoder_configuration(directory_of("mistral"));
  EXPECT_EQ(all_windowed.layer_group_count(), 1);
  EXPECT_EQ(all_windowed.layers[0].window, 21);
}

TEST(HuggingFaceConfiguration, VisionModelsOfGemma3HoldTheTextModelsValuesOneLevelDown) {
  const DecoderConfiguration plain = read_decoder_configuration(directory_of("gemma3"));
  const DecoderConfiguration nested = read_changed("gemma3", [](json& config) {
    config = json{{"model_type", "gemma3"}, {"text_config", config}, {"vision_config", json::object()}};
  });
  EXPECT_TRUE(plain == nested);
}

TEST(HuggingFaceConfiguration, FirstFalconFilesUseOlderNames) {
  const DecoderConfiguration now = read_decoder_configuration(directory_of("falcon_7b"));
  const DecoderConfiguration older = read_changed("falcon_7b", [](json& config) {
    config["model_type"] = "RefinedWebModel";
    for (const auto& [old_name, name] :
         {std::pair{"n_layer", "num_hidden_layers"}, {"n_head", "num_attention_heads"}}) {
      config[old_name] = config[name];
      config.erase(name);
    }
    for (const char* key : {"num_kv_heads", "new_decoder_architecture", "ffn_hidden_size", "rope_parameters"})
      config.erase(key);
  });
  EXPECT_EQ(older.rope.base, 10000.0f);
  DecoderConfiguration expected = now;
  expected.rope.base = older.rope.base;
  EXPECT_TRUE(older == expected);
}

TEST(HuggingFaceConfiguration, RefusesWhatItCannotRun) {
  const auto expect_refusal = [](const char* name, ErrorKind kind, std::string_view says,
                                 const json& changes) {
    expect_error(kind, {says}, [&] { read_changed(name, [&](json& config) { config.update(changes); }); });
  };
  expect_refusal("llama", ErrorKind::kUnsupported, "\"bloom\"", {{"model_type", "bloom"}});
  expect_refusal("llama", ErrorKind::kUnsupported, "qwen3moe", {{"model_type", "bloom"}});
  expect_refusal("falcon_7b", ErrorKind::kUnsupported, "falcon-rw", {{"alibi", true}});
  expect_refusal("llama", ErrorKind::kUnsupported, "quantised", {{"quantization_config", {{"bits", 4}}}});
  expect_refusal("llama", ErrorKind::kUnsupported, "\"relu\"", {{"hidden_act", "relu"}});
  expect_refusal("llama", ErrorKind::kUnsupported, "\"dynamic\"",
                 {{"rope_parameters", {{"rope_type", "dynamic"}, {"factor", 2.0}}}});
  expect_refusal("gemma3", ErrorKind::kUnsupported, "both directions",
                 {{"use_bidirectional_attention", true}});
}

TEST(HuggingFaceConfiguration, RefusesAbsurdValues) {
  const auto expect_refusal = [](const char* name, std::string_view says, const json& changes) {
    expect_error(ErrorKind::kCorruptData, {says},
                 [&] { read_changed(name, [&](json& config) { config.update(changes); }); });
  };
  expect_refusal("llama", "num_hidden_layers", {{"num_hidden_layers", nullptr}});
  expect_refusal("llama", "num_hidden_layers", {{"num_hidden_layers", "two"}});
  expect_refusal("llama", "number of layers", {{"num_hidden_layers", 2147483647}});
  expect_refusal("llama", "num_hidden_layers", {{"num_hidden_layers", 1ull << 62}});
  expect_refusal("llama", "number of layers", {{"num_hidden_layers", -1}});
  expect_refusal("llama", "attention heads", {{"num_attention_heads", 0}, {"num_key_value_heads", 0}});
  expect_refusal("llama", "attention heads", {{"num_key_value_heads", 3}});
  expect_refusal("llama", "key/value heads", {{"num_key_value_heads", 0}});
  expect_refusal("llama", "head dimension", {{"head_dim", 0}});
  expect_refusal("llama", "rope dimensions", {{"head_dim", 15}});
  expect_refusal("llama", "head dimension", {{"head_dim", 1 << 30}});
  expect_refusal("llama", "width", {{"hidden_size", -32}});
  expect_refusal("llama", "epsilon", {{"rms_norm_eps", -1.0}});
  expect_refusal("llama", "rope base", {{"rope_parameters", {{"rope_theta", 0.0}}}});
  expect_refusal("llama3", "rope high frequency factor",
                 {{"rope_parameters",
                   {{"rope_type", "llama3"},
                    {"rope_theta", 300.0},
                    {"low_freq_factor", 5.0},
                    {"high_freq_factor", 1.0}}}});
  expect_refusal("phi3", "partial_rotary_factor", {{"rope_parameters", {{"partial_rotary_factor", 2.0}}}});
  expect_refusal("phi3", "long factors",
                 {{"rope_parameters",
                   {{"rope_type", "longrope"},
                    {"partial_rotary_factor", 0.75},
                    {"short_factor", {1, 1, 1, 1, 1, 1}},
                    {"long_factor", {1, 2}}}}});
  expect_refusal("mixtral", "experts used", {{"num_experts_per_tok", 6}});
  expect_refusal("mixtral", "expert count", {{"num_local_experts", 100000}});
  expect_refusal("gemma2", "attention scale", {{"query_pre_attn_scalar", -1}});
  expect_refusal("gemma3", "layer_types", {{"layer_types", {"full_attention"}}});
  expect_refusal("gemma2", "layer_types",
                 {{"layer_types", {"full_attention", "chunked_attention", "full_attention"}}});
}

TEST(GgufConfiguration, RefusesWhatItCannotRun) {
  const auto expect_refusal = [](const char* name, ErrorKind kind, std::string_view says,
                                 std::string_view key, const std::function<void(formats::GgufWriter&)>& add) {
    const ChangedGguf changed(name, {key}, add);
    expect_error(kind, {says}, [&] { changed.read(); });
  };
  using Writer = formats::GgufWriter;
  expect_refusal("llama", ErrorKind::kUnsupported, "\"mamba\"", "general.architecture",
                 [](Writer& w) { w.set_string("general.architecture", "mamba"); });
  expect_refusal("llama", ErrorKind::kCorruptData, "number of layers", "llama.block_count",
                 [](Writer& w) { w.set_u32("llama.block_count", 0x7fffffff); });
  expect_refusal("llama", ErrorKind::kCorruptData, "llama.block_count", "llama.block_count",
                 [](Writer& w) { w.set_u32("llama.block_count", 0xffffffff); });
  expect_refusal("llama", ErrorKind::kCorruptData, "attention heads", "llama.attention.head_count",
                 [](Writer& w) { w.set_u32("llama.attention.head_count", 0); });
  expect_refusal("llama", ErrorKind::kCorruptData, "attention heads", "llama.attention.head_count_kv",
                 [](Writer& w) { w.set_u32("llama.attention.head_count_kv", 3); });
  expect_refusal("llama", ErrorKind::kCorruptData, "llama.attention.layer_norm_rms_epsilon",
                 "llama.attention.layer_norm_rms_epsilon", nullptr);
  expect_refusal("llama", ErrorKind::kUnsupported, "differs from layer to layer",
                 "llama.attention.head_count_kv", [](Writer& w) {
                   const std::uint32_t values[] = {2, 4};
                   w.set_u32_array("llama.attention.head_count_kv", values);
                 });
  expect_refusal("llama", ErrorKind::kUnsupported, "elements of a head are rotary",
                 "llama.rope.dimension_count", [](Writer& w) { w.set_u32("llama.rope.dimension_count", 8); });
  expect_refusal("llama", ErrorKind::kUnsupported, "\"spiral\"", "",
                 [](Writer& w) { w.set_string("llama.rope.scaling.type", "spiral"); });
  expect_refusal("llama", ErrorKind::kUnsupported, "both directions", "",
                 [](Writer& w) { w.set_bool("llama.attention.causal", false); });
  expect_refusal("falcon_7b", ErrorKind::kUnsupported, "max_alibi_bias", "",
                 [](Writer& w) { w.set_f32("falcon.attention.max_alibi_bias", 8.0f); });
  expect_refusal("gemma3", ErrorKind::kCorruptData, "sliding_window_pattern",
                 "gemma3.attention.sliding_window_pattern", [](Writer& w) {
                   w.set_bool_array("gemma3.attention.sliding_window_pattern", {true, false});
                 });
}

TEST(GgufConfiguration, NumbersGivenLayerByLayerMustAgree) {
  const ChangedGguf changed("llama", {"llama.attention.head_count_kv"}, [](formats::GgufWriter& writer) {
    const std::uint32_t values[] = {2, 2};
    writer.set_u32_array("llama.attention.head_count_kv", values);
  });
  EXPECT_EQ(changed.read().key_value_heads, 2);
}

TEST(GgufConfiguration, DefaultsOfGemma) {
  const ChangedGguf gemma3("gemma3",
                           {"gemma3.attention.sliding_window_pattern", "gemma3.rope.freq_base_swa",
                            "gemma3.attention.scale", "gemma3.final_logit_softcapping"},
                           nullptr);
  const DecoderConfiguration three = gemma3.read();
  EXPECT_EQ(three.local_rope.base, 10000.0f);
  EXPECT_EQ(three.final_soft_cap, 0.0f);
  EXPECT_FLOAT_EQ(three.attention_scale, 0.25f);
  for (const LayerConfiguration& layer : three.layers) EXPECT_EQ(layer.window, 17);  // five of six

  const ChangedGguf gemma2("gemma2", {"gemma2.attention.sliding_window"}, nullptr);
  const DecoderConfiguration two = gemma2.read();
  EXPECT_EQ(two.layers[0].window, 4096);
  EXPECT_EQ(two.layers[1].window, 0);
}

TEST(GgufConfiguration, AnOlderNameOfLinearScaling) {
  const ChangedGguf changed(
      "llama_linear", {"llama.rope.scaling.type", "llama.rope.scaling.factor"},
      [](formats::GgufWriter& writer) { writer.set_f32("llama.rope.scale_linear", 3.0f); });
  EXPECT_TRUE(changed.read() == read_decoder_configuration(
                                    formats::ModelFiles::open(tiny_model("llama_linear") / "model.gguf")));
}

class LoadingTest : public testing::Test {
 protected:
  LoadingTest() : team_(1), context_(team_) {}
  ThreadTeam team_;
  kernels::ExecutionContext context_;
};

TEST_F(LoadingTest, AWrongShapeNamesTheTensorAndBothShapes) {
  const formats::ModelFiles files = formats::ModelFiles::open(tiny_model("llama") / "model.gguf");
  DecoderConfiguration configuration = read_decoder_configuration(files);
  configuration.hidden_width = 57;
  expect_error(ErrorKind::kCorruptData, {"blk.0.ffn_gate.weight", "[56, 32]", "[57, 32]"},
               [&] { Decoder::load(context_, files, configuration); });
}

TEST_F(LoadingTest, AMissingTensorIsNamed) {
  const formats::ModelFiles files = formats::ModelFiles::open(tiny_model("qwen2") / "model.gguf");
  DecoderConfiguration configuration = read_decoder_configuration(files);
  configuration.query_key_norm = true;
  expect_error(ErrorKind::kCorruptData, {"blk.0.attn_q_norm.weight"},
               [&] { Decoder::load(context_, files, configuration); });
}

// Any bytes changed in the header of a file: an error or a model that runs, and no memory beyond reason.
TEST_F(LoadingTest, DamagedMetadataIsAnErrorOrAModel) {
  const test::TemporaryDirectory folder;
  std::mt19937 random(7);
  for (const char* name : {"gemma3", "phi3", "qwen2moe_mixed", "falcon_40b", "llama_yarn"}) {
    const std::string whole = read_file(tiny_model(name) / "model.gguf");
    const formats::ModelFiles original = formats::ModelFiles::open(tiny_model(name) / "model.gguf");
    std::size_t data = 0;
    for (const TensorEntry& entry : original.tensors()) data += entry.bytes.size();
    const std::size_t header = whole.size() - data;  // and what pads tensors
    std::size_t loaded = 0;
    for (int attempt = 0; attempt < 150; ++attempt) {
      std::string damaged = whole;
      for (int i = 0; i < 3; ++i) damaged[random() % header] = static_cast<char>(random());
      std::ofstream(folder / "damaged.gguf", std::ios::binary) << damaged;
      try {
        const formats::ModelFiles files = formats::ModelFiles::open(folder / "damaged.gguf");
        const auto decoder = Decoder::load(context_, files);
        const std::int32_t tokens[] = {0, decoder->configuration().vocabulary - 1};
        run_text(context_, *decoder, tokens, 2);
        ++loaded;
      } catch (const Error&) {
      }
    }
    EXPECT_LT(loaded, 150u) << name;
  }
}

}  // namespace
}  // namespace hearth::models
