"""Draws the time to the first token by percentile, of each server under each load."""

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "hearth", "font.size": 9})

from matplotlib import pyplot

from serving.figures import OURS, first_token, percentile

PARTS = range(1, 100)
COLOURS = {"Hearth": "#c2541b", "llama.cpp": "#2b5c8a", "vLLM": "#4d7a3a"}


def draw(rows, load, path):
    """False, and no file, where nothing was measured."""
    shown = [row for row in rows if load.rounds.get(row.key)]
    if not shown:
        return False
    figure, places = pyplot.subplots(len(shown), squeeze=False, figsize=(8, 2.2 * len(shown)), layout="constrained")
    for axes, row in zip(places.flat, shown):
        for who, rounds in load.rounds[row.key].items():
            times = [1000 * first_token(answer) for one in rounds for answer in one.answers]
            engine = who.split(",")[0]
            axes.plot([percentile(times, part) for part in PARTS], PARTS, label=who, color=COLOURS[engine],
                      linestyle="-" if who == engine else "--", linewidth=2 if engine == OURS else 1.2)
        axes.set_title(f"{row.title}, {row.model}", loc="left")
        axes.set_xscale("log")
        axes.set_ylabel("percentile")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(loc="lower right", frameon=False)
    places.flat[-1].set_xlabel("time to the first token, ms")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return True
