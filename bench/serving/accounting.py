"""Whether a server's metrics and log say the same of its requests as its clients: what does not fit, in words."""

import collections
import json
import re

# A median of fewer samples says nothing.
FEWEST_SAMPLES = 8


def series(metrics, name):
    """[(labels, value)] of one metric in Prometheus' text."""
    return [(dict(re.findall(r'(\w+)="([^"]*)"', labels)), float(value))
            for labels, value in re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", metrics, re.MULTILINE)]  # fmt: skip


def total(metrics, name):
    return sum(value for _, value in series(metrics, name))


def busy(metrics):
    """What still goes on, though all clients are gone."""
    names = ("hearth_sequences_running", "hearth_sequences_waiting", "hearth_cache_pages_in_use")
    found = {name: total(metrics, name) for name in names}
    found["hearth_requests_in_progress"] = total(metrics, "hearth_requests_in_progress") - 1  # who reads this
    found["connections"] = sum(value for labels, value in series(metrics, "hearth_connections_open")
                               if labels["listener"] == "public")  # fmt: skip
    return {name: value for name, value in found.items() if value}


def check_statuses(seen, metrics):
    """Requests by route and status. A client that left before it saw a status may stand under any."""
    counted = collections.Counter()
    for labels, value in series(metrics, "hearth_requests_total"):
        if labels["route"].startswith("/v1/"):
            counted[labels["route"], int(labels["status"])] += int(value)
    known = collections.Counter((one.route, one.status) for one in seen if one.status)
    unknown = collections.Counter(one.route for one in seen if not one.status)
    for route in {one.route for one in seen}:
        sent, found = sum(one.route == route for one in seen), sum(n for (at, _), n in counted.items() if at == route)
        if sent != found:
            yield f"{sent} requests were sent to {route}, {found} are in the metrics"
    for route, status in {*counted, *known}:
        more = counted[route, status] - known[route, status]
        if not 0 <= more <= unknown[route] or status == 500:
            yield (f"{route} answered {known[route, status]} times {status} by its clients, {counted[route, status]} times "
                   f"by the metrics; {unknown[route]} clients left without a status")  # fmt: skip


def check_log(seen, lines):
    """Each request by its id: once, with the status and the tokens that its client saw."""
    found = collections.defaultdict(list)
    for line in lines:
        event = json.loads(line)
        if event["message"] == "request":
            found[event["id"]].append(event)
    for one in seen:
        if not one.identity:
            continue
        logged = found[one.identity]
        if len(logged) != 1 or logged[0]["status"] != one.status:
            yield f"{one.identity} had status {one.status}, the log has {[line['status'] for line in logged]}"
        elif one.usage and not one.left:
            for name in ("prompt_tokens", "completion_tokens"):
                if logged[0][name] != one.usage[name]:
                    yield f"{one.identity} had {one.usage[name]} {name}, the log has {logged[0][name]}"


def check_tokens(seen, metrics):
    """All tokens: those of whole answers, and at most what those who left had asked for."""
    received = sum(one.usage["completion_tokens"] for one in seen if one.usage and not one.left)
    more = total(metrics, "hearth_completion_tokens_total") - received
    most = sum(one.most_tokens for one in seen if one.left or not one.usage)
    if not 0 <= more <= most:
        yield f"{received} tokens were received; the metrics have {more:+.0f}, of at most {most} of clients who left"


def slope(times, values):
    """By least squares."""
    middle, mean = sum(times) / len(times), sum(values) / len(values)
    spread = sum((time - middle) ** 2 for time in times)
    return sum((time - middle) * (value - mean) for time, value in zip(times, values)) / spread if spread else 0.0


def growth(values):
    """From the first quarter to the last, between their lowest values: what is never given back."""
    quarter = len(values) // 4
    return min(values[-quarter:]) - min(values[:quarter]) if len(values) >= FEWEST_SAMPLES else 0
