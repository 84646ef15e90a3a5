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

TensorNames gguf_names(const DecoderConfiguration& c, const formats::ModelFiles& files) {
  TensorNames n;
  n.token_embedding = "token_embd";
  n.output = "output";
  n.output_norm = "output_norm";
  const std::string layer = "blk.{layer}.";
  n.attention_norm = layer + (c.separate_parallel_norm ? "attn_norm_2" : "attn_norm");
  n.feed_forward_norm = layer + (c.separate_parallel_norm ? "attn_norm" : "ffn_norm");
  n.post_attention_norm = layer + "post_attention_norm";
  n.post_feed_forward_norm = layer + "post_ffw_norm";
  n.query_norm = layer + "attn_q_norm";
  n.key_norm = layer + "attn_k_norm";
  n.query = layer + "attn_q";
  n.key = layer + "attn_k";
  n.value = layer + "attn_v";
  n.query_key_value = layer + "attn_qkv";
  n.attention_output = layer + "attn_output";
  n.gate = layer + "ffn_gate";
  n.up = layer + "ffn_up";
  n.down = layer + "ffn_down";
  n.gate_up = layer + "ffn_up";  // Phi-3: the gate in its first rows
  n.router = layer + "ffn_gate_inp";
  n.merged_gate = layer + "ffn_gate_exps";
  n.merged_up = layer + "ffn_up_exps";
  n.merged_down = layer + "ffn_down_exps";
  n.expert_gate = layer + "ffn_gate.{expert}";
  n.expert_up = layer + "ffn_up.{expert}";
  n.expert_down = layer + "ffn_down.{expert}";
  n.shared_gate = layer + "ffn_gate_shexp";
  n.shared_up = layer + "ffn_up_shexp";
  n.shared_down = layer + "ffn_down_shexp";
  n.shared_switch = layer + "ffn_gate_inp_shexp";
  if (has(files, with_numbers(n.query_key_value, 0))) n.fused_layout = FusedLayout::kConcatenated;
  n.fused_gate_up = c.gated && c.architecture == "phi3" && !has(files, with_numbers(n.gate, 0));
  n.merged_experts = has(files, with_numbers(n.merged_down, sample_layer(c)));
  n.interleaved_rotary_rows = c.architecture == "llama";
  return n;
}

// The part of the names before "layers.", which differs with what else the model holds.
std::string prefix_of(const formats::ModelFiles& files, std::string_view embedding,
                      std::initializer_list<const char*> prefixes) {
  for (const char* prefix : prefixes)
    if (has(files, prefix + std::string(embedding))) return prefix;
  return *prefixes.begin();
}

void name_huggingface_experts(const std::string& layer, const DecoderConfiguration& c,
                              const formats::ModelFiles& files, TensorNames& n) {
  const std::size_t sample = sample_layer(c);
  const std::string mixtral = layer + "block_sparse_moe.";
  if (has(files, with_numbers(mixtral + "gate", sample))) {
    n.router = mixtral + "gate";
    n.expert_gate = mixtral + "experts.{expert}.w1";
    n.expert_up = mixtral + "experts.{expert}.w3";
    n.expert_down = mixtral + "experts.{expert}.w2";
    return;
  }
  const std::string mlp = layer + "mlp.";
  n.router = mlp + "gate";
  n.expert_gate = mlp + "experts.{expert}.gate_proj";
  n.expert_up = mlp + "experts.{expert}.up_proj";
  n.expert_down = mlp + "experts.{expert}.down_proj";
  n.merged_gate_up = mlp + "experts.gate_up_proj";
  n.merged_down = mlp + "experts.down_proj";
  n.merged_experts = has(files, with_numbers(n.merged_down, sample));
  n.shared_gate = mlp + "shared_expert.gate_proj";
  n.shared_up = mlp + "shared_expert.up_proj";
  n.shared_down = mlp + "shared_expert.down_proj";
  n.shared_switch = mlp + "shared_expert_gate";
}

TensorNames huggingface_names(const DecoderConfiguration& c, const formats::ModelFiles& files) {
  TensorNames n;
  const std::string prefix =
      prefix_of(files, "embed_tokens", {"model.", "language_model.model.", "model.language_model.", ""});
  n.token_embedding = prefix + "embed_tokens";
  n.output = has(files, "language_model.lm_head") ? "language_model.lm_head" : "lm_head";
  n.output_norm = prefix + "norm";
  const std::string layer = prefix + "layers.{layer}.";
  n.attention_norm = layer + "input_layernorm";
  n.feed_forward_norm = layer + (c.post_norms ? "pre_feedforward_layernorm" : "post_attention_layernorm");
  n.post_attention_norm = layer + "post_attention_layernorm";
  n.post_feed_forward_norm = layer + "post_feedforward_layernorm";
  n.query_norm = layer + "self_attn.q_norm";
  n.key_norm = layer + "self_attn.k_norm";
  n.query = layer + "self_attn.q_proj";
  n.key = layer + "self_attn.k_proj";
  n.value = layer + "self_attn.v_proj";
  n.query_key_value = layer + "self_attn.qkv_proj";
  n.attention_output = layer + "self_attn.o_proj";
  n.gate = layer + "mlp.gate_proj";
  n.up = layer + "mlp.up_proj";
  n.down = layer + "mlp.down_proj";
  n.gate_up = layer + "mlp.gate_up_proj";
  if (c.architecture == "phi3") {
    n.fused_layout = FusedLayout::kConcatenated;
    n.fused_gate_up = true;
  }
  if (c.architecture == "gemma2" || c.architecture == "gemma3") n.norm_weight_offset = 1.0f;
  name_huggingface_experts(layer, c, files, n);
  return n;
}

TensorNames huggingface_falcon_names(const DecoderConfiguration& c, const formats::ModelFiles& files) {
  TensorNames n;
  const std::string prefix = prefix_of(files, "word_embeddings", {"transformer.", ""});
  n.token_embedding = prefix + "word_embeddings";
  n.output = "lm_head";
  n.output_norm = prefix + "ln_f";
  const std::string layer = prefix + "h.{layer}.";
  n.attention_norm = layer + (c.separate_parallel_norm ? "ln_attn" : "input_layernorm");
  n.feed_forward_norm = layer + (c.separate_parallel_norm ? "ln_mlp" : "post_attention_layernorm");
  n.query_key_value = layer + "self_attention.query_key_value";
  n.attention_output = layer + "self_attention.dense";
  n.up = layer + "mlp.dense_h_to_4h";
  n.down = layer + "mlp.dense_4h_to_h";
  n.fused_layout = FusedLayout::kGrouped;
  return n;
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
