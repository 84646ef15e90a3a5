"""check_documents passes the documents as they are, and notices what does not exist.

The folder after_build holds what needs the built program.
"""

import check_documents
import pytest

PROGRAM = """#!/bin/sh
case "$1" in
  serve) echo "Usage: hearth serve [OPTIONS]"; echo "  --port INT   the port" ;;
  show) echo "Usage: hearth show NAME"; echo "  --json   as JSON" ;;
  --help) printf 'Usage: hearth [OPTIONS] [SUBCOMMAND]\\n\\nOptions:\\n  -h,--help\\n  --version\\n\\n'
          printf 'Subcommands:\\n  serve    the server\\n  show     one model\\n' ;;
  *) exit 2 ;;
esac
"""
TEST_COMMAND = "#!/bin/sh\necho '  --all   everything'\n"


@pytest.fixture
def program(small_tree):
    paths = [small_tree.write("hearth.sh", PROGRAM), small_tree.write("test", TEST_COMMAND)]
    small_tree.write("run", "#!/bin/sh\n")
    for path in paths:
        path.chmod(0o755)
    return check_documents.Program([paths[0]], [paths[1]])


def complaints(small_tree, program, text):
    small_tree.write("README.md", text)
    return check_documents.violations(small_tree.root, program)


def test_the_program_is_read(program):
    assert program.verbs == ["serve", "show"]
    assert program.options["serve"] == {"--port"}
    assert program.test_options == {"--all"}


@pytest.mark.parametrize(
    "text",
    [
        "Say `hearth serve --port 80` or `hearth show NAME --json`, `--version`, `--port`.",
        "Run `./test --all`, then see `src/base/error.h`, `base/error.h`, `shape.h` and [it](src/tensor).",
        "```sh\n$ PORT=1 ./run serve \\\n  --port 80 | grep --color x\ncurl --silent http://127.0.0.1\n```",
        "A test is `tests/<layer>/*_test.cpp`; models such as `model.gguf` or `a/b.gguf` are yours.",
        "The fastest hearth burns wood. `hearth` alone prints help; `cmake --preset release` builds.",
    ],
)
def test_what_exists_passes(small_tree, program, text):
    assert complaints(small_tree, program, text) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Say `hearth teach`.", "README.md:1: hearth has no verb teach"),
        ("\n```\n$ ./run teach me\n```\n", "README.md:3: hearth has no verb teach"),
        ("`hearth show x --port 1`", "README.md:1: hearth show has no option --port"),
        ("```\nA=1 build/release/hearth serve --json\n```", "README.md:2: hearth serve has no option --json"),
        ("With `--fast` it is faster.", "README.md:1: no verb has an option --fast"),
        ("`./test --quick`", "README.md:1: ./test has no option --quick"),
        ("See `src/base/missing.h`.", "README.md:1: no file src/base/missing.h"),
        ("See `missing.h`.", "README.md:1: no file missing.h"),
        ("See `tests/<layer>/*_bench.cpp`.", "README.md:1: no file tests/<layer>/*_bench.cpp"),
        ("`./start` it", "README.md:1: no file ./start"),
        ("[gone](docs/gone.md)", "README.md:1: the link leads to no file: docs/gone.md"),
        ("```\ncat src/base/missing.h\n```", "README.md:2: no file src/base/missing.h"),
    ],
)
def test_what_does_not_exist_is_noticed(small_tree, program, text, complaint):
    assert complaints(small_tree, program, text) == [complaint]


def test_a_program_that_cannot_help_is_an_error(small_tree):
    broken = small_tree.write("hearth.sh", "#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(RuntimeError):
        check_documents.Program([broken])
