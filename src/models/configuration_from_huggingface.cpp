// config.json of the transformers library: keys, defaults and layer patterns as its configuration classes
// have them, in the layout of version 5 (rope_parameters) and the older one (rope_theta, rope_scaling).
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "base/error.h"
#include "models/configuration_readers.h"
#include "models/json_values.h"

namespace hearth::models {
namespace {

using nlohmann::json;

using Values = JsonValues;

struct Family {
  const char* model_type;
  const char* architecture;  // GGUF's name
};
constexpr Family kFamilies[] = {
    {"llama", "llama"},
    {"mistral", "llama"},
    {"mixtral", "llama"},
    {"qwen2", "qwen2"},
    {"qwen3", "qwen3"},
    {"qwen2_moe", "qwen2moe"},
    {"qwen3_moe", "qwen3moe"},
    {"gemma2", "gemma2"},
    {"gemma3_text", "gemma3"},
    {"phi3", "phi3"},
    {"falcon", "falcon"},
    {"RefinedWeb", "falcon"},
    {"RefinedWebModel", "falcon"},
};

}  // namespace

kernels::Activation activation_named(const std::string& name) {
  if (name == "silu" || name == "swish") return kernels::Activation::kSilu;
  if (name == "gelu") return kernels::Activation::kGeluErf;
  if (name == "gelu_pytorch_tanh" || name == "gelu_new" || name == "gelu_fast")
    return kernels::Activation::kGeluTanh;
  throw Error(ErrorKind::kUnsupported, fmt::format("config.json: activation \"{}\" is not known", name),
              "known are silu, gelu, gelu_pytorch_tanh");
}

namespace {

void read_rope_scaling(const Values& rope, const Values& config, const std::string& model_type,
                       RopeConfiguration& out, std::int32_t& trained_context) {
  std::string kind = rope.text("rope_type").value_or(rope.text("type").value_or("default"));
  if (kind == "su" || (model_type == "phi3" && kind == "yarn")) kind = "longrope";
  out.original_context =
      config.integer("original_max_position_embeddings")
          .value_or(rope.integer("original_max_position_embeddings").value_or(trained_context));
  if (kind == "default") return;
  if (out.original_context > 0)  // where no factor is given, the two contexts say it
    out.factor = static_cast<float>(trained_context) / static_cast<float>(out.original_context);
  out.factor = rope.number("factor").value_or(out.factor);
  if (kind == "linear") {
    out.scaling = RopeScaling::kLinear;
  } else if (kind == "llama3") {
    out.scaling = RopeScaling::kLlama3;
    out.low_frequency_factor = rope.number("low_freq_factor").value_or(out.low_frequency_factor);
    out.high_frequency_factor = rope.number("high_freq_factor").value_or(out.high_frequency_factor);
  } else if (kind == "yarn") {
    out.scaling = RopeScaling::kYarn;
    out.attention_factor = rope.number("attention_factor").value_or(0.0f);
    out.beta_fast = rope.number("beta_fast").value_or(out.beta_fast);
    out.beta_slow = rope.number("beta_slow").value_or(out.beta_slow);
    out.mscale = rope.number("mscale").value_or(0.0f);
    out.mscale_all_dimensions = rope.number("mscale_all_dim").value_or(0.0f);
    out.truncate = rope.flag("truncate", true);
    // Qwen's way to switch YaRN on leaves max_position_embeddings at the original context.
    const double stretched = static_cast<double>(out.original_context) * static_cast<double>(out.factor);
    if (stretched > trained_context && stretched < 1e9)
      trained_context = static_cast<std::int32_t>(stretched);
  } else if (kind == "longrope") {
    out.scaling = RopeScaling::kLong;
    out.attention_factor = rope.number("attention_factor").value_or(0.0f);
    out.short_factors = rope.numbers("short_factor");
    out.long_factors = rope.numbers("long_factor");
  } else {
    throw Error(ErrorKind::kUnsupported,
                fmt::format("config.json: rope scaling \"{}\" is not supported", kind),
                "supported are default, linear, llama3, yarn and longrope");
  }
}

void read_rope(const Values& config, const std::string& model_type, DecoderConfiguration& out) {
  const json none = json::object();
  Values rope =
      config.object("rope_parameters").value_or(config.object("rope_scaling").value_or(Values(none)));
  const bool gemma3 = out.architecture == "gemma3";
  float local_base = config.number("rope_local_base_freq").value_or(10000.0f);
  if (const auto local = rope.object("sliding_attention"))
    local_base = local->number("rope_theta").value_or(local_base);
  if (const auto full = rope.object("full_attention")) rope = *full;

  out.rope.base =
      rope.number("rope_theta").value_or(config.number("rope_theta").value_or(gemma3 ? 1e6f : 10000.0f));
  const float part =
      rope.number("partial_rotary_factor").value_or(config.number("partial_rotary_factor").value_or(1.0f));
  if (!(part > 0.0f && part <= 1.0f))
    throw Error(ErrorKind::kCorruptData, fmt::format("config.json: partial_rotary_factor is {}", part));
  out.rope.dimensions = static_cast<std::int32_t>(static_cast<float>(out.head_dimension) * part);
  read_rope_scaling(rope, config, model_type, out.rope, out.trained_context);
  if (gemma3) {
    out.local_rope.base = local_base;
    out.local_rope.dimensions = out.rope.dimensions;
  }
}

// Whether layer i is windowed where the file does not say it layer by layer.
bool default_windowed(const std::string& model_type, const Values& config, std::int32_t layer) {
  const std::int32_t full_layers = config.integer("max_window_layers").value_or(28);
  if (model_type == "qwen2" || model_type == "qwen3") return layer >= full_layers;
  if (model_type == "qwen2_moe") return (layer + 1) % 2 != 0 && layer < full_layers;
  if (model_type == "gemma2") return (layer + 1) % 2 != 0;
  if (model_type == "gemma3_text") {
    const std::int32_t pattern = config.integer("sliding_window_pattern")
                                     .value_or(config.integer("_sliding_window_pattern").value_or(6));
    return pattern <= 0 || (layer + 1) % pattern != 0;
  }
  return true;
}

void read_windows(const Values& config, const std::string& model_type, DecoderConfiguration& out) {
  const bool gemma = model_type == "gemma2" || model_type == "gemma3_text";
  const bool qwen = model_type.starts_with("qwen");
  if (model_type == "llama" || out.architecture == "falcon") return;
  if (qwen && !config.flag("use_sliding_window", false)) return;
  const std::int32_t window = config.integer("sliding_window").value_or(gemma || qwen ? 4096 : 0);
  if (window <= 0) return;
  const json* types = config.find("layer_types");
  if (types != nullptr && (!types->is_array() || types->size() != out.layers.size()))
    throw_bad_json_value("layer_types", fmt::format("a list of {} strings", out.layers.size()), *types);
  for (std::size_t i = 0; i < out.layers.size(); ++i) {
    bool windowed = default_windowed(model_type, config, static_cast<std::int32_t>(i));
    if (types != nullptr) {
      const json& kind = (*types)[i];
      if (kind != "sliding_attention" && kind != "full_attention")
        throw_bad_json_value("layer_types", "a list of \"full_attention\" and \"sliding_attention\"", kind);
      windowed = kind == "sliding_attention";
    }
    out.layers[i].window = windowed ? window : 0;
    out.layers[i].uses_local_rope = windowed && out.architecture == "gemma3";
  }
}

void read_experts(const Values& config, const std::string& model_type, DecoderConfiguration& out) {
  if (model_type != "mixtral" && model_type != "qwen2_moe" && model_type != "qwen3_moe") return;
  ExpertConfiguration& experts = out.experts;
  const auto count = config.integer("num_local_experts");
  experts.count = count ? *count : config.require_integer("num_experts");
  experts.used = config.require_integer("num_experts_per_tok");
  if (model_type == "mixtral") {
    experts.hidden_width = out.hidden_width;
    for (LayerConfiguration& layer : out.layers) layer.has_experts = true;
    return;
  }
  experts.hidden_width = config.require_integer("moe_intermediate_size");
  experts.normalise_weights = config.flag("norm_topk_prob", false);
  if (model_type == "qwen2_moe")
    experts.shared_hidden_width = config.require_integer("shared_expert_intermediate_size");
  const std::int32_t step = config.integer("decoder_sparse_step").value_or(1);
  const std::vector<float> dense = config.numbers("mlp_only_layers");
  for (std::size_t i = 0; i < out.layers.size(); ++i) {
    const bool named_dense = std::find(dense.begin(), dense.end(), static_cast<float>(i)) != dense.end();
    out.layers[i].has_experts =
        experts.count > 0 && !named_dense && step > 0 && static_cast<std::int32_t>(i + 1) % step == 0;
  }
}

void read_falcon(const Values& config, const std::string& model_type, DecoderConfiguration& out) {
  if (config.flag("alibi", false))
    throw Error(ErrorKind::kUnsupported,
                "config.json: this Falcon model (falcon-rw and its kin) places tokens by ALiBi, which is not "
                "supported",
                "Falcon models with rotary positions are: 7B, 40B, 11B, 180B");
  const auto heads_of_keys = config.integer("num_kv_heads");
  const auto old_heads_of_keys = config.integer("n_head_kv");
  // The first 40B files, of the type RefinedWeb, have only the old names.
  const bool new_architecture = config.flag("new_decoder_architecture", model_type == "RefinedWeb");
  out.norm = NormKind::kLayer;
  out.gated = false;
  out.parallel_residual = new_architecture || config.flag("parallel_attn", true);
  out.separate_parallel_norm = new_architecture && config.integer("num_ln_in_parallel_attn").value_or(2) == 2;
  out.key_value_heads = !new_architecture && config.flag("multi_query", true)
                            ? 1
                            : heads_of_keys.value_or(old_heads_of_keys.value_or(out.heads));
  const bool bias = config.flag("bias", false);
  out.query_key_value_bias = out.attention_output_bias = out.feed_forward_bias = bias;
}

void read_shapes(const Values& config, const formats::ModelFiles& files, DecoderConfiguration& out) {
  const bool gemma3 = out.architecture == "gemma3";  // its files leave out what equals the class's default
  const auto either = [&](const char* key, const char* old_key) {
    const auto value = config.integer(old_key);
    return value ? *value : config.require_integer(key);
  };
  if (out.architecture == "falcon") {
    set_layer_count(out, either("num_hidden_layers", "n_layer"), files);
    out.heads = either("num_attention_heads", "n_head");
    out.width = either("hidden_size", "n_embed");
    out.hidden_width = config.integer("ffn_hidden_size").value_or(out.width <= (1 << 24) ? 4 * out.width : 0);
    out.trained_context = config.integer("max_position_embeddings").value_or(2048);
  } else {
    set_layer_count(out,
                    gemma3 ? config.integer("num_hidden_layers").value_or(26)
                           : config.require_integer("num_hidden_layers"),
                    files);
    out.heads = gemma3 ? config.integer("num_attention_heads").value_or(8)
                       : config.require_integer("num_attention_heads");
    out.width = gemma3 ? config.integer("hidden_size").value_or(2304) : config.require_integer("hidden_size");
    out.hidden_width = gemma3 ? config.integer("intermediate_size").value_or(9216)
                              : config.require_integer("intermediate_size");
    out.key_value_heads = config.integer("num_key_value_heads").value_or(gemma3 ? 4 : out.heads);
    out.trained_context = gemma3 ? config.integer("max_position_embeddings").value_or(131072)
                                 : config.require_integer("max_position_embeddings");
  }
  out.vocabulary =
      gemma3 ? config.integer("vocab_size").value_or(262208) : config.require_integer("vocab_size");
  const bool fixed_heads = out.architecture == "gemma2" || gemma3;  // the class's default is a number
  const bool has_head_size = out.architecture != "falcon" && config.has("head_dim");
  out.head_dimension = has_head_size                 ? config.require_integer("head_dim")
                       : fixed_heads                 ? 256
                       : out.architecture == "qwen3" ? 128
                       : out.heads > 0               ? out.width / out.heads
                                                     : 0;
}

}  // namespace

DecoderConfiguration read_huggingface_configuration(const json& root, const formats::ModelFiles& files) {
  std::string model_type = Values(root).text("model_type").value_or("");
  const bool nested = model_type == "gemma3";  // vision and text: the text model's values lie one level down
  if (nested && !Values(root).object("text_config"))
    throw Error(ErrorKind::kCorruptData, "config.json: text_config is missing");
  const Values config(nested ? root.at("text_config") : root);
  if (nested) model_type = config.text("model_type").value_or("gemma3_text");

  const Family* family = std::find_if(std::begin(kFamilies), std::end(kFamilies),
                                      [&](const Family& f) { return model_type == f.model_type; });
  if (family == std::end(kFamilies)) throw_unknown_architecture(model_type);
  if (Values(root).has("quantization_config"))
    throw Error(ErrorKind::kUnsupported, "config.json: the weights are quantised in a format of their own",
                "use the model's unquantised files or a GGUF file");
  if (config.flag("use_bidirectional_attention", false))
    throw Error(ErrorKind::kUnsupported, "config.json: the model attends in both directions",
                "it makes embeddings, not text");

  DecoderConfiguration out;
  out.architecture = family->architecture;
  const bool falcon = out.architecture == "falcon";
  const bool gemma = out.architecture == "gemma2" || out.architecture == "gemma3";
  read_shapes(config, files, out);
  out.query_key_value_bias = out.attention_output_bias = config.flag("attention_bias", false);
  out.feed_forward_bias = config.flag("mlp_bias", false);
  if (out.architecture == "qwen2") out.query_key_value_bias = true;
  if (out.architecture == "qwen2moe") out.query_key_value_bias = config.flag("qkv_bias", true);
  if (falcon) read_falcon(config, model_type, out);
  read_rope(config, model_type, out);
  read_windows(config, model_type, out);
  read_experts(config, model_type, out);
  number_layer_groups(out);

  out.norm_epsilon =
      config.number(falcon ? "layer_norm_epsilon" : "rms_norm_eps").value_or(falcon ? 1e-5f : 1e-6f);
  out.query_key_norm =
      out.architecture == "qwen3" || out.architecture == "qwen3moe" || out.architecture == "gemma3";
  out.post_norms = gemma;
  const std::string activation =
      config.text(falcon  ? "activation"
                  : gemma ? "hidden_activation"
                          : "hidden_act")
          .value_or(falcon  ? "gelu"
                    : gemma ? "gelu_pytorch_tanh"
                            : "silu");
  out.activation = activation_named(activation);
  out.attention_scale = static_cast<float>(1.0 / std::sqrt(std::max(out.head_dimension, 1)));
  if (gemma) {
    out.embedding_scale = std::sqrt(static_cast<float>(out.width));
    const double scalar = config.number("query_pre_attn_scalar").value_or(256.0f);
    out.attention_scale = static_cast<float>(1.0 / std::sqrt(scalar));
    const bool gemma2 = out.architecture == "gemma2";  // null switches the default off
    const bool caps_given = !gemma2 || root.contains("attn_logit_softcapping");
    out.attention_soft_cap = config.number("attn_logit_softcapping").value_or(caps_given ? 0.0f : 50.0f);
    const bool final_given = !gemma2 || root.contains("final_logit_softcapping");
    out.final_soft_cap = config.number("final_logit_softcapping").value_or(final_given ? 0.0f : 30.0f);
  }
  out.tied_embeddings = config.flag("tie_word_embeddings", gemma || falcon);
  validate(out);
  return out;
}

}  // namespace hearth::models
