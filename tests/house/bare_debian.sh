#!/usr/bin/env bash
# Proves both README commands in a bare Debian 12: a root that holds nothing but git and this machine's settings for
# the package registries. Needs root and debootstrap; takes the time of a full build and test.
#
# Usage: bare_debian.sh [--user] [--only-run] [--keep DIRECTORY]
#   --user             both commands run as an ordinary user with sudo, not as root
#   --only-run         leaves out ./test
#   --keep DIRECTORY   works there and leaves it, so that the next call goes on with it
#
# The clone holds this repository's last commit. The last line is that of ./test.
# shellcheck disable=SC2317  # the trap calls clean_up
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

say() { printf '==> bare Debian: %s\n' "$*" >&2; }
fail() {
  say "$*"
  exit 1
}

user=root only_run='' keep=''
while [ $# -gt 0 ]; do
  case $1 in
    --user) user=hearth ;;
    --only-run) only_run=1 ;;
    --keep)
      keep=${2:?--keep needs a directory}
      shift
      ;;
    *)
      sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
      exit 2
      ;;
  esac
  shift
done
[ "$(id -u)" -eq 0 ] || fail "this needs root"
command -v debootstrap >/dev/null || fail "this needs the package debootstrap"
bare=${keep:-$(mktemp -d)}/bare-debian
mkdir -p "$(dirname "$bare")"

server='' job='' # the process groups that run inside the root
clean_up() {
  for group in $server $job; do kill -- "-$group" 2>/dev/null || true; done
  for point in dev/shm dev/pts dev sys proc; do
    ! mountpoint -q "$bare/$point" || umount -l "$bare/$point"
  done
  # Nothing is removed while something is still mounted inside.
  if [ -z "$keep" ] && ! grep -q " $bare/" /proc/mounts; then rm -rf --one-file-system "$bare"; fi
}
trap clean_up EXIT
trap 'say "line $LINENO failed"' ERR

# copy PATH...: from this machine to the same place in the root.
copy() {
  local path
  for path in "$@"; do
    [ -e "$path" ] || continue
    # Anew each time: what is there may be a link that leads out of the root.
    rm -rf "${bare:?}$path"
    mkdir -p "$bare$(dirname "$path")"
    cp -aL "$path" "$bare$path"
  done
}

make_root() {
  local mirror
  mirror=$(apt-get indextargets --format "\$(REPO_URI)" 'Codename: bookworm' 'Component: main' | head -n 1)
  [ -n "$mirror" ] || fail "this machine's apt knows no Debian 12 archive; run apt-get update first"
  say "debootstrap"
  debootstrap --variant=minbase --include=git bookworm "$bare" "$mirror" >"$bare.log" 2>&1 || { tail "$bare.log" >&2; fail "debootstrap failed"; }
}

# Sources, keys and options of apt, the configuration and folders of pip, and certificates: nothing else.
copy_settings() {
  local path name value
  rm -f "$bare/etc/apt/sources.list"
  grep -l bookworm /etc/apt/sources.list /etc/apt/sources.list.d/*debian* 2>/dev/null | while read -r path; do copy "$path"; done || true
  copy /etc/apt/apt.conf /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs /usr/local/share/ca-certificates
  # Options that call programs are left out: the bare root has not got those.
  for path in /etc/apt/apt.conf.d/*; do grep -q Invoke "$path" || copy "$path"; done
  for path in "$HOME/.config/pip/pip.conf" "$HOME/.pip/pip.conf"; do
    [ ! -e "$path" ] || install -D -m 644 "$path" "$bare$home/.config/pip/pip.conf"
  done
  settings=()
  while IFS='=' read -r name value; do
    settings+=("$name=$value")
    [[ $value != /* ]] || copy "$value"
  done < <(env | grep -E '^(PIP_[A-Z_]+|SSL_CERT_[A-Z]+|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|GIT_SSL_CAINFO|https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY)=')
}

mount_devices() {
  mountpoint -q "$bare/proc" || mount -t proc proc "$bare/proc"
  mountpoint -q "$bare/sys" || mount -t sysfs sysfs "$bare/sys"
  local point
  for point in dev dev/pts dev/shm; do mountpoint -q "$bare/$point" || mount --bind "/$point" "$bare/$point"; done
}

# start_inside COMMAND...: in the bare root, as the user, in the clone, in the background as the group `job`.
start_inside() {
  setsid chroot --userspec="$user:$user" "$bare" /usr/bin/env -i HOME="$home" USER="$user" LANG=C.UTF-8 CI=true \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${settings[@]}" \
    bash -c 'cd ~/hearth && exec "$@"' bash "$@" </dev/null &
  job=$!
}
inside() {
  start_inside "$@"
  local code=0
  wait "$job" || code=$?
  job=''
  return "$code"
}

home=/root
[ "$user" = root ] || home=/home/$user
[ -e "$bare/etc/debian_version" ] || make_root
if [ "$user" != root ] && [ ! -d "$bare$home" ]; then
  chroot "$bare" useradd --create-home --shell /bin/bash "$user"
  chroot "$bare" sh -c 'apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends sudo' >>"$bare.log" 2>&1
  echo "$user ALL=(ALL) NOPASSWD: ALL" >"$bare/etc/sudoers.d/$user"
fi
copy_settings
mount_devices
if [ -d "$bare$home/hearth" ]; then
  git -c safe.directory="*" -C "$bare$home/hearth" fetch -q "$repository" HEAD
  git -c safe.directory="*" -C "$bare$home/hearth" checkout -q --detach FETCH_HEAD
else
  git clone -q --no-local "$repository" "$bare$home/hearth"
fi
chroot "$bare" chown -R "$user:$user" "$home"

say "./run as $user, $(git -C "$repository" rev-parse --short HEAD)"
output=$bare.run.log
SECONDS=0
start_inside ./run >"$output" 2>&1
server=$job
address=''
while [ -z "$address" ]; do
  kill -0 "$server" 2>/dev/null || { tail -n 50 "$output" >&2; fail "./run ended before the server was up"; }
  sleep 1
  address=$(grep -oE 'http://(127\.0\.0\.1|localhost):[0-9]+' "$output" | tail -n 1 || true)
done
say "the server is up after $SECONDS s at $address"
inside python3 -c '
import json, sys, urllib.request
question = {"model": "smollm2:135m", "max_tokens": 24, "temperature": 0,
            "messages": [{"role": "user", "content": "Write one sentence about rivers."}]}
request = urllib.request.Request(sys.argv[1] + "/v1/chat/completions", json.dumps(question).encode(),
                                 {"Content-Type": "application/json"})
answer = json.load(urllib.request.urlopen(request, timeout=120))["choices"][0]["message"]["content"]
page = urllib.request.urlopen(sys.argv[1] + "/", timeout=10).read().decode()
assert len(answer.split()) > 3, answer
assert "<html" in page, page[:200]
print("==> bare Debian: the server says:", answer, file=sys.stderr)
' "$address" || fail "the server did not answer; its output is in $output"
kill -- "-$server"
wait "$server" || true
server=''

SECONDS=0
inside ./run --version >&2 || fail "the second ./run failed"
say "the second ./run took $SECONDS s"
[ -z "$only_run" ] || exit 0

say "./test"
SECONDS=0
code=0
inside ./test >"$bare.test.log" 2>&1 || code=$?
say "./test took $SECONDS s; its output is in $bare.test.log"
[ "$code" -eq 0 ] || tail -n 100 "$bare.test.log" >&2
tail -n 1 "$bare.test.log"
exit "$code"
