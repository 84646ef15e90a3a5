#include "models/tensor_names.h"

#include <initializer_list>

namespace hearth::models {
namespace {

bool has(const formats::ModelFiles& files, const std::string& name) {
  return files.find(name + ".weight") != nullptr || files.find(name) != nullptr;
}

// The first layer with experts, or 0: where to look which of several namings a file uses.
std::size_t sample_layer(const DecoderConfiguration& configuration) {
  for (std::size_t i = 0; i < configuration.layers.size(); ++i)
    if (configuration.layers[i].has_experts) return i;
  return 0;
}

TensorNames gguf_names(const DecoderConfiguration& configuration, const formats::ModelFiles& files) {
  TensorNames names;
  names.token_embedding = "token_embd";
  names.output = "output";
  names.output_norm = "output_norm";
  const std::string layer = "blk.{layer}.";
  names.attention_norm = layer + (configuration.separate_parallel_norm ? "attn_norm_2" : "attn_norm");
  names.feed_forward_norm = layer + (configuration.separate_parallel_norm ? "attn_norm" : "ffn_norm");
  names.post_attention_norm = layer + "post_attention_norm";
  names.post_feed_forward_norm = layer + "post_ffw_norm";
  names.query_norm = layer + "attn_q_norm";
  names.key_norm = layer + "attn_k_norm";
  names.query = layer + "attn_q";
  names.key = layer + "attn_k";
  names.value = layer + "attn_v";
  names.query_key_value = layer + "attn_qkv";
  names.attention_output = layer + "attn_output";
  names.gate = layer + "ffn_gate";
  names.up = layer + "ffn_up";
  names.down = layer + "ffn_down";
  names.gate_up = layer + "ffn_up";  // Phi-3: the gate in its first rows
  names.router = layer + "ffn_gate_inp";
  names.merged_gate = layer + "ffn_gate_exps";
  names.merged_up = layer + "ffn_up_exps";
  names.merged_down = layer + "ffn_down_exps";
  names.expert_gate = layer + "ffn_gate.{expert}";
  names.expert_up = layer + "ffn_up.{expert}";
  names.expert_down = layer + "ffn_down.{expert}";
  names.shared_gate = layer + "ffn_gate_shexp";
  names.shared_up = layer + "ffn_up_shexp";
  names.shared_down = layer + "ffn_down_shexp";
  names.shared_switch = layer + "ffn_gate_inp_shexp";
  if (has(files, with_numbers(names.query_key_value, 0))) names.fused_layout = FusedLayout::kConcatenated;
  names.fused_gate_up =
      configuration.gated && configuration.architecture == "phi3" && !has(files, with_numbers(names.gate, 0));
  names.merged_experts = has(files, with_numbers(names.merged_down, sample_layer(configuration)));
  names.interleaved_rotary_rows = configuration.architecture == "llama";
  return names;
}

// The part of the names before "layers.", which differs with what else the model holds.
std::string prefix_of(const formats::ModelFiles& files, std::string_view embedding,
                      std::initializer_list<const char*> prefixes) {
  for (const char* prefix : prefixes)
    if (has(files, prefix + std::string(embedding))) return prefix;
  return *prefixes.begin();
}

void name_huggingface_experts(const std::string& layer, const DecoderConfiguration& configuration,
                              const formats::ModelFiles& files, TensorNames& names) {
  const std::size_t sample = sample_layer(configuration);
  const std::string mixtral = layer + "block_sparse_moe.";
  if (has(files, with_numbers(mixtral + "gate", sample))) {
    names.router = mixtral + "gate";
    names.expert_gate = mixtral + "experts.{expert}.w1";
    names.expert_up = mixtral + "experts.{expert}.w3";
    names.expert_down = mixtral + "experts.{expert}.w2";
    return;
  }
  const std::string mlp = layer + "mlp.";
  names.router = mlp + "gate";
  names.expert_gate = mlp + "experts.{expert}.gate_proj";
  names.expert_up = mlp + "experts.{expert}.up_proj";
  names.expert_down = mlp + "experts.{expert}.down_proj";
  names.merged_gate_up = mlp + "experts.gate_up_proj";
  names.merged_down = mlp + "experts.down_proj";
  names.merged_experts = has(files, with_numbers(names.merged_down, sample));
  names.shared_gate = mlp + "shared_expert.gate_proj";
  names.shared_up = mlp + "shared_expert.up_proj";
  names.shared_down = mlp + "shared_expert.down_proj";
  names.shared_switch = mlp + "shared_expert_gate";
}

TensorNames huggingface_names(const DecoderConfiguration& configuration, const formats::ModelFiles& files) {
  TensorNames names;
  const std::string prefix =
      prefix_of(files, "embed_tokens", {"model.", "language_model.model.", "model.language_model.", ""});
  names.token_embedding = prefix + "embed_tokens";
  names.output = has(files, "language_model.lm_head") ? "language_model.lm_head" : "lm_head";
  names.output_norm = prefix + "norm";
  const std::string layer = prefix + "layers.{layer}.";
  names.attention_norm = layer + "input_layernorm";
  names.feed_forward_norm =
      layer + (configuration.post_norms ? "pre_feedforward_layernorm" : "post_attention_layernorm");
  names.post_attention_norm = layer + "post_attention_layernorm";
  names.post_feed_forward_norm = layer + "post_feedforward_layernorm";
  names.query_norm = layer + "self_attn.q_norm";
  names.key_norm = layer + "self_attn.k_norm";
  names.query = layer + "self_attn.q_proj";
  names.key = layer + "self_attn.k_proj";
  names.value = layer + "self_attn.v_proj";
  names.query_key_value = layer + "self_attn.qkv_proj";
  names.attention_output = layer + "self_attn.o_proj";
  names.gate = layer + "mlp.gate_proj";
  names.up = layer + "mlp.up_proj";
  names.down = layer + "mlp.down_proj";
  names.gate_up = layer + "mlp.gate_up_proj";
  if (configuration.architecture == "phi3") {
    names.fused_layout = FusedLayout::kConcatenated;
    names.fused_gate_up = true;
  }
  if (configuration.architecture == "gemma2" || configuration.architecture == "gemma3")
    names.norm_weight_offset = 1.0f;
  name_huggingface_experts(layer, configuration, files, names);
  return names;
}

TensorNames huggingface_falcon_names(const DecoderConfiguration& configuration,
                                     const formats::ModelFiles& files) {
  TensorNames names;
  const std::string prefix = prefix_of(files, "word_embeddings", {"transformer.", ""});
  names.token_embedding = prefix + "word_embeddings";
  names.output = "lm_head";
  names.output_norm = prefix + "ln_f";
  const std::string layer = prefix + "h.{layer}.";
  names.attention_norm = layer + (configuration.separate_parallel_norm ? "ln_attn" : "input_layernorm");
  names.feed_forward_norm =
      layer + (configuration.separate_parallel_norm ? "ln_mlp" : "post_attention_layernorm");
  names.query_key_value = layer + "self_attention.query_key_value";
  names.attention_output = layer + "self_attention.dense";
  names.up = layer + "mlp.dense_h_to_4h";
  names.down = layer + "mlp.dense_4h_to_h";
  names.fused_layout = FusedLayout::kGrouped;
  return names;
}

void replace(std::string& text, std::string_view placeholder, std::size_t number) {
  const std::size_t at = text.find(placeholder);
  if (at != std::string::npos) text.replace(at, placeholder.size(), std::to_string(number));
}

}  // namespace

TensorNames tensor_names(const DecoderConfiguration& configuration, const formats::ModelFiles& files) {
  if (files.gguf() != nullptr) return gguf_names(configuration, files);
  if (configuration.architecture == "falcon") return huggingface_falcon_names(configuration, files);
  return huggingface_names(configuration, files);
}

std::string with_numbers(std::string_view name, std::size_t layer, std::size_t expert) {
  std::string out(name);
  replace(out, "{layer}", layer);
  replace(out, "{expert}", expert);
  return out;
}

}  // namespace hearth::models
