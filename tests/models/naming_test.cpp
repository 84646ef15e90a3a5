// The other names under which Hugging Face files hold the same tensors: text models inside vision models, and
// all experts of a layer in one tensor. Made here from the tiny models, whose logits must come out bit for
// bit.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "models/decoder.h"
#include "models/tiny_models.h"
#include "support/temporary_directory.h"

namespace hearth::models {
namespace {

using nlohmann::json;

struct Tensor {
  std::string name;
  Shape shape;
  std::string bytes;  // float16
};

std::vector<Tensor> tensors_of(const std::string& name) {
  const formats::SafetensorsFiles file(tiny_model(name) / "model.safetensors");
  std::vector<Tensor> out;
  for (const TensorEntry& entry : file.tensors().entries())
    out.push_back(
        {entry.name, entry.shape, {reinterpret_cast<const char*>(entry.bytes.data()), entry.bytes.size()}});
  return out;
}

void write_directory(const std::filesystem::path& folder, const json& config,
                     const std::vector<Tensor>& tensors) {
  json header = json::object();
  std::string data;
  for (const Tensor& tensor : tensors) {
    header[tensor.name] = {{"dtype", "F16"},
                           {"shape", tensor.shape},
                           {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
    data += tensor.bytes;
  }
  const std::string text = header.dump();
  const std::uint64_t size = text.size();
  std::ofstream(folder / "model.safetensors", std::ios::binary)
      << std::string(reinterpret_cast<const char*>(&size), sizeof size) << text << data;
  std::ofstream(folder / "config.json") << config.dump();
}

json config_of(const std::string& name) { return json::parse(read_file(tiny_model(name) / "config.json")); }

class NamingTest : public testing::Test {
 protected:
  NamingTest() : team_(2), context_(team_, kernels::Numerics::checking()) {}

  std::vector<float> logits_of(const std::filesystem::path& path, const std::vector<std::int32_t>& tokens) {
    const formats::ModelFiles files = formats::ModelFiles::open(path);
    return run_text(context_, *Decoder::load(context_, files), tokens, tokens.size());
  }

  void expect_same_bits(const std::string& name, const json& config, const std::vector<Tensor>& tensors) {
    const test::TemporaryDirectory folder;
    write_directory(folder.path(), config, tensors);
    const Expected expected = expected_of(name);
    EXPECT_TRUE(logits_of(folder.path(), expected.tokens) == logits_of(tiny_model(name), expected.tokens));
  }

  ThreadTeam team_;
  kernels::ExecutionContext context_;
};

TEST_F(NamingTest, TextModelsInsideVisionModels) {
  const json config = {{"model_type", "gemma3"}, {"text_config", config_of("gemma3")}};
  for (const std::string prefix : {"language_model.model.", "model.language_model."}) {
    std::vector<Tensor> tensors = tensors_of("gemma3");
    for (Tensor& tensor : tensors) tensor.name = prefix + tensor.name.substr(std::string("model.").size());
    tensors.push_back({"vision_tower.unused.weight", {1, 2}, std::string(4, '\0')});
    expect_same_bits("gemma3", config, tensors);
  }
}

// What transformers 5 calls them in memory and may write: gate and up of all experts in one tensor.
std::vector<Tensor> merge_experts(std::vector<Tensor> tensors, const std::string& block,
                                  const std::string& gate, const std::string& up, const std::string& down) {
  const auto take = [&](const std::string& name) {
    const auto found =
        std::find_if(tensors.begin(), tensors.end(), [&](const Tensor& t) { return t.name == name; });
    if (found == tensors.end()) return Tensor{};
    Tensor tensor = *found;
    tensors.erase(found);
    return tensor;
  };
  for (int layer = 0; layer < 4; ++layer) {
    const std::string from = fmt::format("model.layers.{}.{}.", layer, block);
    const std::string to = fmt::format("model.layers.{}.mlp.", layer);
    Tensor gate_up{to + "experts.gate_up_proj", {}, ""}, downs{to + "experts.down_proj", {}, ""};
    std::uint64_t count = 0;
    for (;; ++count) {
      const std::string expert = fmt::format("{}experts.{}.", from, count);
      const Tensor g = take(expert + gate + ".weight"), u = take(expert + up + ".weight"),
                   d = take(expert + down + ".weight");
      if (g.name.empty()) break;
      gate_up.shape = {0, 2 * g.shape[0], g.shape[1]};
      downs.shape = {0, d.shape[0], d.shape[1]};
      gate_up.bytes += g.bytes + u.bytes;
      downs.bytes += d.bytes;
    }
    if (count == 0) continue;
    gate_up.shape[0] = downs.shape[0] = count;
    tensors.push_back(gate_up);
    tensors.push_back(downs);
    Tensor router = take(from + "gate.weight");
    router.name = to + "gate.weight";
    tensors.push_back(router);
  }
  return tensors;
}

TEST_F(NamingTest, AllExpertsOfALayerInOneTensor) {
  expect_same_bits("mixtral", config_of("mixtral"),
                   merge_experts(tensors_of("mixtral"), "block_sparse_moe", "w1", "w3", "w2"));
  for (const char* name : {"qwen2moe", "qwen2moe_mixed", "qwen3moe"})
    expect_same_bits(name, config_of(name),
                     merge_experts(tensors_of(name), "mlp", "gate_proj", "up_proj", "down_proj"));
}

}  // namespace
}  // namespace hearth::models
