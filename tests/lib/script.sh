# For the test scripts: counts what passed, and ends with "N passed, N failed". Source it first:
#   . "$(dirname "$0")/../lib/script.sh"
# A script gets a scratch folder $W, removed at the end unless KEEP is set, and the program as $VOUCH.
set -u
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
VOUCH=${VOUCH:-$ROOT/build/release/bin/vouch}
W=$(mktemp -d "${TMPDIR:-/tmp}/vouch-test.XXXXXX")
PASS=0 FAIL=0
trap 'cleanup' EXIT
at_exit=()
cleanup() {
  local action
  # What the shell says of the processes it kills here must not come behind the summary, which is the last line.
  [ -n "${KEEP:-}" ] && echo "kept: $W" >&2
  exec 2>/dev/null
  for action in "${at_exit[@]:-}"; do [ -n "$action" ] && eval "$action"; done
  [ -n "${KEEP:-}" ] || rm -rf "$W"
}

vouch() { "$VOUCH" "$@"; }
# end VARIABLE...: ends the processes whose ids these variables hold, and waits for them; the status is that of the last.
# The variables are emptied, for the kernel gives the ids to others: who ends one twice may end somebody else's process.
end() {
  local name status=0
  for name in "$@"; do
    [ -n "${!name:-}" ] || continue
    kill "${!name}" 2>/dev/null && wait "${!name}" 2>/dev/null
    status=$?
    printf -v "$name" ''
  done
  return $status
}

ok() {
  PASS=$((PASS + 1))
  echo "ok   - $1"
}
# no NAME [FILE]: a failure, with the end of a log.
no() {
  FAIL=$((FAIL + 1))
  echo "FAIL - $1"
  [ -n "${2:-}" ] && tail -15 "$2" | sed 's/^/  /'
  return 0
}
# check NAME COMMAND...: succeeds with status 0. Its output is in $W/last.
check() {
  local name=$1 status
  shift
  "$@" >"$W/last" 2>&1
  status=$?
  if [ $status -eq 0 ]; then ok "$name"; else no "$name (status $status)" "$W/last"; fi
}
# expect NAME STATUS PATTERN COMMAND...: ends with this status and says what the pattern (extended, without
# regard to case) asks for. STATUS may be "fail" for any from 1 to 127: never a signal.
expect() {
  local name=$1 want=$2 pattern=$3 status right=no
  shift 3
  "$@" >"$W/last" 2>&1
  status=$?
  if [ "$want" = fail ]; then
    [ $status -ge 1 ] && [ $status -le 127 ] && right=yes
  else
    [ $status -eq "$want" ] && right=yes
  fi
  if [ $right != yes ]; then
    no "$name (status $status, not $want)" "$W/last"
  elif ! grep -qiE -- "$pattern" "$W/last"; then
    no "$name (nothing said about '$pattern')" "$W/last"
  else
    ok "$name"
  fi
}
# same NAME A B
same() { if [ "$2" = "$3" ]; then ok "$1"; else no "$1: '$2' is not '$3'"; fi; }
# written NAME FILE PATTERN: another process writes it there, within a moment.
written() {
  local i
  for i in $(seq 30); do grep -qaE -- "$3" "$2" && { ok "$1"; return; }; sleep 0.1; done
  no "$1" "$2"
}
# A command that has to work for anything further to mean something.
must() {
  "$@" >"$W/must" 2>&1 && return 0
  no "cannot go on: $* (status $?)" "$W/must"
  summary
  exit 1
}
need() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null && continue
    no "there is no program '$program' here (packaging/packages.sh lists the packages)"
    summary
    exit 1
  done
}
summary() {
  echo "$PASS passed, $FAIL failed"
  [ $FAIL -eq 0 ]
}
