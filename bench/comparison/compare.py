"""The command bench/compare: interleaved rounds of every engine over every row."""

import argparse
import hashlib
import json
import pathlib
import subprocess
import sys

from comparison import environment, limits, report, rows, vllm_environment
from comparison.hearth import Hearth
from comparison.llama_cpp import LlamaCpp
from comparison.programs import MeasurementError, Programs
from comparison.results import OURS, Results, outcome, same_perplexity
from comparison.vllm import Vllm

PEERS = ["llama", "vllm"]
TEXTS = [pathlib.Path("/usr/share/common-licenses/GPL-3"), environment.ROOT / "LICENSE"]


def add_program_options(parser):
    """Which programs and files are measured."""
    parser.add_argument("--hearth-build", metavar="FOLDER", help="of a build of Hearth; "
                        "else build/release is brought up to date")
    parser.add_argument("--peer-llama", metavar="FOLDER", help="of llama.cpp's programs; else pip installs them")
    parser.add_argument("--files", metavar="FOLDER", help="of the model files, named as ./test names them; else the "
                        "store of `hearth pull`")


def parse():
    parser = argparse.ArgumentParser(
        prog="bench/compare", description="Measures Hearth beside its peers on this machine, interleaved, and prints "
        "medians, ratios and shares of the machine's limits.",
        epilog="Example: bench/compare --rounds 3 --models smollm2:135m")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="of every engine (2)")
    parser.add_argument("--rows", nargs="+", metavar="KEY", choices=[row.key for row in rows.ROWS],
                        help="only these: " + " ".join(row.key for row in rows.ROWS))
    parser.add_argument("--models", nargs="+", choices=list(rows.FILES), help="only rows of these")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS[:1], help="one or more of " + " ".join(PEERS)
                        + " (llama); vllm takes more than 6 GB")
    parser.add_argument("--quick", action="store_true", help="small work in one round: tries the comparison itself")
    parser.add_argument("--json", metavar="FILE", help="where all samples go (build/bench/results.json)")
    parser.add_argument("--resume", action="store_true", help="take up the samples of that file and measure the rest")
    parser.add_argument("--write-docs", action="store_true", help="write docs/performance.md and its plot")
    add_program_options(parser)
    parser.add_argument("--through", metavar="COMMAND", default="", help="runs every measurement, such as "
                        "'flock FILE' or 'taskset -c 0,1'")
    return parser.parse_args()


def find_files(hearth, folder, models):
    """The model files at hand."""
    found = {}
    for model in models:
        if folder:
            path = pathlib.Path(folder) / rows.FILES[model]
        else:
            shown = subprocess.run([hearth, "show", model, "--json"], capture_output=True, text=True, check=False)
            path = pathlib.Path(json.loads(shown.stdout)["path"] if shown.returncode == 0 else model)
        if path.is_file():
            found[model] = str(path)
        else:
            say(f"{model} is not at hand (hearth pull {model}): its rows are left out")
    return found


def make_engines(options, programs, hearth):
    """Hearth and the chosen peers; and why a peer is left out, by its name."""
    text = next(path for path in TEXTS if path.exists())
    setting = programs, options.threads, text
    engines, left_out = [Hearth(*setting, hearth)], {}
    if "llama" in options.peers:
        engines.append(LlamaCpp(*setting, pathlib.Path(options.peer_llama or environment.prepare_llama_cpp())))
    if "vllm" in options.peers:
        try:
            engines.append(Vllm(*setting, vllm_environment.prepare()))
        except vllm_environment.NotInstallable as error:
            left_out[Vllm.name] = f"it cannot be installed on this machine: {error}"
            say(f"{Vllm.name} is left out: {left_out[Vllm.name]}")
    return engines, left_out


class Comparison:
    def __init__(self, engines, files, results, programs):
        self.engines, self.files, self.results, self.programs = engines, files, results, programs

    def check_perplexities(self, models):
        """Speed counts only of what computes the same; Hearth comes first and is held to the known figure."""
        for model in models:
            known = rows.PERPLEXITY[model]
            values = self.results.data["perplexity"].setdefault(model, {})
            for engine in self.engines:
                if engine.name in values:
                    continue
                try:
                    values[engine.name] = engine.perplexity(self.files[model], known.chunks)
                except MeasurementError as error:
                    self._note_failure(f"perplexity of {model}", engine.name, error)
                    continue
                right = same_perplexity(values[engine.name], model, values.get(OURS))
                say(f"perplexity {model:20} {engine.name:12} {values[engine.name]:.3f}, known {known.value}"
                    + ("" if right else ": WRONG"))
                self.results.save()

    def run(self, chosen, rounds):
        for number in range(rounds):
            for row in chosen:
                if number < row.rounds:
                    self._measure_row(row, number)

    def _measure_row(self, row, number):
        turns = [(engine, variant, extra) for engine in self.engines if engine.can(row)
                 for variant, extra in engine.variants(row).items()]  # fmt: skip
        # Every other round goes the other way, so that a machine that slows down favours nobody.
        for engine, variant, extra in turns if number % 2 == 0 else reversed(turns):
            samples = self.results.samples(row, variant)
            if len(samples) > number:
                continue
            try:
                samples.append(engine.measure(row, self.files[row.model], extra))
            except MeasurementError as error:
                self._note_failure(row.key, variant, error)
                continue
            if engine.repetitions:
                self.results.data["repetitions"].setdefault(row.key, []).extend(engine.repetitions)
            say(f"round {number + 1} {row.title:26} {row.model:20} {variant:28} {samples[-1]:10.2f} {row.unit}")
            self.results.save()

    def _note_failure(self, what, who, error):
        self.results.data["failures"][f"{what}: {who}"] = str(error).splitlines()[-1]
        say(f"{what}: {who} failed: {error}")
        self.results.save()


def say(text):
    print(text, file=sys.stderr, flush=True)


def main():
    options = parse()
    build = pathlib.Path(options.hearth_build or environment.prepare_hearth())
    programs = Programs(options.through)
    engines, left_out = make_engines(options, programs, build / "hearth")

    wanted = [row for row in rows.ROWS if (not options.rows or row.key in options.rows)
              and (not options.models or row.model in options.models)]  # fmt: skip
    files = find_files(build / "hearth", options.files, dict.fromkeys(row.model for row in wanted))
    size = rows.quick if options.quick else (lambda row: row)
    chosen = [size(row) for row in wanted if row.model in files and engines[0].can(row)]

    results = Results(options.json or environment.FOLDER / "results.json", {
        "machine": limits.describe_machine(), "threads": options.threads, "quick": options.quick,
        "hearth_sha256": hashlib.sha256((build / "hearth").read_bytes()).hexdigest(),
        "versions": {engine.name: engine.version() for engine in engines},
    }, options.resume)  # fmt: skip
    results.data["left_out"] = left_out
    results.data["work"].update((model, limits.work_of(path)) for model, path in files.items())
    comparison = Comparison(engines, files, results, programs)
    comparison.check_perplexities(files)
    comparison.run(chosen, 1 if options.quick else options.rounds)

    outcomes = [found for row in rows.ROWS if (found := outcome(size(row), results.data))]
    results.data["outcomes"] = [report.as_json(one) for one in outcomes]
    results.save()
    print(report.table(outcomes, results.data))
    if options.write_docs:
        report.write_documents(outcomes, results.data)
    return 1 if results.data["failures"] or not outcomes else 0
