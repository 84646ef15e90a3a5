# What ./run and ./test share: install missing packages, configure, build. Sourced, never run.
# shellcheck shell=bash disable=SC2034

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build/release
hearth=$build/hearth

say() { printf '==> %s\n' "$*" >&2; }
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# packages_of SECTION...: the names in these sections of packages.txt.
packages_of() {
  awk -v sections=" $* " '
    /^\[/ { wanted = index(sections, " " substr($1, 2, length($1) - 2) " "); next }
    wanted && NF && !/^#/ { print $1 }' "$root/packages.txt"
}

# install_packages SECTION...: the missing ones, by apt, with sudo where the user is not root.
install_packages() {
  command -v dpkg-query >/dev/null || fail "this is no Debian system; the packages needed are in $root/packages.txt"
  local wanted installed missing as_root=()
  wanted=$(packages_of "$@" | sort -u)
  # dpkg-query fails when it does not know one of the names, and still prints the others.
  # shellcheck disable=SC2086
  installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' $wanted 2>/dev/null | awk '$1 == "ii" { print $2 }' | sort -u) || true
  missing=$(comm -23 <(echo "$wanted") <(echo "$installed") | tr '\n' ' ')
  [ -n "${missing// /}" ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "these Debian packages are missing, and neither root nor sudo is at hand: $missing"
    as_root=(sudo)
    say "These Debian packages are missing and will now be installed with sudo (apt-get): $missing"
  else
    say "Installing missing Debian packages: $missing"
  fi
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600)
  "${apt[@]}" update </dev/null >&2 || fail "apt-get update failed"
  # shellcheck disable=SC2086
  "${apt[@]}" install --no-install-recommends $missing </dev/null >&2 || fail "apt-get could not install: $missing"
}

# unpack_packages SECTION: their programs and files in build/unpacked, for packages whose services must not start.
unpack_packages() {
  local package folder=$root/build/unpacked
  for package in $(packages_of "$1"); do
    [ ! -e "$folder/.$package" ] || continue
    say "Unpacking the Debian package $package into build/unpacked"
    mkdir -p "$folder/download"
    (cd "$folder/download" && rm -f ./*.deb && apt-get -q download "$package" && dpkg-deb -x ./*.deb ..) </dev/null >&2 ||
      fail "the package $package could not be fetched; apt-get update may help"
    touch "$folder/.$package"
  done
}

# build_targets ON|OFF [TARGET...]: configures where that is not done yet (ON: with the tests) and builds, telling
# what the compiler said only where it failed or where somebody watches.
build_targets() {
  local tests=$1
  shift
  local log=$build/last-build.log targets=()
  mkdir -p "$build"
  if [ ! -f "$build/build.ninja" ] || { [ "$tests" = ON ] && ! grep -q '^HEARTH_TESTS:BOOL=ON' "$build/CMakeCache.txt"; }; then
    say "Configuring (cmake --preset release)"
    (cd "$root" && cmake --preset release -DHEARTH_TESTS="$tests") >"$log" 2>&1 </dev/null || { cat "$log" >&2; fail "cmake failed"; }
  fi
  [ $# -eq 0 ] || targets=(--target "$@")
  say "Building into build/release (minutes the first time, seconds after)"
  if [ -t 2 ]; then
    cmake --build "$build" "${targets[@]}" >&2 </dev/null || fail "the build failed"
  else
    cmake --build "$build" "${targets[@]}" >"$log" 2>&1 </dev/null || { tail -n 100 "$log" >&2; fail "the build failed; all of it is in $log"; }
  fi
}
