"""check_sources passes the tree as it is, and notices each thing that it is there for."""

import shutil

import check_sources
import pytest
import tree


def test_the_tree_keeps_the_rules():
    found = check_sources.violations(tree.ROOT)
    assert not found, "\n".join(found)


def test_a_clean_small_tree_passes(small_tree):
    small_tree.write(".clang-format", "BasedOnStyle: Google\n")
    assert check_sources.violations(small_tree.root) == []


def function(lines, above=""):
    return above + "int f(int a,\n      int b) {\n" + "  ++a;\n" * (lines - 3) + "}\n"


@pytest.mark.parametrize(
    ("path", "text", "complaint"),
    [
        ("src/base/long.cpp", "int a;\n" * 601, "601 lines, 600 are allowed"),
        ("tests/long.py", "a = 1\n" * 601, "601 lines, 600 are allowed"),
        ("src/base/f.cpp", "namespace n {\n" + function(81) + "}  // namespace n\n", "a function of 81 lines"),
        ("src/base/bare.h", "#pragma once\n", "opens with a comment"),
        ("docs/setup.md", "Look into /" + "tmp/notes.\n", "a path of one machine"),
        ("src/base/f.cpp", 'auto f = "/' + 'home/jane/x";\n', "a path of one machine"),
        ("README.md", "Comes from https://pypi" + ".org/simple.\n", "the host name of a package registry"),
    ],
)
def test_a_violation_is_noticed(small_tree, path, text, complaint):
    small_tree.write(path, text)
    found = check_sources.violations(small_tree.root)
    assert any(complaint in line and line.startswith(path) for line in found), found


@pytest.mark.parametrize(
    "text",
    [
        "// Long because the table is one thought.\n" + "int a;\n" * 600,
        function(81, "// Long because it is one switch.\n"),
        function(80),
        "enum class Kind {\n" + "  kA,\n" * 100 + "};\n",
        'auto path = "${ROOT}/' + 'tmp/x";\n',
    ],
)
def test_what_is_allowed_passes(tmp_path, text):
    assert list(check_sources.check_text(tree.pathlib.PurePath("src/base/a.cpp"), text)) == []


@pytest.mark.skipif(shutil.which("clang-format") is None, reason="clang-format is not installed")
def test_bad_format_is_noticed(small_tree):
    small_tree.write(".clang-format", "BasedOnStyle: Google\n")
    small_tree.write("src/base/ugly.cpp", "int   f( ){return 1 ;}\n")
    assert check_sources.violations(small_tree.root) == ["src/base/ugly.cpp:1:4: not as clang-format writes it"]
