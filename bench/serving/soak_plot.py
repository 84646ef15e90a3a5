"""Draws memory and descriptors over the time of a soak."""

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "hearth", "font.size": 9})

from matplotlib import pyplot


def draw(outcome, path):
    minutes = [one.seconds / 60 for one in outcome.samples]
    figure, (memory, descriptors) = pyplot.subplots(2, sharex=True, figsize=(8, 4), layout="constrained")
    memory.plot(minutes, [one.resident_bytes / 2**20 for one in outcome.samples], color="#c2541b")
    memory.axvline(outcome.settled[0].seconds / 60, color="#999999", linestyle=":")
    memory.set_ylabel("resident, MiB")
    memory.set_ylim(bottom=0)
    descriptors.plot(minutes, [one.descriptors for one in outcome.samples], color="#2b5c8a")
    descriptors.set_ylabel("open descriptors")
    descriptors.set_ylim(bottom=0)
    descriptors.set_xlabel("minutes; the warm-up ends at the dotted line")
    for axes in (memory, descriptors):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
