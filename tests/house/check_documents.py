#!/usr/bin/env python3
"""Holds the documents to the program and the tree: what README, CONTRIBUTING, docs/ and deploy/ name must exist.

- `hearth VERB` and `./run VERB` in code: the program's own --help knows the verb.
- `--option` in code: on a line that calls a verb, that verb's --help knows it; standing alone, some verb does, or
  ./test.
- Paths in code and links: relative to the root, src, include or the document itself they exist; `<name>` and `*`
  stand for anything, and must match something.

Code is what stands between back-quotes and in fenced blocks. The program is named by the variable HEARTH_PROGRAM, or
is build/release/hearth.
"""

import os
import pathlib
import re
import shlex
import subprocess
import sys

import tree

FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z0-9-]*)")
# A bare file name is taken for one of ours only with these endings; users' own models and texts have others.
OUR_ENDINGS = (".h", ".cpp", ".cmake", ".md", ".sh", ".py")


class Program:
    """The verbs and options that the program itself admits to."""

    def __init__(self, command, test_command=None):
        self.command = [str(part) for part in command]
        self.verbs = self._verbs(self._help([]))
        self.options = {verb: set(OPTION.findall(self._help([verb]))) for verb in self.verbs}
        self.options[""] = set(OPTION.findall(self._help([])))
        self.test_options = set()
        if test_command:
            self.test_options = set(OPTION.findall(self._help([], [str(part) for part in test_command])))

    def _help(self, arguments, command=None):
        words = (command or self.command) + arguments + ["--help"]
        result = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL)
        if result.returncode != 0:
            raise RuntimeError(f"{' '.join(words)} failed: {result.stderr}")
        return result.stdout

    @staticmethod
    def _verbs(text):
        """The first words of the indented lines below the heading `Subcommands:`."""
        verbs, inside = [], False
        for line in text.split("\n"):
            if re.match(r"^(subcommands|verbs|commands):", line, re.IGNORECASE):
                inside = True
            elif line and not line[0].isspace():
                inside = False
            elif inside and (match := re.match(r"^ {2,4}([a-z][a-z-]*)", line)):
                verbs.append(match[1])
        return verbs

    def any_option(self):
        return set().union(*self.options.values(), self.test_options)


def commands(line):
    """The simple commands of a shell line, as lists of words; no more than a rough reading is needed."""
    line = re.sub(r"^\s*\$ ", "", line)
    line = re.sub(r"(^|\s)#.*", "", line)
    for part in re.split(r"\|\||&&|[|;]", line):
        try:
            words = shlex.split(part)
        except ValueError:
            words = part.split()
        while words and (words[0] in ("sudo", "env", "exec") or re.match(r"^[A-Za-z_]+=", words[0])):
            words.pop(0)
        if words:
            yield words


def check_command(words, program):
    """Complaints about one command line; nothing where it is not ours."""
    name = words[0].rsplit("/", 1)[-1]
    if name == "test" and words[0].startswith("./"):
        for option in OPTION.findall(" ".join(words[1:])):
            if option not in program.test_options:
                yield f"./test has no option {option}"
        return
    if name != "hearth" and words[0] != "./run":
        return
    verb = ""
    if len(words) > 1 and re.match(r"^[a-z][a-z-]*$", words[1]):
        verb = words[1]
        if verb not in program.verbs:
            yield f"hearth has no verb {verb}"
            return
    allowed = program.options[verb] | {"--help"}
    for option in OPTION.findall(" ".join(words[1:])):
        if option not in allowed:
            yield f"hearth {verb} has no option {option}".replace("  ", " ")


def check_inline(code, program):
    """A span of code in running text: a command line, or an option alone."""
    if code.startswith("--"):
        for option in OPTION.findall(code):
            if option not in program.any_option() | {"--help"}:
                yield f"no verb has an option {option}"
    else:
        for words in commands(code):
            yield from check_command(words, program)


def names_a_file(word, root):
    """Whether a word of code is meant as a path in this repository."""
    if not re.match(r"^[\w./<>*-]+$", word) or word.startswith(("-", "/", "~")) or "..." in word:
        return False
    parts = word.removeprefix("./").split("/")
    if len(parts) == 1:
        return word.startswith("./") or (word.endswith(OUR_ENDINGS) and not word.startswith("."))
    if parts[0] == "build":
        return False
    return any((root / home / parts[0]).is_dir() for home in (".", "src", "include"))


def file_exists(word, root, folder):
    pattern = re.sub(r"<[^>]*>", "*", word.removeprefix("./")).rstrip("/")
    if pattern == "":
        return True
    homes = [root, root / "src", root / "include", folder]
    if "/" not in pattern and not word.startswith("./"):
        return any(path.match(pattern) for path in tree.files(root))
    return any(next(home.glob(pattern), None) is not None for home in homes)


def check_document(root, path, program):
    text = tree.read(root, path)
    folder = (root / path).parent

    def line_of(position):
        return text.count("\n", 0, position) + 1

    def check_files(code, line):
        for word in re.split(r"[\s,;:()\[\]{}\"'=|]+", code):
            if names_a_file(word, root) and not file_exists(word, root, folder):
                yield f"{path}:{line}: no file {word}"

    for match in FENCE.finditer(text):
        first = line_of(match.start(1))
        for offset, line in enumerate(re.sub(r"\\\n", "  ", match[1]).split("\n")):
            yield from (f"{path}:{first + offset}: {what}" for words in commands(line)
                        for what in check_command(words, program))
            yield from check_files(line, first + offset)
    prose = FENCE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    for match in INLINE.finditer(prose):
        line = line_of(match.start())
        yield from (f"{path}:{line}: {what}" for what in check_inline(match[1], program))
        yield from check_files(match[1], line)
    for match in LINK.finditer(prose):
        target = match[1].split("#")[0]
        if target and not re.match(r"^[a-z]+:", target) and not (folder / target).exists():
            yield f"{path}:{line_of(match.start())}: the link leads to no file: {target}"


def documents(root):
    return [path for path in tree.files(root, ".md") if len(path.parts) == 1 or path.parts[0] in ("docs", "deploy")]


def violations(root, program=None):
    if program is None:
        command = os.environ.get("HEARTH_PROGRAM", root / "build" / "release" / "hearth")
        program = Program([command], [root / "test"])
    found = []
    for path in documents(root):
        found.extend(check_document(root, pathlib.Path(path), program))
    return found


if __name__ == "__main__":
    sys.exit(tree.main(violations))
