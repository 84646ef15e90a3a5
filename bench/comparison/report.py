"""Says what was measured: as a table, as JSON, and as docs/performance.md with its plot."""

from comparison import environment
from comparison.results import OURS, same_perplexity
from comparison.rows import PERPLEXITY, ROWS

DOCUMENT = environment.ROOT / "docs" / "performance.md"
PLOT = environment.ROOT / "docs" / "images" / "performance.svg"

# With fewer rounds a median tells nothing about noise.
ENOUGH_ROUNDS = 3

HEADINGS = ["work", "model", "Hearth", "best peer", "which", "ratio", "target", "share of the limit", "target"]

INTRODUCTION = """\
# How fast Hearth is

Written by `bench/compare --write-docs`, which runs Hearth and its peers in turn, over several rounds, on the same
machine, the same model files and the same number of threads. Change the program, not this page. Ratios are what
matters: the figures themselves move with the machine.
"""

EXPLANATION = """\
- Speeds are tokens a second, start is seconds, memory MiB; all are medians over the rounds.
- The ratio is Hearth ÷ the best peer in the same round, the median of the rounds, so that it is not always the quotient
  of the medians beside it. The target is one for it, or for the best of llama.cpp's where it says so: at least so much,
  or at most, for start and memory. A tick says that it is met.
- The limit is what the machine's 8-bit products (prefill, decoding together) or its memory (decoding alone) would allow
  if nothing else took time. Attention is not counted in it. Both change with the machine's neighbours, so they are
  measured before and after each repetition; the share is the median of the repetitions' shares. Weights that stay in the
  processor's last cache, as those of a small model may, can pass the limit of the memory.
- A peer may run with its best options. It counts if its perplexity is at most 1% above ours or the known one, and not
  more than 2% below: finer numbers predict a little better.
- Start is from the start of the server's process to the first token of a short prompt, when the same server has just
  ended: so the file is in the page cache, and the machine's memory is at hand; memory is the most that the server held
  resident (VmHWM) while its context of 4096 tokens was nearly filled.
- Prefill and decoding are those of `hearth bench` and of llama.cpp's own programs for it, compiled for this machine.
- vLLM cannot run these files on processors. It gets the same weights in bf16, of which a decoding step reads three times
  the bytes, and its engine is driven step by step in one process, without a server and without a cache of prefixes.
"""

# Measured by hand with `hearth perplexity NAME FILE --cache-type T`.
CACHE_TYPES = """\
## The cache of keys and values

Keys and values of earlier tokens are kept as bfloat16, and queries and weights are rounded to it, because processors
multiply such numbers in pairs: prefill of 4096 tokens of SmolLM2 is 1.5 times as fast as over `--cache-type f16`.
`--cache-type q8` keeps them in 8 bits: of 64 dimensions 68 bytes instead of 128, of 128 dimensions 132 instead of 256. A
gigabyte of cache holds almost twice the tokens, and a decoding step reads half the bytes of its context. Answers stay
reproducible, but are others than with 16 bits. Perplexity, on the text of the other figures:

| model | f32 | f16 | bf16 | q8 | bf16 to f16 | q8 to f16 |
|---|---|---|---|---|---|---|
| smollm2:135m | 18.377 | 18.373 | 18.402 | 18.340 | +0.15% | −0.18% |
| gemma3:270m, 8 chunks | 14.933 | 14.947 | 14.924 | 14.943 | −0.15% | −0.02% |
| qwen2.5-coder:1.5b, 8 chunks | 1.796 | 1.793 | 1.799 | 1.808 | +0.37% | +0.83% |

Two ways of computing that differ in rounding alone come out 0.1% to 0.2% apart on a text of this length.

Keys are turned by a Hadamard matrix before they are rounded, and queries with them. Without it Qwen's came to 1.986
(+10.6%): its biases make a few values of each key so great that the others drown in the rounding.
"""


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def cells(one):
    row = one.row
    sign = "≤" if row.lower_is_better else "≥"
    most = f", < {row.most:g} {row.unit}" if row.most else ""
    mark = "" if one.meets_target is None else " ✓" if one.meets_target else " ✗"
    target = f"{sign} {row.target:g}×{most}"
    if row.target_peer:
        target += f" {row.target_peer}" + (f": {one.target_ratio:.2f}×{mark}" if one.target_ratio else "")
        mark = ""
    return [
        row.title, row.model, number(one.ours), number(one.theirs) if one.theirs else "–", one.peer or "–",
        f"{one.ratio:.2f}×{mark}" if one.ratio else "–", target,
        f"{one.share:.0%}" if one.share else "", f"≥ {row.limit_target:.0%}" if row.limit_target else "",
    ]  # fmt: skip


def as_json(one):
    return {"row": one.row.key, "unit": one.row.unit, "hearth": one.ours, "peer": one.peer, "best_peer": one.theirs,
            "ratio": one.ratio, "target": one.row.target, "target_ratio": one.target_ratio, "meets_target": one.meets_target,
            "share_of_limit": one.share, "others": one.others}  # fmt: skip


def table(outcomes, data):
    lines = [HEADINGS, *(cells(one) for one in outcomes)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
    return "\n".join([*text, "", limits_sentence(data), *perplexity_sentences(data), *left_out_sentences(data),
                      *failure_sentences(data)])


def limits_sentence(data):
    found = [one for repetitions in data["repetitions"].values() for one in repetitions]
    if not found:
        return "The machine's limits were not measured."
    operations, reads = ([one[key] for one in found] for key in ("int8_operations_per_second", "read_bytes_per_second"))
    return (f"Limits, {data['setting']['threads']} threads, least to most: {min(operations) / 1e12:.2f} to "
            f"{max(operations) / 1e12:.2f} TOPS of 8-bit products, {min(reads) / 1e9:.1f} to {max(reads) / 1e9:.1f} GB/s "
            "read.")


def perplexity_sentences(data):
    for model, values in data["perplexity"].items():
        told = ", ".join(f"{engine} {value:.3f}{'' if same_perplexity(value, model, values.get(OURS)) else ' (wrong)'}"
                         for engine, value in values.items())
        yield f"Perplexity of {model}: {told}; known: {PERPLEXITY[model].value}."


def failure_sentences(data):
    return [f"Failed: {what}: {why}" for what, why in data["failures"].items()]


def left_out_sentences(data):
    return [f"Left out: {engine}: {why}." for engine, why in data["left_out"].items()]


def missing_sentences(outcomes):
    measured = {one.row.key for one in outcomes}
    missing = [f"{row.title} of {row.model}" for row in ROWS if row.key not in measured]
    return [f"Not measured: {', '.join(missing)}."] if missing else []


def machine_sentence(data):
    machine = data["setting"]["machine"]
    caches = ", ".join(f"L{level} {size}" for level, size in machine["caches"].items())
    return (f"Machine: {machine['processors']} processors ({machine['vendor']}; {', '.join(machine['features'])}; "
            f"{caches}).")


def write_documents(outcomes, data):
    from comparison import plot  # here, so that the rest, and its tests, need nothing to draw with

    rule = "|" + "|".join(["---"] * len(HEADINGS)) + "|"
    lines = ["| " + " | ".join(line) + " |" for line in [HEADINGS, *(cells(one) for one in outcomes)]]
    rounds = max(len(samples) for variants in data["samples"].values() for samples in variants.values())
    trust = "" if rounds >= ENOUGH_ROUNDS else ": too few to rely on, a first look only"
    versions = "; ".join(data["setting"]["versions"].values())
    facts = [machine_sentence(data), limits_sentence(data), f"Most rounds of a row: {rounds}{trust}.",
             f"Programs: {versions}.",
             *perplexity_sentences(data), *left_out_sentences(data), *failure_sentences(data),
             *missing_sentences(outcomes)]  # fmt: skip
    DOCUMENT.write_text("\n".join([
        INTRODUCTION, lines[0], rule, *lines[1:], "", "![Ratios to the best peer](images/performance.svg)", "",
        EXPLANATION, CACHE_TYPES, "## This run", "", *(f"- {fact}" for fact in facts), "",
    ]))  # fmt: skip
    plot.draw(outcomes, PLOT)
