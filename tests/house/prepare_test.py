"""tools/prepare.sh installs what is missing and nothing else, and says so before it uses sudo."""

import os
import shutil
import subprocess

import pytest
import tree


@pytest.fixture
def machine(tmp_path):
    """A machine where only a few commands exist, and those that matter write down how they were called."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("bash", "awk", "sort", "comm", "tr", "dirname", "env", "cat"):
        (commands / name).symlink_to(shutil.which(name))

    def add(name, script):
        (commands / name).write_text(f"#!/bin/bash\n{script}\n")
        (commands / name).chmod(0o755)

    packages = subprocess.run(
        ["bash", "-c", f"source {tree.ROOT}/tools/prepare.sh; packages_of build"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip

    def install(user, installed, sudo=True, apt="exit 0"):
        log = tmp_path / "log"
        add("id", f"echo {user}")
        add("dpkg-query", "\n".join(f"echo 'ii  {name}'" for name in installed) + "\nexit 1")
        add("apt-get", f'echo "apt-get $*" >> {log}; {apt}')
        if sudo:
            add("sudo", f'echo "sudo $1" >> {log}; "$@"')
        result = subprocess.run(
            ["bash", "-c", f"source {tree.ROOT}/tools/prepare.sh; install_packages build"],
            env={**os.environ, "PATH": str(commands)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return result, log.read_text().splitlines() if log.exists() else []

    install.packages = packages
    return install


def test_the_list_is_read(machine):
    assert "cmake" in machine.packages
    assert "libgtest-dev" not in machine.packages


def test_nothing_missing_calls_nothing(machine):
    result, calls = machine(1000, machine.packages)
    assert (result.returncode, result.stderr, calls) == (0, "", [])


def test_what_is_missing_is_named_before_sudo(machine):
    result, calls = machine(1000, [name for name in machine.packages if name not in ("cmake", "g++")])
    assert result.returncode == 0
    assert "installed with sudo (apt-get): cmake g++" in result.stderr
    assert [call.split()[0] for call in calls] == ["sudo", "apt-get", "sudo", "apt-get"]
    assert calls[-1].endswith("install --no-install-recommends cmake g++")


def test_root_needs_no_sudo(machine):
    result, calls = machine(0, machine.packages[1:], sudo=False)
    assert result.returncode == 0
    assert [call.split()[0] for call in calls] == ["apt-get", "apt-get"]


def test_neither_root_nor_sudo_is_an_error_that_names_the_packages(machine):
    result, calls = machine(1000, machine.packages[1:], sudo=False)
    assert result.returncode == 1
    assert machine.packages[0] in result.stderr and "sudo" in result.stderr
    assert calls == []


def test_a_failing_apt_is_an_error(machine):
    result, _ = machine(0, machine.packages[1:], apt="exit 100")
    assert result.returncode == 1
    assert "apt-get update failed" in result.stderr


@pytest.fixture
def unpack(tmp_path):
    """unpack_packages in a tree of its own, with an apt-get that makes a package or fails."""
    commands = tmp_path / "bin"
    commands.mkdir()
    (tmp_path / "packages.txt").write_text("[build]\ncmake\n[unpacked]\nwatcher\n")
    log = tmp_path / "log"

    def run(apt="mkdir -p made/usr/bin; echo hello > made/usr/bin/watcher; tar -cf \"$3.deb\" -C made ."):
        for name, script in (("apt-get", f'echo "apt-get $*" >> {log}; {apt}'), ("dpkg-deb", 'tar -xf "$2" -C "$3"')):
            (commands / name).write_text(f"#!/bin/bash\n{script}\n")
            (commands / name).chmod(0o755)
        result = subprocess.run(
            ["bash", "-c", f"source {tree.ROOT}/tools/prepare.sh; root={tmp_path}; unpack_packages unpacked"],
            env={**os.environ, "PATH": f"{commands}:{os.environ['PATH']}"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return result, log.read_text().splitlines() if log.exists() else []

    return run


def test_what_is_only_unpacked_is_never_installed_and_fetched_once(unpack, tmp_path):
    result, calls = unpack()
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "build/unpacked/usr/bin/watcher").read_text() == "hello\n"
    assert calls == ["apt-get -q download watcher"]
    assert unpack()[1] == calls


def test_a_package_that_cannot_be_fetched_is_named_and_tried_again(unpack):
    result, _ = unpack(apt="exit 100")
    assert result.returncode == 1
    assert "watcher" in result.stderr
    assert unpack()[0].returncode == 0
