"""Stands in for `python3 -m pip` in the tests of the store.

    fake_pip.py FOLDER download … -d TARGET NAME==VERSION

Copies FOLDER/NAME-VERSION.whl to TARGET by way of TMPDIR, as pip does, and appends the requirement to
FOLDER/calls.log. FOLDER/behaviour.json: {NAME: {"times": n, "say": text, "status": s, "sleep": seconds}} makes the
first n calls for NAME fail, or only wait where there is no "status".
"""

import json
import os
import shutil
import sys
import time

folder, verb = sys.argv[1:3]
assert verb == "download" and "--no-deps" in sys.argv and "--only-binary=:all:" in sys.argv, sys.argv
assert "HF_TOKEN" not in os.environ
target = sys.argv[sys.argv.index("-d") + 1]
requirement = sys.argv[-1]
name, version = requirement.split("==")
with open(f"{folder}/calls.log", "a") as log:
    log.write(requirement + "\n")
with open(f"{folder}/calls.log") as log:
    calls = log.read().split().count(requirement)
try:
    with open(f"{folder}/behaviour.json") as file:
        rule = json.load(file).get(name)
except FileNotFoundError:
    rule = None
if rule and calls <= rule.get("times", 1):
    time.sleep(rule.get("sleep", 0))
    print("Looking in indexes: https://user:****@index.invalid/simple")
    if "status" in rule:
        print(rule.get("say", ""), file=sys.stderr)
        sys.exit(rule["status"])
wheel = f"{folder}/{name}-{version}.whl"
if not os.path.exists(wheel):
    print(f"ERROR: No matching distribution found for {requirement}", file=sys.stderr)
    sys.exit(1)
temporary = f"{os.environ['TMPDIR']}/{name}-{version}-py3-none-any.whl"
shutil.copy(wheel, temporary)
shutil.copy(temporary, target)
