"""Says what was measured: as tables, and as docs/serving.md with its plot."""

import statistics

from comparison import environment
from comparison.report import ENOUGH_ROUNDS, machine_sentence
from serving.figures import OURS, best_peer, figures_of, meets, statuses
from serving.rows import FIGURES, ROWS

DOCUMENT = environment.ROOT / "docs" / "serving.md"
PLOT = environment.ROOT / "docs" / "images" / "serving.svg"

TIME_HEADINGS = ["load", "model", "server", "prompt", "new", "tokens/s", "first token, ms", "each further token, ms",
                 "gap, ms"]  # fmt: skip
TARGET_HEADINGS = ["load", "model", "figure", "Hearth", "best peer", "which", "ratio", "target"]

INTRODUCTION = """\
# Hearth under load

Written by `bench/load --write-docs`, which puts Hearth's server and its peers' under the same load, in turn, over several
rounds, on the same machine, the same model files and the same number of threads. Change the program, not this page.
Ratios are what matters: the figures themselves move with the machine.
"""

EXPLANATION = """\
- Clients ask for completions, streamed, of a fixed number of tokens at temperature 0, each one request after another.
  Every prompt is different from its first word on; its tokens are what the server counted (the median).
- Each client's first question, which all ask in the same moment, counts for tokens a second, not for times.
- Times stand as P50 / P90 / P99 of all other requests of all rounds. The first token's runs from the request to the first text;
  a gap lies between two pieces of text that came more than a millisecond apart. Tokens a second are those generated for
  all clients together, the median over the rounds.
- Each server has as many slots as there are clients. It stands still while another is measured.
- Best peer is the best one in that very figure, with its best options. Hearth drafts by look-up, as it does unless told
  otherwise; "no look-up" is the same without.
- Among streams: one long prompt arrives while others decode. The longest gap is the worst stream's, from the long
  prompt's arrival to its first token, in multiples of that stream's median gap before.
- Overload: requests come at a steady pace of four times the peak, which clients that never pause have measured just
  before; the peak that counts is the mean of that one and of another just after. The first quarter of each time is not
  counted. What still waits at the end is given up.
- Slow readers: streams whose answers are computed and wait to be read, half of them a few bytes a second, half not at
  all. Their memory is what the server's process grew by once its cache was full. Beside them one client asks, in turn with
  others to a second server that has no crowd; medians of 128 answers each.
"""


def shown(name, value):
    figure = FIGURES[name]
    value *= figure.scale
    digits = 0 if value >= 100 or value == int(value) else 1 if value >= 10 else 2
    return f"{value:.{digits}f}{figure.unit if figure.unit == '×' else ' ' + figure.unit if figure.unit else ''}"


def shown_figures(figures):
    wanted = [name for name in ("speed", "first_p50", "token_p50", "stall", "delay", "of_peak", "wrong", "stream_bytes", "beside") if name in figures]
    return ", ".join(f"{FIGURES[name].title} {shown(name, figures[name])}" for name in wanted)


def time_lines(chosen, load):
    """Of every server."""
    for row in chosen:
        for who, rounds in load.rounds.get(row.key, {}).items() if row.kind == "closed" else ():
            found = figures_of(row.kind, rounds)
            prompt = statistics.median(answer.prompt_tokens for one in rounds for answer in one.answers)
            parts = [" / ".join(shown(f"{name}_p{part}", found[f"{name}_p{part}"]).removesuffix(" ms")
                                for part in (50, 90, 99)) if f"{name}_p50" in found else "–"
                     for name in ("first", "token", "gap")]  # fmt: skip
            yield [row.title, row.model, who, f"{prompt:.0f}", str(row.generate), f"{found['speed']:.0f}", *parts]


def target_lines(chosen, load):
    for row in chosen:
        measured = {who: figures_of(row.kind, rounds) for who, rounds in load.rounds.get(row.key, {}).items()}
        for target in row.targets if OURS in measured else ():
            if target.figure in measured[OURS]:
                yield [row.title, row.model, *target_cells(target, measured)]


def target_cells(target, measured):
    figure, name = FIGURES[target.figure], target.figure
    ours, peer = measured[OURS][name], best_peer(name, measured)
    ratio = ours / peer[1] if peer and peer[1] else None
    value = ratio if target.to_peer else ours
    bound = f"{target.bound:.2g}× the peer" if target.to_peer else shown(name, target.bound)
    met = "" if value is None else " ✓" if meets(target, value) else " ✗"
    return [figure.title, shown(name, ours), shown(name, peer[1]) if peer else "–", peer[0] if peer else "–",
            f"{ratio:.2f}×" if ratio else "–", f"{'≥' if figure.more_is_better else '≤'} {bound}{met}"]  # fmt: skip


def overload_sentences(chosen, load):
    for row in chosen:
        for who, rounds in load.rounds.get(row.key, {}).items() if row.kind == "overload" else ():
            found = figures_of(row.kind, rounds)
            answers = [answer for one in rounds for answer in one.answers]
            refused = [answer for answer in answers if answer.status in (429, 503)]
            told = ", ".join(f"{status} × {count}" for status, count in sorted(statuses(answers).items(), key=str))
            yield (f"{row.title}, {row.model}, {who}: {found['requests_per_second']:.1f} requests/s; {found['speed']:.0f} "
                   f"tokens/s, of a peak of {found['peak']:.0f}; statuses {told}; Retry-After in "
                   f"{sum(answer.retry_after for answer in refused)} of {len(refused)} refusals; resident "
                   f"{found['resident_start_bytes'] / 2**20:.0f} MiB at the start, "
                   f"{found['resident_end_bytes'] / 2**20:.0f} MiB at the end.")


def facts(chosen, load, setting):
    every = [one for by_server in load.rounds.values() for rounds in by_server.values() for one in rounds]
    missing = [f"{row.title} of {row.model}" for row in ROWS if not load.rounds.get(row.key)]
    found = [machine_sentence({"setting": setting}), f"Programs: {'; '.join(setting['versions'].values())}."]
    found += overload_sentences(chosen, load)
    if every:
        most = max(len(rounds) for by_server in load.rounds.values() for rounds in by_server.values())
        found.append(f"Most rounds of a load: {most}"
                     + ("." if most >= ENOUGH_ROUNDS else ": too few to rely on, a first look only."))
        found.append(f"The load generator took at most {max(one.generator for one in every):.0%} of one processor.")
    found += [f"Left out: {engine}: {why}." for engine, why in setting["left_out"].items()]
    found += [f"Failed: {row}: {who}: {why}" for (row, who), why in load.failures.items()]
    if missing:
        found.append(f"Not measured: {', '.join(missing)}.")
    if setting["quick"]:
        found.append("Measured by --quick: a small load, whose figures mean nothing.")
    return found


def tables(chosen, load):
    every = [[TIME_HEADINGS, *time_lines(chosen, load)], [TARGET_HEADINGS, *target_lines(chosen, load)]]
    return [lines for lines in every if len(lines) > 1]


def aligned(lines):
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def markdown(lines):
    rule = ["---"] * len(lines[0])
    return "\n".join("| " + " | ".join(line) + " |" for line in [lines[0], rule, *lines[1:]])


def text(chosen, load, setting):
    return "\n\n".join([*map(aligned, tables(chosen, load)), "\n".join(facts(chosen, load, setting))])


def write_documents(chosen, load, setting):
    from serving import plot  # here, so that the rest, and its tests, need nothing to draw with

    drawn = plot.draw([row for row in chosen if row.kind == "closed"], load, PLOT)
    picture = [f"![Time to the first token by percentile](images/{PLOT.name})"] if drawn else []
    told = "\n".join(f"- {fact}" for fact in facts(chosen, load, setting))
    DOCUMENT.write_text("\n\n".join([
        INTRODUCTION.strip(), *map(markdown, tables(chosen, load)), *picture, EXPLANATION.strip(), "## This run", told,
    ]) + "\n")  # fmt: skip
