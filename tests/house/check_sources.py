#!/usr/bin/env python3
"""Holds what the house rules say about single files.

- No file of code over 600 lines and no function over 80, unless a comment beginning `Long because` gives the reason
  (at the top of the file; right above the function).
- Every header opens with a comment that states its purpose.
- No path of somebody's machine and no host name of a package registry in any tracked file.
- Every C++ file is as clang-format writes it.
"""

import os
import re
import shutil
import subprocess
import sys

import tree

FILE_LINES = 600
FUNCTION_LINES = 80
CODE = (".h", ".cpp", ".inc", ".py", ".js", ".css", ".sh", ".cmake")
REASON = "Long because"

# Written in pieces so that this file passes its own check.
FORBIDDEN = [
    (re.compile(r"(?<![\w.}])/(?:" + "work|root|tmp|home/[a-z]+" + r")/"), "a path of one machine"),
    (
        re.compile("|".join(re.escape(".".join(name)) for name in [
            ("pypi", "org"), ("pythonhosted", "org"), ("deb", "debian", "org"), ("pkg", "dev"), ("jfrog", "io"),
        ])),
        "the host name of a package registry",
    ),
]  # fmt: skip


def long_functions(text):
    """(line number, length) of functions over the limit: clang-format puts their first and last line in column 0."""
    lines = text.split("\n")
    start = None
    for number, line in enumerate(lines):
        if line == "}" and start is not None:
            length = number - start + 1
            if length > FUNCTION_LINES and REASON not in "\n".join(lines[max(0, start - 4):start + 2]):
                yield start + 1, length
            start = None
        elif line.startswith("namespace ") or line in ("", "};") or line.startswith(("}", "//", "#")):
            start = None
        elif start is None and not line[0].isspace():
            start = number
        elif start is not None and line.endswith(";") and not line[0].isspace():
            start = None


def check_text(path, text):
    lines = text.count("\n") + (not text.endswith("\n"))
    if path.suffix in CODE and lines > FILE_LINES and REASON not in "\n".join(text.split("\n")[:15]):
        yield f"{path}: {lines} lines, {FILE_LINES} are allowed without a `{REASON}` comment at the top"
    if path.suffix in (".h", ".cpp"):
        for number, length in long_functions(text):
            yield (f"{path}:{number}: a function of {length} lines, {FUNCTION_LINES} are allowed without a "
                   f"`{REASON}` comment above it")
    if path.suffix == ".h" and path.parts[0] in ("src", "include", "tests") and not text.startswith("// "):
        yield f"{path}:1: a header opens with a comment that states its purpose"
    for pattern, what in FORBIDDEN:
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield f"{path}:{line}: {what}: {match[0]}"


def check_format(root, paths):
    """Complaints of clang-format, if it is installed."""
    program = shutil.which("clang-format")
    if not paths or program is None:
        return []
    command = ["xargs", "-0", "-n", "20", "-P", str(os.cpu_count()), program, "--dry-run", "--Werror",
               "--ferror-limit=1"]
    names = "\0".join(str(path) for path in paths)
    result = subprocess.run(command, input=names, cwd=root, capture_output=True, text=True, check=False)
    found = [f"{line.split(': error:')[0]}: not as clang-format writes it"
             for line in result.stderr.split("\n") if ": error:" in line]
    if result.returncode != 0 and not found:
        found.append(f"clang-format failed: {result.stderr.strip()}")
    return found


def violations(root):
    found = []
    for path in tree.files(root):
        data = (root / path).read_bytes()
        if b"\0" in data[:8192]:
            continue
        found.extend(check_text(path, data.decode("utf-8", errors="replace")))
    return found + check_format(root, tree.files(root, ".h", ".cpp", under=("src", "include", "tests", "bench")))


if __name__ == "__main__":
    sys.exit(tree.main(violations))
