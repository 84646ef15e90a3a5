"""The tiny random models that the decoder's tests use: one list, everything that differs between them.

Sizes are unlike each other on purpose (head size is not width / heads, heads are grouped, texts run past the
windows and past the original rope context), so that a mistaken field shows.
"""

import transformers as t

TEXT = 88  # tokens: more than two cache pages, every window and every original context
VOCABULARY = 96

SMALL = dict(vocab_size=VOCABULARY, hidden_size=32, intermediate_size=56, num_hidden_layers=2,
             num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
             bos_token_id=1, eos_token_id=2, pad_token_id=0)
HEADS = dict(head_dim=16)  # width / heads would be 8
EPSILON = dict(rms_norm_eps=0.05)


def rope(theta, kind="default", **rest):
    return {"rope_theta": theta, "rope_type": kind, **rest}


LONG_FACTORS = [1.0, 1.3, 1.7, 2.4, 5.0, 9.0]
SHORT_FACTORS = [1.0, 1.05, 1.2, 1.1, 1.3, 1.6]

MODELS = {
    "llama": lambda: t.LlamaConfig(**SMALL | HEADS | EPSILON, tie_word_embeddings=False, attention_bias=True,
                                   mlp_bias=True, rope_parameters=rope(700.0)),
    "llama_linear": lambda: t.LlamaConfig(**SMALL | HEADS | EPSILON, tie_word_embeddings=True,
                                          rope_parameters=rope(900.0, "linear", factor=3.0)),
    "llama3": lambda: t.LlamaConfig(**SMALL | EPSILON | dict(head_dim=20), tie_word_embeddings=False,
                                    rope_parameters=rope(300.0, "llama3", factor=6.0, low_freq_factor=1.5,
                                                         high_freq_factor=5.0,
                                                         original_max_position_embeddings=40)),
    "llama_yarn": lambda: t.LlamaConfig(**SMALL | HEADS | EPSILON, tie_word_embeddings=True,
                                        rope_parameters=rope(400.0, "yarn", factor=5.0, beta_fast=2.0, beta_slow=0.5,
                                                             original_max_position_embeddings=64)),
    "mistral": lambda: t.MistralConfig(**SMALL | HEADS | EPSILON, tie_word_embeddings=False, sliding_window=21,
                                       rope_parameters=rope(5000.0)),
    "mixtral": lambda: t.MixtralConfig(**SMALL | HEADS | EPSILON | dict(intermediate_size=24),
                                       tie_word_embeddings=False, num_local_experts=5, num_experts_per_tok=2,
                                       rope_parameters=rope(3000.0)),
    "qwen2": lambda: t.Qwen2Config(**SMALL | EPSILON, tie_word_embeddings=True, rope_parameters=rope(2000.0)),
    "qwen2_window": lambda: t.Qwen2Config(**SMALL | EPSILON | dict(num_hidden_layers=3), tie_word_embeddings=False,
                                          use_sliding_window=True, sliding_window=19, max_window_layers=1,
                                          rope_parameters=rope(2000.0)),
    "qwen2_yarn": lambda: t.Qwen2Config(**SMALL | EPSILON, tie_word_embeddings=True,
                                        rope_parameters=rope(100.0, "yarn", factor=4.0, mscale=1.0,
                                                             mscale_all_dim=0.4,
                                                             original_max_position_embeddings=24)),
    "qwen2moe": lambda: t.Qwen2MoeConfig(**SMALL | EPSILON | dict(num_key_value_heads=4), tie_word_embeddings=False,
                                         moe_intermediate_size=24, shared_expert_intermediate_size=40,
                                         num_experts=5, num_experts_per_tok=2, norm_topk_prob=False,
                                         rope_parameters=rope(2000.0)),
    # Dense and expert layers in turn, renormalised weights.
    "qwen2moe_mixed": lambda: t.Qwen2MoeConfig(**SMALL | EPSILON | dict(num_hidden_layers=4),
                                               tie_word_embeddings=False, moe_intermediate_size=24,
                                               shared_expert_intermediate_size=40, num_experts=4,
                                               num_experts_per_tok=3, norm_topk_prob=True, decoder_sparse_step=2,
                                               mlp_only_layers=[3], rope_parameters=rope(2000.0)),
    "qwen3": lambda: t.Qwen3Config(**SMALL | HEADS | EPSILON, tie_word_embeddings=True,
                                   rope_parameters=rope(1500.0, "yarn", factor=4.0, attention_factor=1.35,
                                                        original_max_position_embeddings=24)),
    "qwen3moe": lambda: t.Qwen3MoeConfig(**SMALL | HEADS | EPSILON, tie_word_embeddings=False,
                                         moe_intermediate_size=24, num_experts=5, num_experts_per_tok=2,
                                         norm_topk_prob=True, mlp_only_layers=[], rope_parameters=rope(2500.0)),
    "gemma2": lambda: t.Gemma2Config(**SMALL | HEADS | EPSILON | dict(num_hidden_layers=3), sliding_window=18,
                                     query_pre_attn_scalar=30, attn_logit_softcapping=9.0,
                                     final_logit_softcapping=9.0, rope_parameters=rope(800.0)),
    "gemma3": lambda: t.Gemma3TextConfig(**SMALL | HEADS | EPSILON | dict(num_hidden_layers=4), sliding_window=17,
                                         query_pre_attn_scalar=24, final_logit_softcapping=12.0,
                                         layer_types=["sliding_attention", "sliding_attention", "full_attention",
                                                      "sliding_attention"],
                                         rope_parameters={"full_attention": rope(2000.0, "linear", factor=2.5),
                                                          "sliding_attention": rope(150.0)}),
    "phi3": lambda: t.Phi3Config(**SMALL | EPSILON | dict(hidden_size=64), tie_word_embeddings=False, sliding_window=37,
                                 original_max_position_embeddings=40,
                                 rope_parameters=rope(600.0, "longrope", partial_rotary_factor=0.75,
                                                      long_factor=LONG_FACTORS, short_factor=SHORT_FACTORS)),
    "falcon_7b": lambda: falcon(multi_query=True, new_decoder_architecture=False, tie_word_embeddings=True),
    "falcon_40b": lambda: falcon(multi_query=True, new_decoder_architecture=True, num_kv_heads=2, bias=True,
                                 tie_word_embeddings=False),
}


def falcon(**rest):
    small = {k: v for k, v in SMALL.items() if k not in ("intermediate_size", "num_key_value_heads")}
    return t.FalconConfig(**small, alibi=False, parallel_attn=True, layer_norm_epsilon=0.05,
                          rope_parameters=rope(500.0), **rest)
