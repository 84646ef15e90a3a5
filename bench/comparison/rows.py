"""What is compared: one row for each kind of work and model, with the targets that Hearth sets itself."""

import dataclasses

SMOLLM2 = "smollm2:135m"
QWEN = "qwen2.5-coder:1.5b"
GEMMA = "gemma3:270m"
LLAMA_CPP = "llama.cpp"

# The file's name where ./test keeps its models, and the perplexity that is known for it on the text of the GPL 3 in
# chunks of 512 tokens (0 chunks: all of the text).
FILES = {
    SMOLLM2: "smollm2-135m-q4_1.gguf",
    QWEN: "qwen2.5-coder-1.5b-q4_k_m.gguf",
    GEMMA: "gemma3-270m-q4_k_m.gguf",
}


@dataclasses.dataclass(frozen=True)
class KnownPerplexity:
    chunks: int
    value: float


PERPLEXITY = {
    SMOLLM2: KnownPerplexity(0, 18.391),
    QWEN: KnownPerplexity(8, 1.811),
    GEMMA: KnownPerplexity(0, 13.906),
}


@dataclasses.dataclass(frozen=True)
class Row:
    key: str
    title: str
    model: str
    kind: str  # prefill, decode, start, memory or speculation
    target: float  # Hearth ÷ the best peer is at least this; at most, for start and memory
    prompt: int = 0  # tokens of prompt, or of context before decoding
    generate: int = 0  # tokens of each sequence
    sequences: int = 1
    repetitions: int = 3  # within one run of a program
    rounds: int = 1000  # at most so many: a minute and more each
    limit: str = ""  # int8 or bandwidth: the limit of the machine that this work runs into
    limit_target: float = 0  # the share of it that Hearth should reach
    target_peer: str = ""  # the target is a ratio to the best of this engine's; else of all
    most: float = 0  # Hearth's own figure stays below it, whatever peers do

    @property
    def unit(self):
        return {"start": "s", "memory": "MiB"}.get(self.kind, "tokens/s")

    @property
    def lower_is_better(self):
        return self.kind in ("start", "memory")


ROWS = [
    Row("prefill-512-smollm2", "prefill 512", SMOLLM2, "prefill", 6, prompt=512, limit="int8", limit_target=0.45,
        target_peer=LLAMA_CPP),
    Row("prefill-4096-smollm2", "prefill 4096", SMOLLM2, "prefill", 4.5, prompt=4096, repetitions=1, limit="int8",
        target_peer=LLAMA_CPP),
    Row("prefill-512-qwen", "prefill 512", QWEN, "prefill", 1.5, prompt=512, repetitions=1, limit="int8",
        limit_target=0.55),
    Row("prefill-512-gemma", "prefill 512", GEMMA, "prefill", 1.5, prompt=512, limit="int8"),
    Row("decode-smollm2", "decode", SMOLLM2, "decode", 1.6, generate=128, limit="bandwidth", limit_target=0.80,
        target_peer=LLAMA_CPP),
    Row("decode-qwen", "decode", QWEN, "decode", 1.0, generate=64, limit="bandwidth", limit_target=0.95),
    Row("decode-gemma", "decode", GEMMA, "decode", 1.0, generate=128, limit="bandwidth"),
    Row("decode-16-smollm2", "decode of 16 together", SMOLLM2, "decode", 6, prompt=64, generate=32, sequences=16,
        repetitions=1, limit="int8", target_peer=LLAMA_CPP),
    Row("decode-8-qwen", "decode of 8 together", QWEN, "decode", 3, prompt=64, generate=16, sequences=8,
        repetitions=1, limit="int8", target_peer=LLAMA_CPP),
    Row("decode-16-qwen", "decode of 16 together", QWEN, "decode", 2.7, prompt=64, generate=16, sequences=16,
        repetitions=1, limit="int8", limit_target=0.45, target_peer=LLAMA_CPP),
    Row("decode-8k-qwen", "decode at 8k of context", QWEN, "decode", 1.3, prompt=8192, generate=32, repetitions=1,
        rounds=2, limit="bandwidth"),
    Row("start-qwen", "start to first token", QWEN, "start", 1.0, generate=1, most=2),
    Row("memory-qwen", "peak memory, context 4096", QWEN, "memory", 1.0, generate=16, rounds=1),
    Row("speculation-qwen", "edit of code, look-up", QWEN, "speculation", 2, repetitions=1),
]  # fmt: skip


def quick(row):
    """The same work, smaller: for trying the comparison itself."""
    return dataclasses.replace(row, prompt=min(row.prompt, 256), generate=min(row.generate, 8), repetitions=1)
