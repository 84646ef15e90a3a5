// Text encoders against transformers and sentence-transformers
// (tests/reference/models/make_tiny_encoders.py), on every instruction set, alone and in batches; and files
// that are not what they say.
#include "models/encoder.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "models/tiny_models.h"
#include "support/expect_error.h"
#include "support/temporary_directory.h"

namespace hearth::models {
namespace {

constexpr double kTolerance = 5e-5;

struct ExpectedTexts {
  std::vector<std::int32_t> tokens;
  std::vector<EncoderText> texts;
  std::vector<float> outputs;
};

ExpectedTexts expected_texts(const std::string& name) {
  const auto path = tiny_model(name);
  const formats::SafetensorsFiles file(std::filesystem::is_directory(path) ? path / "expected.safetensors"
                                                                           : path);
  ExpectedTexts expected{numbers_of<std::int32_t>(file.tensors().require("tokens")),
                         {},
                         numbers_of<float>(file.tensors().require("outputs"))};
  std::vector<std::int32_t> second;
  if (const TensorEntry* entry = file.tensors().find("second")) second = numbers_of<std::int32_t>(*entry);
  std::size_t first = 0;
  for (const std::int32_t length : numbers_of<std::int32_t>(file.tensors().require("lengths"))) {
    EncoderText text;
    text.tokens = std::span(expected.tokens).subspan(first, static_cast<std::size_t>(length));
    text.second =
        second.empty() ? text.tokens.size() : static_cast<std::size_t>(second[expected.texts.size()]);
    expected.texts.push_back(text);
    first += text.tokens.size();
  }
  return expected;
}

std::vector<float> run(kernels::ExecutionContext& context, Encoder& encoder,
                       std::span<const EncoderText> texts) {
  const auto width = static_cast<std::size_t>(encoder.configuration().output_width());
  std::vector<float> out(texts.size() * width);
  encoder.run(context, texts, {out.data(), texts.size(), width});
  return out;
}

double cosine(std::span<const float> a, std::span<const float> b) {
  double product = 0, a_squares = 0, b_squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += double{a[i]} * b[i];
    a_squares += double{a[i]} * a[i];
    b_squares += double{b[i]} * b[i];
  }
  return product / std::sqrt(a_squares * b_squares);
}

class TinyEncoder : public testing::TestWithParam<const char*> {
 protected:
  ThreadTeam team_{3};
};

TEST_P(TinyEncoder, AgreesWithTransformersOnEveryInstructionSet) {
  const ExpectedTexts expected = expected_texts(GetParam());
  for (const kernels::Isa isa : kernels::available_isas()) {
    kernels::ExecutionContext context(team_, kernels::Numerics::checking(), isa);
    const auto files = formats::ModelFiles::open(tiny_model(GetParam()));
    const auto encoder = Encoder::load(context, files, EncoderPrecision::kAsStored);
    EXPECT_LE(error_of_logits(run(context, *encoder, expected.texts), expected.outputs), kTolerance)
        << kernels::name_of(isa);
  }
}

TEST_P(TinyEncoder, EveryInstructionSetGivesTheSameBits) {
  const ExpectedTexts expected = expected_texts(GetParam());
  const auto files = formats::ModelFiles::open(tiny_model(GetParam()));
  for (const EncoderPrecision precision : {EncoderPrecision::kAsStored, EncoderPrecision::kEightBits}) {
    std::vector<float> first;
    for (const kernels::Isa isa : kernels::available_isas()) {
      kernels::ExecutionContext context(team_, {}, isa);
      const auto encoder = Encoder::load(context, files, precision);
      const auto outputs = run(context, *encoder, expected.texts);
      if (first.empty()) first = outputs;
      EXPECT_TRUE(outputs == first) << kernels::name_of(isa);
    }
  }
}

TEST_P(TinyEncoder, OtherTextsAndTheTeamChangeNothing) {
  const ExpectedTexts expected = expected_texts(GetParam());
  const auto files = formats::ModelFiles::open(tiny_model(GetParam()));
  kernels::ExecutionContext context(team_);
  const auto encoder = Encoder::load(context, files, EncoderPrecision::kEightBits);
  const auto together = run(context, *encoder, expected.texts);
  ThreadTeam one_thread(1);
  kernels::ExecutionContext alone_context(one_thread);
  const auto alone_encoder = Encoder::load(alone_context, files, EncoderPrecision::kEightBits);
  const auto width = static_cast<std::size_t>(encoder->configuration().output_width());
  for (std::size_t i = 0; i < expected.texts.size(); ++i)
    EXPECT_TRUE(std::ranges::equal(run(alone_context, *alone_encoder, {&expected.texts[i], 1}),
                                   std::span(together).subspan(i * width, width)))
        << "text " << i;
}

INSTANTIATE_TEST_SUITE_P(Models, TinyEncoder,
                         testing::Values("bert_embedder", "roberta_embedder", "bert_reranker",
                                         "roberta_reranker"),
                         [](const auto& info) { return std::string(info.param); });

class EncoderTest : public testing::Test {
 protected:
  // A copy of a model with another config.json or side file.
  std::filesystem::path copy_of(const std::string& name) {
    const std::filesystem::path path = folder_.path() / name;
    std::filesystem::remove_all(path);
    std::filesystem::copy(tiny_model(name), path, std::filesystem::copy_options::recursive);
    return path;
  }
  static void write(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path) << text;
  }
  EncoderConfiguration read(const std::filesystem::path& path) {
    return read_encoder_configuration(formats::ModelFiles::open(path));
  }

  ThreadTeam team_{2};
  kernels::ExecutionContext context_{team_};
  test::TemporaryDirectory folder_;
};

TEST_F(EncoderTest, EightBitsStayNearTheFloats) {
  const ExpectedTexts expected = expected_texts("roberta_embedder");
  const auto files = formats::ModelFiles::open(tiny_model("roberta_embedder"));
  const auto encoder = Encoder::load(context_, files, EncoderPrecision::kEightBits);
  const auto outputs = run(context_, *encoder, expected.texts);
  const std::size_t width = outputs.size() / expected.texts.size();
  for (std::size_t i = 0; i < expected.texts.size(); ++i)
    EXPECT_GE(cosine(std::span(outputs).subspan(i * width, width),
                     std::span(expected.outputs).subspan(i * width, width)),
              0.995);
  EXPECT_LT(planned_encoder_memory(context_.isa(), files, EncoderPrecision::kEightBits, 64),
            planned_encoder_memory(context_.isa(), files, EncoderPrecision::kAsStored, 64));
}

TEST_F(EncoderTest, ReadsWhatTheFilesSay) {
  const EncoderConfiguration bert = read(tiny_model("bert_embedder"));
  EXPECT_EQ(bert.architecture, "bert");
  EXPECT_EQ(bert.maximum_tokens, 40);  // tokenizer_config.json; the table has 48
  EXPECT_EQ(bert.pooling, kernels::Pooling::kMean);
  EXPECT_TRUE(bert.normalise);
  EXPECT_EQ(bert.classes, 0);
  const EncoderConfiguration roberta = read(tiny_model("roberta_embedder"));
  EXPECT_EQ(roberta.maximum_tokens, 46);  // positions 0 and 1 are the padding's
  EXPECT_EQ(roberta.pooling, kernels::Pooling::kFirst);
  EXPECT_FALSE(roberta.normalise);
  EXPECT_EQ(roberta.query_prompt, "query: ");
  EXPECT_EQ(roberta.document_prompt, "passage: ");
  EXPECT_EQ(read(tiny_model("bert_reranker")).classes, 1);
  EXPECT_EQ(read(tiny_model("roberta_reranker")).classes, 3);
  EXPECT_FALSE(is_encoder(formats::ModelFiles::open(tiny_model("llama"))));
  EXPECT_FALSE(is_encoder(formats::ModelFiles::open(tiny_model("llama") / "model.gguf")));
}

TEST_F(EncoderTest, AbsurdConfigurationsAreRefused) {
  const auto path = copy_of("bert_embedder");
  const nlohmann::json good = nlohmann::json::parse(read_file(path / "config.json", 1 << 20));
  const struct {
    const char* key;
    nlohmann::json value;
  } cases[] = {
      {"num_hidden_layers", 0},
      {"num_hidden_layers", 3},  // more than the file's tensors can be
      {"num_hidden_layers", 2'000'000'000},
      {"num_hidden_layers", "2"},
      {"hidden_size", -36},
      {"hidden_size", 37},  // no multiple of the heads
      {"hidden_size", 1e30},
      {"hidden_size", nullptr},
      {"intermediate_size", 0},
      {"num_attention_heads", 0},
      {"num_attention_heads", 5},
      {"vocab_size", 0},
      {"vocab_size", 65},  // the table has 64
      {"max_position_embeddings", 2},
      {"max_position_embeddings", 2'000'000},
      {"type_vocab_size", 0},
      {"layer_norm_eps", -1},
      {"hidden_act", "mystery"},
      {"position_embedding_type", "relative_key"},
      {"is_decoder", true},
      {"model_type", "llama"},
      {"model_type", 7},
  };
  for (const auto& change : cases) {
    nlohmann::json config = good;
    config[change.key] = change.value;
    write(path / "config.json", config.dump());
    const auto load = [&] {
      Encoder::load(context_, formats::ModelFiles::open(path), EncoderPrecision::kAsStored);
    };
    EXPECT_THROW(load(), Error) << change.key << " " << change.value;
  }
}

TEST_F(EncoderTest, ModulesThatCannotBeRunAreRefused) {
  const auto path = copy_of("roberta_embedder");
  const auto try_modules = [&](const std::string& text) {
    write(path / "modules.json", text);
    return read(path);
  };
  for (const char* text :
       {"{}", "[1]", R"([{"type": "x.Dense", "path": "2_Dense"}])", R"([{"type": "x.Pooling"}])",
        R"([{"type": "x.Pooling", "path": ".."}])", R"([{"type": "x.Pooling", "path": "../../x"}])",
        R"([{"type": "x.Pooling", "path": "/etc"}])", R"([{"type": "x.Pooling", "path": "2_Pooling"}])",
        R"([{"type": 7, "path": "1_Pooling"}])"})
    EXPECT_THROW(try_modules(text), Error) << text;
  const std::string modules = R"([{"type": "x.Transformer"}, {"type": "x.Pooling", "path": "1_Pooling"}])";
  EXPECT_EQ(try_modules(modules).pooling, kernels::Pooling::kFirst);
  for (const char* text : {"[]", R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true})",
                           R"({"pooling_mode_max_tokens": true})", R"({"pooling_mode": "max"})",
                           R"({"pooling_mode": ["mean", "cls"]})",
                           R"({"pooling_mode_mean_tokens": true, "include_prompt": false})", "{}"}) {
    write(path / "1_Pooling" / "config.json", text);
    EXPECT_THROW(read(path), Error) << text;
  }
  write(path / "1_Pooling" / "config.json", R"({"pooling_mode": "mean"})");
  EXPECT_EQ(read(path).pooling, kernels::Pooling::kMean);
}

TEST_F(EncoderTest, LimitsOfSideFilesOnlyNarrow) {
  const auto path = copy_of("bert_embedder");
  const auto limit = [&](const std::string& text) {
    write(path / "sentence_bert_config.json", text);
    return read(path).maximum_tokens;
  };
  EXPECT_EQ(limit(R"({"max_seq_length": 17})"), 17);
  for (const char* text : {R"({"max_seq_length": 1e30})", R"({"max_seq_length": -3})",
                           R"({"max_seq_length": null})", R"({"max_seq_length": "9"})"})
    EXPECT_EQ(limit(text), 40) << text;
  EXPECT_THROW(limit("[3]"), Error);
}

TEST_F(EncoderTest, ATensorOfAnotherShapeIsNamed) {
  const auto path = copy_of("bert_embedder");
  nlohmann::json config = nlohmann::json::parse(read_file(path / "config.json", 1 << 20));
  config["intermediate_size"] = 57;
  write(path / "config.json", config.dump());
  test::expect_error(ErrorKind::kCorruptData, {"intermediate.dense.weight", "[58, 36]", "[57, 36]"}, [&] {
    Encoder::load(context_, formats::ModelFiles::open(path), EncoderPrecision::kEightBits);
  });
}

// all-MiniLM-L6-v2 against sentence-transformers; HEARTH_TEST_MODELS names the folder with the models.
TEST_F(EncoderTest, MiniLmAgreesWithSentenceTransformers) {
  const char* folder = std::getenv("HEARTH_TEST_MODELS");
  const std::filesystem::path path = folder == nullptr ? "" : std::filesystem::path(folder) / "minilm";
  if (path.empty() || !std::filesystem::exists(path))
    GTEST_SKIP() << "HEARTH_TEST_MODELS does not name a folder with minilm";
  const ExpectedTexts expected = expected_texts("minilm_golden.safetensors");
  const auto files = formats::ModelFiles::open(path);
  for (const auto& [precision, least] :
       {std::pair(EncoderPrecision::kAsStored, 0.9999), std::pair(EncoderPrecision::kEightBits, 0.995)}) {
    const auto encoder = Encoder::load(context_, files, precision);
    EXPECT_EQ(encoder->configuration().maximum_tokens, 256);
    const auto outputs = run(context_, *encoder, expected.texts);
    double worst = 1;
    for (std::size_t i = 0; i < expected.texts.size(); ++i)
      worst = std::min(worst, cosine(std::span(outputs).subspan(i * 384, 384),
                                     std::span(expected.outputs).subspan(i * 384, 384)));
    EXPECT_GE(worst, least);
    RecordProperty("worst_cosine", std::to_string(worst));
  }
}

}  // namespace
}  // namespace hearth::models
