#!/bin/bash
# Everything at once: the CA's key on a PKCS #11 token, an audit log with a mirror, base and delta CRLs, and a backup
# that runs, while four threads issue and revoke. Killed at random moments; then with a full disk; then with a
# read-only one. After each: what anybody received is kept, no serial twice, the audit log is what it was, CRL numbers
# rise, and the last backup is whole and opens.
#   60-all-at-once.sh [ROUNDS [CERTIFICATES]]
. "$(dirname "$0")/../lib/own_mounts.sh"
. "$(dirname "$0")/../lib/script.sh"
. "$ROOT/tests/lib/softhsm.sh"
ROUNDS=${1:-6} COUNT=${2:-3000}
LOAD=${ISSUE_LOAD:-$(dirname "$VOUCH")/issue_load}
need openssl mount unshare pkcs11-tool

DISK=$W/disk
mkdir "$DISK"
must mount -t tmpfs -o size=256m none "$DISK"
at_exit+=("umount '$DISK'")
softhsm_set_up "CA keys"
export VOUCH_HOME=$DISK/home
must "$VOUCH" ca init --name "Load CA" --kind root --mode standalone --automatic-issuance --key ec:P-256 \
  --pkcs11 "$TOKEN_URI&pin-source=file:$W/pin"
must "$VOUCH" template publish WebServer
must "$VOUCH" role grant manager load
must "$VOUCH" crl schedule --delta 1d
printf '[audit]\nmirror = "%s/mirror.jsonl"\n' "$W" >>"$VOUCH_HOME/vouch.toml"
must "$VOUCH" audit head --out "$W/kept.head"
: >"$W/received"
same "no key of the CA lies in the home" "$(find "$VOUCH_HOME/keys" -name 'Load*' | wc -l)" 0

# The load and the backup, each the program itself and no shell around it.
start_all() {
  "$LOAD" run "$VOUCH_HOME" "Load CA" 4 "$1" "$W/received" 2>"$W/load.log" &
  load=$!
  "$VOUCH" backup "$W/backup.tar" >"$W/backup.log" 2>&1 &
  backup=$!
}
last=0
whole_again() {
  local number
  if ! "$LOAD" verify "$VOUCH_HOME" "Load CA" "$W/received" >"$W/verify" 2>&1; then
    no "$1" "$W/verify"
    return
  fi
  number=$(sed -n 's/.*crl=//p' "$W/verify")
  if [ "$number" -gt "$last" ]; then ok "$1: $(cat "$W/verify")"; else no "$1: CRL number $number after $last"; fi
  last=$number
  "$VOUCH" audit verify --head "$W/kept.head" >"$W/verify" 2>&1 || no "$1: the audit log" "$W/verify"
  "$VOUCH" audit head --out "$W/kept.head" >"$W/verify" 2>&1 || no "$1: no head" "$W/verify"
  [ ! -e "$W/backup.tar" ] || "$VOUCH" backup "$W/backup.tar" --show >"$W/verify" 2>&1 || no "$1: half a backup" "$W/verify"
}

killed=0
for round in $(seq "$ROUNDS"); do
  start_all "$COUNT"
  sleep "$(awk -v seed="$RANDOM$round" 'BEGIN { srand(seed); print 0.1 + rand() * 1.2 }')"
  kill -9 $load $backup 2>/dev/null
  wait $load 2>/dev/null
  [ $? -eq 137 ] && killed=$((killed + 1))
  wait $backup 2>/dev/null
  whole_again "round $round"
done
[ $killed -ge $((ROUNDS / 2)) ] && ok "$killed of $ROUNDS loads were killed under way" || no "only $killed of $ROUNDS loads were killed"
received=$(wc -l <"$W/received")
[ "$received" -gt 300 ] && ok "$received answers were compared" || no "only $received answers were given"

# Not even a megabyte is left: the load has to end by itself, saying why.
must mount -o "remount,size=$(($(df --output=used -k "$DISK" | tail -1) + 900))k" "$DISK"
start_all 100000
wait $load; status=$?
wait $backup 2>/dev/null
same "on a full disk the load ends with an error" $status 1
grep -qiE 'full|no space' "$W/load.log" && ok "which says that the disk is full" || no "the error says nothing of a full disk" "$W/load.log"
must mount -o remount,size=256m "$DISK"
whole_again "with space again"

must mount -o remount,ro "$DISK"
start_all 1000
wait $load; status=$?
wait $backup 2>/dev/null
same "on a read-only disk the load ends with an error" $status 1
grep -qi 'read-only' "$W/load.log" && ok "which says that it is read-only" || no "the error says nothing of that" "$W/load.log"
must mount -o remount,rw "$DISK"
whole_again "writable again"

# The token away: nothing is lost, and it goes on when it is back.
pull_token
"$LOAD" run "$VOUCH_HOME" "Load CA" 4 20 "$W/received" >"$W/load.log" 2>&1
grep -q "is not there" "$W/load.log" && ok "without the token the load says so" || no "nothing is said of the token" "$W/load.log"
plug_token
whole_again "the token is back"

# The last backup, on another disk.
check "a backup while it issues" bash -c "'$LOAD' run '$VOUCH_HOME' 'Load CA' 4 1500 '$W/received' & '$VOUCH' backup '$W/last.tar'; wait"
check "it is restored elsewhere" "$VOUCH" --home "$W/restored" restore "$W/last.tar"
expect "its mirror knows more than it" 1 "set audit.mirror to a new file" "$VOUCH" --home "$W/restored" crl publish
must "$VOUCH" --home "$W/restored" config set audit.mirror "$W/mirror-of-restored.jsonl"
# Published CRLs are not in a backup.
check "its CA publishes" "$VOUCH" --home "$W/restored" crl publish
check "and it is sound" "$VOUCH" --home "$W/restored" db check --full
whole_again "at the end"
deltas=$("$VOUCH" crl list --json | grep -c '"delta": *true')
[ "$deltas" -gt $ROUNDS ] && ok "$deltas delta CRLs were made" || no "only $deltas delta CRLs were made"
summary
