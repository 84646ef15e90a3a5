"""Both commands of the README in a bare Debian 12: the long form, with ./test --all as root."""

import os
import re
import shutil
import subprocess

import pytest
import tree


@pytest.mark.skipif("HEARTH_TEST_ALL" not in os.environ, reason="a long form: ./test --all runs it")
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("debootstrap") is None, reason="needs root and debootstrap")
def test_both_commands_pass_in_a_bare_debian():
    result = subprocess.run(
        [tree.ROOT / "tests" / "house" / "bare_debian.sh"], stdout=subprocess.PIPE, text=True, check=False
    )
    assert result.returncode == 0
    assert re.fullmatch(r"\d+ passed, 0 failed(, \d+ skipped)?", result.stdout.splitlines()[-1])
