"""tools/count_results.py counts every kind of result file, and misses no failure."""

import subprocess
import sys

import pytest
import tree

PASSED = '<testcase name="a" classname="C"/>'
FAILED = '<testcase name="b" classname="C"><failure message="no"/></testcase>'
ERROR = '<testcase name="c" classname="C"><error message="no"/></testcase>'
SKIPPED = '<testcase name="d" classname="C" status="run" result="skipped"><skipped message="why"/></testcase>'
LEFT_OUT = '<testcase name="e" classname="C" status="notrun" result="suppressed"/>'
PROGRAM_PASSED = '<testcase name="base" classname="base" status="run"/>'
PROGRAM_FAILED = '<testcase name="base" classname="base" status="fail"><failure message=""/></testcase>'


def count(folder, house=PASSED, ctest=PROGRAM_PASSED, base=None, end_to_end=PASSED):
    (folder / "gtest").mkdir()
    for path, text in (("house", house), ("ctest", ctest), ("gtest/base_tests", base), ("end_to_end", end_to_end)):
        if text is not None:
            (folder / f"{path}.xml").write_text(f"<testsuites><testsuite>{text}</testsuite></testsuites>")
    result = subprocess.run(
        [sys.executable, tree.ROOT / "tools" / "count_results.py", folder], capture_output=True, text=True, check=False
    )
    lines = result.stdout.splitlines()
    return lines[-1], lines[:-1], result.returncode


@pytest.mark.parametrize(
    ("files", "line", "code"),
    [
        ({}, "3 passed, 0 failed", 0),
        ({"base": PASSED + SKIPPED}, "3 passed, 0 failed, 1 skipped", 0),
        ({"base": PASSED + LEFT_OUT}, "3 passed, 0 failed", 0),
        ({"base": PASSED + FAILED, "ctest": PROGRAM_FAILED}, "3 passed, 1 failed", 1),
        ({"base": PASSED, "ctest": PROGRAM_FAILED}, "3 passed, 1 failed", 1),
        ({"ctest": PROGRAM_FAILED}, "2 passed, 1 failed", 1),
        ({"end_to_end": PASSED + ERROR}, "3 passed, 1 failed", 1),
        ({"end_to_end": None}, "2 passed, 1 failed", 1),
        ({"house": "", "ctest": "", "end_to_end": ""}, "0 passed, 0 failed", 1),
    ],
)
def test_the_last_line(tmp_path, files, line, code):
    last, _, returned = count(tmp_path, **files)
    assert (last, returned) == (line, code)


def test_what_failed_is_named(tmp_path):
    _, before, _ = count(tmp_path, base=PASSED + FAILED, ctest=PROGRAM_FAILED)
    assert before == ["FAILED base: C.b"]


def test_a_broken_file_of_a_program_counts_as_its_failure(tmp_path):
    (tmp_path / "gtest").mkdir()
    (tmp_path / "gtest" / "base_tests.xml").write_text("<testsuites><testsui")
    for name, text in (("house", PASSED), ("ctest", PROGRAM_FAILED), ("end_to_end", PASSED)):
        (tmp_path / f"{name}.xml").write_text(f"<testsuites>{text}</testsuites>")
    result = subprocess.run(
        [sys.executable, tree.ROOT / "tools" / "count_results.py", tmp_path], capture_output=True, text=True, check=False
    )
    assert result.stdout.splitlines() == ["FAILED base", "2 passed, 1 failed"]
