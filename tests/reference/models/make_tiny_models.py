"""Makes tests/data/models: tiny random models of every architecture, with logits by the transformers package.

    python tests/reference/models/make_tiny_models.py [NAME ...]

Needs torch, transformers, gguf and safetensors (tools for references, not for the product). Each folder holds
a Hugging Face model (config.json, model.safetensors in float16), the same weights as GGUF after llama.cpp's
conventions (model.gguf, by write_gguf.py), and expected.safetensors: token ids and float32 logits.

The models are made so that a mistake shows: weights are scaled until the logits deviate by 3 or more and
attention is peaked; norms and biases are random. What would make a comparison brittle (two experts with nearly
the same weight) is avoided by trying further seeds.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from tiny_models import MODELS, TEXT, VOCABULARY
from write_gguf import write_gguf

OUT = Path(__file__).resolve().parents[2] / "data" / "models"
MINIMUM_DEVIATION = 3.0
MINIMUM_PEAK = 0.45  # mean over layers, heads and positions of the greatest attention weight
MINIMUM_ROUTER_GAP = 2e-3  # between the weight of the last expert chosen and the first one not


def randomise(model, generator):
    def normal(shape, deviation):
        return torch.randn(shape, generator=generator) * deviation

    gemma = model.config.model_type.startswith("gemma")
    for name, parameter in model.named_parameters():
        shape = parameter.shape
        if "norm" in name or ".ln_" in name:
            value = normal(shape, 0.3) if name.endswith("bias") else torch.rand(shape, generator=generator) + 0.5
            if "q_norm" in name or "k_norm" in name:
                value = value * 1.8  # nothing else can make these models' attention peaked
            if gemma:
                value = value - 1.0
        elif name.endswith("bias"):
            value = normal(shape, 0.3)
        elif "embed" in name:
            value = normal(shape, 0.7)
        elif "lm_head" in name:
            value = normal(shape, 5.0 / shape[-1] ** 0.5)
        elif "q_proj" in name or "k_proj" in name or "qkv" in name or "query_key_value" in name:
            value = normal(shape, 2.0 / shape[-1] ** 0.5)
        elif name.endswith(("gate.weight", "shared_expert_gate.weight")):
            value = normal(shape, 1.5 / shape[-1] ** 0.5)
        else:
            value = normal(shape, 1.0 / shape[-1] ** 0.5)
        parameter.data.copy_(value.half().float())


def router_gap(model, tokens):
    """The smallest distance between the last expert that is chosen and the first that is not."""
    gaps = []

    def hook(module, inputs, output):
        weights = torch.softmax(inputs[0].reshape(-1, module.weight.shape[-1]).float() @ module.weight.float().T, -1)
        ranked = weights.sort(-1, descending=True).values
        gaps.append((ranked[:, module.top_k - 1] - ranked[:, module.top_k]).min().item())

    hooks = [m.register_forward_hook(hook) for m in model.modules() if type(m).__name__.endswith("TopKRouter")]
    with torch.no_grad():
        model(tokens)
    for h in hooks:
        h.remove()
    return min(gaps, default=1.0)


def logits_of(model, tokens):
    with torch.no_grad():
        return model(tokens[None], use_cache=False).logits[0].float().contiguous()


def make(name):
    config = MODELS[name]()
    for seed in range(1000, 1100):
        generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config, attn_implementation="eager", dtype=torch.float32).eval()
        randomise(model, generator)
        tokens = torch.randint(0, VOCABULARY, (TEXT,), generator=generator)
        with torch.no_grad():
            out = model(tokens[None], use_cache=False, output_attentions=True)
        deviation = out.logits.std().item()
        peak = torch.stack([a.max(-1).values.mean() for a in out.attentions]).mean().item()
        gap = router_gap(model, tokens[None])
        if deviation >= MINIMUM_DEVIATION and peak >= MINIMUM_PEAK and gap >= MINIMUM_ROUTER_GAP:
            break
        print(f"{name}: seed {seed}: deviation {deviation:.2f} peak {peak:.2f} router gap {gap:.5f}: next")
    else:
        raise SystemExit(f"{name}: no seed makes a model that can fail")

    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    expected = {"tokens": tokens.int(), "logits": logits_of(model, tokens)}
    if name == "phi3":  # a text within the original context, for the short factors
        expected |= {"short_tokens": tokens[:38].int().contiguous(), "short_logits": logits_of(model, tokens[:38])}
    save_file(expected, folder / "expected.safetensors")
    model.half().save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    for path in folder.iterdir():
        path.chmod(0o644)
    write_gguf(folder, folder / "model.gguf")
    if name == "mixtral":
        write_gguf(folder, folder / "model_per_expert.gguf", merge_experts=False)
    print(f"{name}: seed {seed}, deviation {deviation:.2f}, attention peak {peak:.2f}, router gap {gap:.4f}")


if __name__ == "__main__":
    for name in sys.argv[1:] or MODELS:
        make(name)
