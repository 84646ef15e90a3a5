"""The files of the repository, as the checks of this folder see them."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# The order of the layers: each may include itself and those before it.
LAYERS = [
    "base", "tensor", "kernels", "formats", "text", "constraint", "models", "engine", "store",
    "quantize", "documents", "train", "evaluate", "access", "server", "configuration", "cli",
]  # fmt: skip


def files(root, *suffixes, under=()):
    """Tracked files (all files outside build/ where there is no git), as sorted paths relative to root."""
    listing = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z"], capture_output=True, text=True, check=False
    )
    if listing.returncode == 0:
        found = [pathlib.PurePath(name) for name in listing.stdout.split("\0") if name]
        found = [path for path in found if (root / path).is_file()]
    else:
        found = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
        found = [path for path in found if path.parts[0] not in ("build", ".git", ".cache")]
    return sorted(
        path
        for path in found
        if (not suffixes or path.suffix in suffixes) and (not under or path.parts[0] in under)
    )


def read(root, path):
    return (root / path).read_text(encoding="utf-8", errors="replace")


def main(violations):
    """Prints what a check found and gives the exit code: a check is also a program."""
    found = violations(ROOT)
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0
