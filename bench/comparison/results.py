"""The figures of a comparison: every sample as measured, in a JSON file that is written after each one, so that a run
can be taken up again; and what follows from them."""

import dataclasses
import json
import pathlib
import statistics

from comparison.limits import share_of
from comparison.rows import PERPLEXITY

# A peer whose perplexity is further than this from ours and from the known one computes something else.
# A peer that computes with finer numbers predicts a little better than we do: SmolLM2 in float has 18.300 where 8 bits
# have 18.373. Mistakes never do.
PERPLEXITY_ABOVE, PERPLEXITY_BELOW = 0.01, 0.02
OURS = "Hearth"


class Results:
    def __init__(self, path, setting, resume):
        """`setting` is what must be the same for samples to be compared: machine, threads, versions."""
        self.path = pathlib.Path(path)
        if resume and self.path.exists():
            self.data = json.loads(self.path.read_text())
            for key, value in setting.items():
                if self.data["setting"].get(key) != value:
                    raise SystemExit(f"{path} was measured with another {key}; start anew without --resume")
            self.data["failures"] = {}  # what failed is tried again
        else:
            self.data = {"setting": setting, "perplexity": {}, "work": {}, "repetitions": {}, "samples": {},
                         "failures": {}}  # fmt: skip

    def save(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.data, indent=1) + "\n")

    def samples(self, row, variant):
        return self.data["samples"].setdefault(row.key, {}).setdefault(variant, [])


def same_perplexity(value, model, ours):
    """Whether a peer's perplexity is close enough to ours or to the known one for its speed to count."""
    known = PERPLEXITY[model].value
    return any(-PERPLEXITY_BELOW <= value / other - 1 <= PERPLEXITY_ABOVE for other in (ours, known) if other)


def correct_engines(data, model):
    values = data["perplexity"].get(model, {})
    return {engine for engine, value in values.items() if same_perplexity(value, model, values.get(OURS))}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """A row's medians and what they mean."""

    row: object
    ours: float
    peer: str = ""  # the best one that computes rightly
    theirs: float | None = None
    ratio: float | None = None
    target_ratio: float | None = None  # to the best that the target is about
    share: float | None = None  # of the machine's limit
    others: dict = dataclasses.field(default_factory=dict)  # further medians; wrong peers are marked

    @property
    def meets_target(self):
        if self.target_ratio is None:
            return None
        if self.row.most and self.ours >= self.row.most:
            return False
        ratio, target = self.target_ratio, self.row.target
        return ratio <= target if self.row.lower_is_better else ratio >= target


def ratio_of(ours, theirs):
    """The median of the rounds' ratios: from one round to the next a machine may change its speed by more than two
    programs differ. Where rounds are missing nobody knows which samples belong together: the ratio of the medians."""
    if len(ours) != len(theirs):
        return statistics.median(ours) / statistics.median(theirs)
    return statistics.median(one / other for one, other in zip(ours, theirs))


def outcome(row, data):
    """None where Hearth itself was not measured."""
    samples = {variant: found for variant, found in data["samples"].get(row.key, {}).items() if found}
    medians = {variant: statistics.median(found) for variant, found in samples.items()}
    if OURS not in medians:
        return None
    ours = medians.pop(OURS)
    correct = correct_engines(data, row.model)
    right = {variant: value for variant, value in medians.items() if variant.split(",")[0] in correct}
    others = {variant if variant in right else f"{variant} (wrong)": value for variant, value in medians.items()}
    share = share_of(row, data["work"][row.model], data["repetitions"].get(row.key, []))
    if not right:
        return Outcome(row, ours, share=share, others=others)

    def ratio_to_best(variants):
        best = (min if row.lower_is_better else max)(variants, key=right.get)
        return best, ratio_of(samples[OURS], samples[best])

    peer, ratio = ratio_to_best(right)
    meant = [variant for variant in right if not row.target_peer or variant.split(",")[0] == row.target_peer]
    target_ratio = ratio_to_best(meant)[1] if meant else None
    return Outcome(row, ours, peer, right[peer], ratio, target_ratio, share, others)
