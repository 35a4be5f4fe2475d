#!/bin/bash
# Does a bare Debian 12 have what it takes? By hand, as root, with network to a Debian mirror:
#   packaging/debootstrap-check.sh [--all] [--keep] [FOLDER]
# Makes a minimal Debian 12 (debootstrap, minbase) in FOLDER (default /var/tmp/vouch-bare), clones the last commit
# of this tree into it, and there runs ./quickstart and ./test (with --all: ./test --all as well), with their
# times. --keep leaves the folder for a look inside: chroot FOLDER.
set -euo pipefail
cd "$(dirname "$0")/.."
all='' keep='' bare=/var/tmp/vouch-bare
for argument in "$@"; do
  case $argument in
    --all) all=yes ;;
    --keep) keep=yes ;;
    -h | --help) sed -n '2,6s/^# //p' "$0"; exit 0 ;;
    -*) echo "error: unknown option '$argument'" >&2; exit 2 ;;
    *) bare=$argument ;;
  esac
done
[ "$(id -u)" -eq 0 ] || { echo "error: a chroot needs root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "error: apt-get install debootstrap" >&2; exit 1; }

# Mounts are seen by this script alone and are gone when it ends.
if [ -z "${IN_OWN_MOUNTS:-}" ]; then
  export IN_OWN_MOUNTS=1
  exec unshare -m --propagation private "$0" "$@"
fi

mirror=$(sed -nE 's/^URIs: *(http[^ ]*\/debian)\/?$/\1/p; s/^deb (\[[^]]*\] )?(http[^ ]*\/debian)\/? .*/\2/p' \
  /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -1 || true)
mirror=${mirror:-http://deb.debian.org/debian}

marker=etc/made-by-vouch-debootstrap-check
if [ -e "$bare" ]; then
  if [ ! -e "$bare/$marker" ]; then
    echo "error: $bare is there already and was not made by this script" >&2
    exit 1
  fi
  rm -rf --one-file-system "$bare"
fi
echo "-- a bare Debian 12 from $mirror in $bare"
debootstrap --variant=minbase bookworm "$bare" "$mirror" >"/tmp/debootstrap.$$.log" 2>&1 || {
  tail -5 "/tmp/debootstrap.$$.log" >&2
  exit 1
}
rm -f "/tmp/debootstrap.$$.log"
touch "$bare/$marker"
cp /etc/resolv.conf "$bare/etc/resolv.conf"
mount -t proc proc "$bare/proc"
mount --rbind /dev "$bare/dev"
mount -t tmpfs none "$bare/run"

git clone --quiet --no-hardlinks . "$bare/srv/vouch"
inside() {
  chroot "$bare" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 sh -c "cd /srv/vouch && $1"
}
results=() failed=0
timed() { # NAME COMMAND
  local begun status=0
  begun=$(date +%s)
  echo
  echo "== $1 in a bare Debian"
  inside "$2" || status=$?
  results+=("$(printf '%-16s status %d after %d s' "$1" "$status" $(($(date +%s) - begun)))")
  [ $status -eq 0 ] || failed=1
}
timed ./quickstart ./quickstart
# Each from nothing: ./test does not find what ./quickstart built.
inside 'rm -rf build'
timed ./test ./test
[ -z "$all" ] || timed "./test --all" "./test --all"

echo
printf '%s\n' "${results[@]}"
[ -n "$keep" ] || { umount -R "$bare/dev" "$bare/proc" "$bare/run"; rm -rf --one-file-system "$bare"; }
exit $failed
