#!/usr/bin/env python3
"""Has vLLM do one piece of work and prints the figures as a line of JSON. It is run by the Python of vLLM's environment,
and drives the engine step by step in its own process, so that each step's end is seen without what a server adds.

vllm_measurement.py speed FOLDER --prompt N --generate N --sequences N --repetitions N
vllm_measurement.py perplexity FOLDER --text FILE --chunks N
"""

import argparse
import json
import math
import pathlib
import random
import time

CHUNK = 512
# Tokens that one step takes at most, unless all sequences' prompts need more to begin together.
STEP = 2048
LONG_PROMPT = 1000  # one that is worth no warm-up of its own length


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=["speed", "perplexity"])
    parser.add_argument("model", metavar="FOLDER")
    parser.add_argument("--prompt", type=int, default=1)
    parser.add_argument("--generate", type=int, default=0)
    parser.add_argument("--sequences", type=int, default=1)
    parser.add_argument("--repetitions", type=int, default=1)
    parser.add_argument("--text", type=pathlib.Path)
    parser.add_argument("--chunks", type=int, default=0)
    parser.add_argument("--compile", action="store_true", help="the model by PyTorch's compiler")
    return parser.parse_args()


def speeds(start, steps, prompt, sequences):
    """Tokens a second of prefill and of decoding. `steps` are (time, tokens made so far by each sequence that has begun),
    of the end of each step; prefill ends when the last sequence has its first token."""
    first, begun = next((when, made) for when, made in steps if len(made) == sequences)
    last, made = steps[-1]
    decoded = sum(made) - sum(begun)
    return {
        "prefill_tok_s": sequences * prompt / (first - start),
        "decode_tok_s": decoded / (last - first) if decoded else 0,
    }


def chunks_of(tokens, begin, count):
    """Whole chunks of a text's tokens, each with the model's token for a beginning in place of its first, if it has one;
    `count` of them, or all for 0."""
    whole = [tokens[index:index + CHUNK] for index in range(0, len(tokens) - CHUNK + 1, CHUNK)]
    return [[*begin, *chunk[len(begin):]] for chunk in whole[:count or None]]


def perplexity(probabilities):
    """Of chunks' logarithms of probabilities, of which the last half counts, less the first token of it."""
    counted = [value for chunk in probabilities for value in chunk[CHUNK // 2 + 1:]]
    return math.exp(-sum(counted) / len(counted))


def start_vllm(options, context, sequences, together):
    from vllm import LLM

    return LLM(model=options.model, dtype="bfloat16", max_model_len=context, max_num_seqs=sequences,
               max_num_batched_tokens=max(STEP, together), enable_prefix_caching=False, seed=0,
               enforce_eager=not options.compile)  # fmt: skip


def run_once(engine, prompts, generate):
    """The start, and the steps as speeds() takes them."""
    from vllm import SamplingParams

    parameters = SamplingParams(temperature=0, max_tokens=generate + 1, ignore_eos=True, detokenize=False)
    made, steps = {}, []
    start = time.perf_counter()
    for number, prompt in enumerate(prompts):
        engine.add_request(str(number), {"prompt_token_ids": prompt}, parameters)
    while engine.has_unfinished_requests():
        for output in engine.step():
            made[output.request_id] = len(output.outputs[0].token_ids)
        steps.append((time.perf_counter(), list(made.values())))
    return start, steps


def measure_speed(options):
    context = options.prompt + options.generate + 1
    vllm = start_vllm(options, context, options.sequences, options.sequences * options.prompt)
    engine = vllm.llm_engine
    vocabulary = vllm.model_config.get_vocab_size()

    def prompts(length):
        return [[random.randrange(vocabulary) for _ in range(length)] for _ in range(options.sequences)]

    run_once(engine, prompts(options.prompt if options.prompt <= LONG_PROMPT else CHUNK), min(options.generate, 4))
    found = []
    for _ in range(options.repetitions):
        found.append(speeds(*run_once(engine, prompts(options.prompt), options.generate), options.prompt,
                            options.sequences))
    return {key: sum(one[key] for one in found) / len(found) for key in found[0]}


def measure_perplexity(options):
    from vllm import SamplingParams

    vllm = start_vllm(options, CHUNK + 1, 1, CHUNK)
    tokenizer = vllm.get_tokenizer()
    chunks = chunks_of(tokenizer(options.text.read_text())["input_ids"], tokenizer("")["input_ids"], options.chunks)
    parameters = SamplingParams(temperature=0, max_tokens=1, prompt_logprobs=0)
    outputs = vllm.generate([{"prompt_token_ids": chunk} for chunk in chunks], parameters, use_tqdm=False)
    return {"chunks": len(chunks), "perplexity": perplexity([
        [0.0] + [found[token].logprob for token, found in zip(chunk[1:], output.prompt_logprobs[1:])]
        for chunk, output in zip(chunks, outputs)])}  # fmt: skip


if __name__ == "__main__":
    random.seed(0)
    chosen = parse()
    print(json.dumps(measure_speed(chosen) if chosen.work == "speed" else measure_perplexity(chosen)), flush=True)
