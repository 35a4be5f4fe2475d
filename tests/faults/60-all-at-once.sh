#!/bin/bash
# Everything at once: the CA's key on a PKCS #11 token, an audit log with a mirror, base and delta CRLs, and a backup
# after the other, while four threads issue and revoke. Killed at random moments; then with a full disk; then with a
# read-only one. After each: what anybody received is kept, no serial twice, the audit log is what it was, CRL numbers
# rise, base and delta CRL list every revocation, and the last backup is whole, opens, and has what was received before it.
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

# The load, and backups as long as it runs: the programs themselves and no shell around them, so that they are what is
# killed. The backups lie on the same disk.
start_all() {
  "$LOAD" run "$VOUCH_HOME" "Load CA" 4 "$1" "$W/received" 2>"$W/load.log" &
  load=$!
  start_backup
}
start_backup() {
  "$VOUCH" backup "$DISK/backup.tar" >"$W/backup.log" 2>&1 &
  backup=$!
}
# Until the load ends by itself.
wait_for_load() {
  while kill -0 $load 2>/dev/null; do
    wait $backup || backups_refused=$((backups_refused + 1))
    start_backup
  done
  wait $backup 2>/dev/null
  wait $load
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
  [ ! -e "$DISK/backup.tar" ] || "$VOUCH" backup "$DISK/backup.tar" --show >"$W/verify" 2>&1 || no "$1: half a backup" "$W/verify"
}

killed=0 backups_killed=0 backups_done=0
for round in $(seq "$ROUNDS"); do
  start_all "$COUNT"
  until=$(($(date +%s%N) / 1000000 + 100 + (RANDOM * RANDOM) % 1200))
  while [ $(($(date +%s%N) / 1000000)) -lt $until ]; do
    if ! kill -0 $backup 2>/dev/null; then
      wait $backup && backups_done=$((backups_done + 1))
      start_backup
    fi
    sleep 0.01
  done
  kill -9 $load $backup 2>/dev/null
  wait $load 2>/dev/null
  [ $? -eq 137 ] && killed=$((killed + 1))
  wait $backup 2>/dev/null
  [ $? -eq 137 ] && backups_killed=$((backups_killed + 1))
  whole_again "round $round"
done
[ $killed -ge $((ROUNDS / 2)) ] && ok "$killed of $ROUNDS loads were killed under way" || no "only $killed of $ROUNDS loads were killed"
[ $backups_killed -ge 1 ] && [ $backups_done -ge 1 ] && ok "$backups_killed backups were killed under way, $backups_done were done" ||
  no "$backups_killed backups were killed, $backups_done were done"
received=$(wc -l <"$W/received")
[ "$received" -gt 300 ] && ok "$received answers were compared" || no "only $received answers were given"

# Not even a megabyte is left: the load has to end by itself, saying why.
must mount -o "remount,size=$(($(df --output=used -k "$DISK" | tail -1) + 900))k" "$DISK"
cp "$DISK/backup.tar" "$W/kept.tar" && rm "$DISK/backup.tar"
backups_refused=0
start_all 100000
wait_for_load
same "on a full disk the load ends with an error" $? 1
[ $backups_refused -ge 1 ] && ok "and $backups_refused backups did" || no "no backup was refused"
same "which leave nothing beside what there was" "$(find "$DISK" -maxdepth 1 -name 'backup.tar.*' | wc -l)" 0
grep -qiE 'full|no space' "$W/load.log" && ok "which says that the disk is full" || no "the error says nothing of a full disk" "$W/load.log"
must mount -o remount,size=256m "$DISK"
whole_again "with space again"

must mount -o remount,ro "$DISK"
start_all 1000
wait_for_load
same "on a read-only disk the load ends with an error" $? 1
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
cp "$W/received" "$W/received-before"
start_all 1500
wait $backup
same "a backup while it issues" $? 0
mv "$DISK/backup.tar" "$W/last.tar"
wait $load
check "it is restored elsewhere" "$VOUCH" --home "$W/restored" restore "$W/last.tar"
expect "its mirror knows more than it" 1 "set audit.mirror to a new file" "$VOUCH" --home "$W/restored" crl publish
must "$VOUCH" --home "$W/restored" config set audit.mirror "$W/mirror-of-restored.jsonl"
# What was being signed when the backup was made is finished now that the audit log can be written.
check "and has what was received before it" env VOUCH_HOME="$W/restored" "$LOAD" compare "$W/restored" "Load CA" "$W/received-before"
# Published CRLs are not in a backup.
check "its CA publishes" "$VOUCH" --home "$W/restored" crl publish
check "and it is sound" "$VOUCH" --home "$W/restored" db check --full
whole_again "at the end"
deltas=$("$VOUCH" crl list --json | grep -c '"delta": *true')
[ "$deltas" -gt $ROUNDS ] && ok "$deltas delta CRLs were made" || no "only $deltas delta CRLs were made"
summary
