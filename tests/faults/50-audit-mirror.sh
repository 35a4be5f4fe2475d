#!/bin/bash
# The mirror of the audit log on a disk of its own that is full, read-only or gone: nothing is issued, revoked or
# published without it, and when it is back everything goes on and the mirror has every entry.
. "$(dirname "$0")/../lib/own_mounts.sh"
. "$(dirname "$0")/../lib/script.sh"
. "$ROOT/tests/lib/authority.sh"
need openssl unshare mount python3

HOME_DIR=$W/home MIRROR=$W/mirror
mkdir "$MIRROR"
must mount -t tmpfs -o size=256k none "$MIRROR"
at_exit+=("umount '$MIRROR'")
setup_authority
printf '[audit]\nmirror = "%s/audit.jsonl"\n' "$MIRROR" >>"$HOME_DIR/vouch.toml"
ONE=("$VOUCH" --home "$HOME_DIR")
issued() { "${ONE[@]}" db show --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["counts"]["requests"])'; }
entries() { "${ONE[@]}" audit export | wc -l; }

new_csr "$W/first.csr" first.example.test
check "with the mirror: issues" issue_to "$W/first.csr" "$W/first.pem"
same "the mirror has every entry" "$(wc -l <"$MIRROR/audit.jsonl")" "$(entries)"
count=$(issued) log=$(entries)

refuses_everything() { # NAME PATTERN
  new_csr "$W/second.csr" second.example.test
  expect "$1: issuing fails and names the mirror" 1 "$2" issue_to "$W/second.csr" "$W/second.pem"
  [ ! -e "$W/second.pem" ] && ok "$1: no certificate" || no "$1: a certificate was written"
  expect "$1: revoking fails" 1 "$2" "${ONE[@]}" cert revoke "$(serial_of "$W/first.pem")" --reason superseded
  expect "$1: changing a template fails" 1 "$2" "${ONE[@]}" template withdraw WebServer
  same "$1: no request came of it" "$(issued)" "$count"
  same "$1: no entry either" "$(entries)" "$log"
}
# The last page of the mirror has room of its own; what fills it is a line that broke off.
dd if=/dev/zero of="$MIRROR/filler" bs=512 status=none 2>/dev/null
tr '\0' x </dev/zero | head -c 8192 | cat >>"$MIRROR/audit.jsonl" 2>/dev/null
refuses_everything "full" "mirror of the audit log.*|no space"
rm "$MIRROR/filler"
must mount -o remount,ro "$MIRROR"
refuses_everything "read-only" "mirror of the audit log.*|read-only"
must mount -o remount,rw "$MIRROR"
mv "$MIRROR/audit.jsonl" "$W/away.jsonl"
mkdir "$MIRROR/audit.jsonl"
refuses_everything "gone" "mirror of the audit log"
rmdir "$MIRROR/audit.jsonl"
mv "$W/away.jsonl" "$MIRROR/audit.jsonl"

check "back: issues" issue_to "$W/second.csr" "$W/second.pem"
check "back: revokes" "${ONE[@]}" cert revoke "$(serial_of "$W/first.pem")" --reason superseded
expect "back: log and mirror are the same" 0 "in order" "${ONE[@]}" audit verify

# The mirror gets full at every point under way: some pages are left, and it is written until nothing goes.
refused=0 done_=0
for pages in 0 1 2; do
  rm -f "$MIRROR/filler"
  dd if=/dev/zero of="$MIRROR/filler" bs=512 status=none 2>/dev/null
  truncate -s "-$((pages * 4096))" "$MIRROR/filler"
  for _ in $(seq 60); do
    new_csr "$W/r.csr" "r.example.test"
    issue_to "$W/r.csr" "$W/r.pem" >"$W/out" 2>&1
    status=$?
    if [ $status -eq 0 ]; then
      done_=$((done_ + 1))
    elif [ $status -eq 1 ] && grep -q "mirror of the audit log" "$W/out"; then
      refused=$((refused + 1))
      break
    else
      no "$pages pages left: issuing ends with $status" "$W/out"
      break
    fi
  done
  expect "$pages pages left: log and mirror are the same" 0 "in order" "${ONE[@]}" audit verify
done
[ $refused -eq 3 ] && [ $done_ -gt 5 ] && ok "of both kinds: $refused refused, $done_ done" || no "not both kinds: $refused refused, $done_ done"
rm -f "$MIRROR/filler"
check "at the end: issues" issue_to "$W/r.csr" "$W/r.pem"
expect "at the end: log and mirror are the same" 0 "in order" "${ONE[@]}" audit verify
summary
