"""Draws how many times better than the best peer each row is, with its target."""

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "hearth", "font.size": 9})

from matplotlib import pyplot
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

BAR, TARGET, EVEN = "#c2541b", "#222222", "#888888"


def draw(outcomes, path):
    shown = [one for one in outcomes if one.ratio]
    # Where less is better the bar shows the inverse: longer is better everywhere.
    ratios = [1 / one.ratio if one.row.lower_is_better else one.ratio for one in shown]
    targets = [1 / one.row.target if one.row.lower_is_better else one.row.target for one in shown]
    places = range(len(shown))
    figure, axes = pyplot.subplots(figsize=(8, 0.36 * len(shown) + 1.2), layout="constrained")
    axes.barh(places, [ratio - 1 for ratio in ratios], left=1, color=BAR, height=0.6)
    axes.plot(targets, places, "|", color=TARGET, markersize=14, markeredgewidth=2, label="target")
    for place, ratio in zip(places, ratios):
        axes.text(max(ratio, 1) * 1.03, place, f"{ratio:.2f}×", va="center")
    axes.axvline(1, color=EVEN, linewidth=1)
    axes.set_xscale("log")
    axes.set_xlim(min(0.5, *ratios) * 0.9, max([*ratios, *targets]) * 1.3)
    axes.xaxis.set_major_locator(FixedLocator([0.25, 0.5, 1, 2, 4, 8, 16]))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}×"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_yticks(places, [f"{one.row.title}, {one.row.model}" for one in shown])
    axes.invert_yaxis()
    axes.set_xlabel("times better than the best correct peer on the same machine")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower right", frameon=False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
