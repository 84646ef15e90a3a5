"""What follows from measured times."""

import collections
import statistics

from serving.rows import FIGURES

OURS = "Hearth"
# Text that comes within this is of one step of the server, and passes for one piece: a server that drafts has several
# tokens at once.
TOGETHER_SECONDS = 0.001
EXPECTED_STATUSES = {200, 429, 503, "waiting"}


def percentile(values, part):
    """Between the two nearest values, as far as it lies between them."""
    values = sorted(values)
    place = part / 100 * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def steps(arrivals):
    """The times at which something new came."""
    found = []
    for last, now in zip([float("-inf"), *arrivals], arrivals):
        if now - last > TOGETHER_SECONDS:
            found.append(now)
    return found


def gaps(arrivals):
    times = steps(arrivals)
    return [after - before for before, after in zip(times, times[1:])]


def first_token(answer):
    return answer.arrivals[0] - answer.start


def each_token(answer):
    """Seconds for each token after the first; None for a single one."""
    further = answer.new_tokens - 1
    return (answer.arrivals[-1] - answer.arrivals[0]) / further if further > 0 else None


def stall(arrivals, begin, end):
    """A stream's longest silence between two times, as a multiple of its median gap before them."""
    before = statistics.median(gaps([time for time in arrivals if time <= begin]))
    times = steps(arrivals)
    # The silence that an end falls into counts whole where it is known, and as far as it is known else.
    last = next((time for time in times if time > end), end)
    around = [max(time for time in times if time <= begin), *(time for time in times if begin < time <= end), last]
    return max(after - before for before, after in zip(around, around[1:])) / before


def tokens_per_second(answers, begin, end):
    """Of all answers between two times, also of those that never ended; how many tokens an event has is learnt from the
    others. 0 where none ended."""
    ended = [answer for answer in answers if answer.new_tokens]
    if not ended:
        return 0
    tokens_per_event = sum(one.new_tokens for one in ended) / sum(len(one.arrivals) for one in ended)
    events = sum(begin < time <= end for answer in answers for time in answer.arrivals)
    return events * tokens_per_event / (end - begin)


def statuses(answers):
    return collections.Counter(answer.status for answer in answers)


def figures_of(kind, rounds):
    """Of all rounds together, by the names of FIGURES: medians of the rounds; times are of all answers but the opening."""
    answers = [answer for one in rounds for answer in one.answers]
    if kind != "closed":
        found = {name: statistics.median(one.numbers[name] for one in rounds) for name in rounds[0].numbers}
        if kind == "overload":
            refused = [answer for answer in answers if answer.status in (429, 503) and answer.end]
            found["wrong"] = sum(answer.status not in EXPECTED_STATUSES for answer in answers)
            found["wrong"] += sum(not answer.retry_after for answer in refused)
            if refused:
                found["refused_p99"] = percentile([answer.end - answer.start for answer in refused], 99)
        return found
    times = {
        "first": [first_token(answer) for answer in answers],
        "token": [time for answer in answers if (time := each_token(answer)) is not None],
        "gap": [gap for answer in answers for gap in gaps(answer.arrivals)],
    }
    speeds = [sum(answer.new_tokens for answer in one.opening + one.answers) / one.seconds for one in rounds]
    return {"speed": statistics.median(speeds)} | {
        f"{name}_p{part}": percentile(values, part)
        for name, values in times.items() if values for part in (50, 90, 99)
    }  # fmt: skip


def best_peer(name, measured):
    """(Who, what) of the best peer in one figure, out of figures by server; None where no peer has it."""
    found = {who: values[name] for who, values in measured.items()
             if who.split(",")[0] != OURS and name in values}  # fmt: skip
    if not found:
        return None
    who = (max if FIGURES[name].more_is_better else min)(found, key=found.get)
    return who, found[who]


def meets(target, value):
    """Whether a figure, or its ratio to the best peer's, is what the target wants."""
    return value >= target.bound if FIGURES[target.figure].more_is_better else value <= target.bound
