"""deploy/monitoring with the real Prometheus: rules, configuration, and every panel of the dashboard.

`prometheus` and `promtool` come from the Debian package, which ./test unpacks into build/unpacked.
"""

import concurrent.futures
import contextlib
import json
import math
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

from conftest import MODEL, ROOT, Hearth

MONITORING = ROOT / "deploy/monitoring"
PROMETHEUS, PROMTOOL = (
    shutil.which(name) or shutil.which(name, path=str(ROOT / "build/unpacked/usr/bin"))
    for name in ("prometheus", "promtool")
)
pytestmark = pytest.mark.skipif(not (PROMETHEUS and PROMTOOL), reason="prometheus is not there: ./test unpacks it")
BOUND_SECONDS = 180


def promtool(*arguments):
    result = subprocess.run([PROMTOOL, *arguments], cwd=MONITORING, capture_output=True, text=True, timeout=120,
                            stdin=subprocess.DEVNULL, check=False)
    return result.returncode, result.stdout + result.stderr


def test_the_configuration_and_its_rules_are_valid():
    code, output = promtool("check", "config", "prometheus.yml")
    assert code == 0, output
    assert "1 rule files found" in output


def test_alerts_fire_and_resolve():
    code, output = promtool("test", "rules", "alerts_test.yml")
    assert code == 0, output
    alerts = set(re.findall(r"alert: (\w+)", (MONITORING / "alerts.yml").read_text()))
    fired = re.findall(r"alertname: (\w+)\s+exp_alerts", (MONITORING / "alerts_test.yml").read_text())
    assert alerts and alerts == set(fired)


def panels():
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"], dashboard


def test_the_dashboard_is_whole():
    shown, dashboard = panels()
    rows = [panel["title"] for panel in dashboard["panels"] if panel["type"] == "row"]
    assert rows == ["Traffic", "Latency", "Engine", "Memory", "Machine", "Caches"]
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    places = {(x, y) for panel in shown for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
              for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])}
    assert len(places) == sum(panel["gridPos"]["w"] * panel["gridPos"]["h"] for panel in shown), "panels overlap"
    assert max(x for x, _ in places) < 24


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def query(address, expression):
    """The numbers that an instant query gives."""
    with urllib.request.urlopen(f"{address}/api/v1/query?" + urllib.parse.urlencode({"query": expression}),
                                timeout=60) as answer:
        return [float(row["value"][1]) for row in json.load(answer)["data"]["result"]]


def wait_for(condition, what):
    deadline = time.monotonic() + BOUND_SECONDS
    while not (result := condition()):
        assert time.monotonic() < deadline, what()
        time.sleep(0.5)
    return result


@contextlib.contextmanager
def running_prometheus(target, folder):
    """A Prometheus with the example's configuration, but for the target and a short interval."""
    text = (MONITORING / "prometheus.yml").read_text()
    assert text.count("127.0.0.1:11778") == 1
    text = text.replace("127.0.0.1:11778", target).replace("15s", "1s")
    (folder / "prometheus.yml").write_text(text.replace("alerts.yml", str(MONITORING / "alerts.yml")))
    port = free_port()
    with open(folder / "log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [PROMETHEUS, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{port}"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder)
    address = f"http://127.0.0.1:{port}"

    def ready():
        assert process.poll() is None, (folder / "log").read_text()
        try:
            with urllib.request.urlopen(address + "/-/ready", timeout=10):
                return True
        except (urllib.error.URLError, ConnectionError):
            return False

    try:
        wait_for(ready, lambda: (folder / "log").read_text())
        yield address
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_every_panel_shows_data_under_load(models, tmp_path):
    if MODEL not in models:
        pytest.skip(f"{MODEL} is not in the store: hearth pull {MODEL}")
    settings = tmp_path / "hearth.yaml"
    (tmp_path / "key").write_text("5a" * 32)
    settings.write_text(f"cache: {{responses_size: 1MiB, disk_directory: {tmp_path / 'pages'}, "
                        f"disk_key_file: {tmp_path / 'key'}}}\n")
    hearth = Hearth("--model", MODEL, "--context", "512", "--parallel", "2", "--admin-port", "0",
                    "--config", str(settings))
    expressions = {(panel["title"], target["expr"]) for panel in panels()[0] for target in panel["targets"]}
    assert len(expressions) > 25

    def ask(number):
        # Words that repeat, so that speculation has something to draft.
        hearth.client().chat.completions.create(
            model=MODEL, max_tokens=24, seed=number, temperature=0,
            # One is answered by the response cache, the others keep the engine busy.
            extra_headers={"Cache-Control": "no-store"} if number else None,
            messages=[{"role": "user", "content": "Repeat: one two three one two three one two three one two"}])

    def without_data(address):
        missing = []
        for title, expression in expressions:
            concrete = expression.replace("$__rate_interval", "1m").replace("$instance", ".*")
            assert "$" not in concrete
            numbers = query(address, concrete)
            if not numbers or any(math.isnan(number) for number in numbers):
                missing.append((title, expression, numbers))
        return missing

    try:
        target = hearth.metrics.removeprefix("http://").removesuffix("/metrics")
        with running_prometheus(target, tmp_path) as address, concurrent.futures.ThreadPoolExecutor(4) as pool:
            def loaded_and_complete():
                list(pool.map(ask, range(4)))
                return not without_data(address)

            wait_for(loaded_and_complete, lambda: without_data(address))
            assert query(address, 'up{job="hearth"}') == [1]
            assert query(address, "hearth:first_token_limit_seconds") == [0.5]
            wait_for(lambda: query(address, "hearth:first_token_seconds:p95"), lambda: "the rule gives nothing")
    finally:
        assert hearth.stop() == 0
