#!/usr/bin/env python3
"""Sums up the result files of ./test: names what failed, then prints `N passed, N failed[, N skipped]` alone.

In the folder given: ctest.xml, NAME.xml of pytest, and gtest/PROGRAM.xml of the GoogleTest programs. A ctest entry
NAME whose program wrote gtest/NAME_tests.xml counts by its cases; one that broke without naming a case counts as one
failure. The names after the folder say which files should be there, else it is those of the plain ./test; one that is
not is a failure too.
"""

import pathlib
import sys
import xml.etree.ElementTree as ElementTree

EXPECTED = ("house", "ctest", "end_to_end")


def cases(path):
    """(name, "passed" | "failed" | "skipped") of every test case in a JUnit or GoogleTest file."""
    for case in ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname', '')}.{case.get('name', '')}".strip(".")
        if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
            yield name, "failed"
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            yield name, "skipped"
        else:
            yield name, "passed"


def gtest_cases(path):
    """The same for one GoogleTest program, without what its filter left out; None where it did not finish."""
    try:
        root = ElementTree.parse(path)
    except (OSError, ElementTree.ParseError):
        return None
    left_out = {id(case) for case in root.iter("testcase") if case.get("status") == "notrun"}
    outcomes = cases(path)
    return [found for case, found in zip(root.iter("testcase"), outcomes) if id(case) not in left_out]


def ctest_cases(results):
    for name, outcome in cases(results / "ctest.xml"):
        name = name.rsplit(".", 1)[-1]
        inner = gtest_cases(results / "gtest" / f"{name}_tests.xml")
        if inner is None:
            yield name, outcome
            continue
        yield from ((f"{name}: {case}", what) for case, what in inner)
        if outcome == "failed" and not any(what == "failed" for _, what in inner):
            yield f"{name} (the program itself)", "failed"


def all_cases(results, names):
    for name in names:
        path = results / f"{name}.xml"
        if not path.is_file():
            yield f"{name}: no results were written", "failed"
        else:
            yield from ctest_cases(results) if name == "ctest" else cases(path)


def main(folder, *names):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for name, outcome in all_cases(pathlib.Path(folder), names or EXPECTED):
        counts[outcome] += 1
        if outcome == "failed":
            print(f"FAILED {name}")
    print(f"{counts['passed']} passed, {counts['failed']} failed"
          + (f", {counts['skipped']} skipped" if counts["skipped"] else ""))
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
