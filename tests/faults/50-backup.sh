#!/bin/bash
# Backups on a full disk and killed in the middle: no half archive under the name, the old one stays, the CA goes on.
. "$(dirname "$0")/../lib/own_mounts.sh"
. "$(dirname "$0")/../lib/script.sh"
. "$ROOT/tests/lib/authority.sh"
need openssl unshare mount

DISK=$W/disk HOME_DIR=$W/home
mkdir "$DISK" "$W/received"
must mount -t tmpfs -o size=2m none "$DISK"
at_exit+=("umount '$DISK'")
setup_authority
for n in 1 2 3; do
  new_csr "$W/$n.csr" "n$n.example.test"
  must issue_to "$W/$n.csr" "$W/received/$n.pem"
done
vouch_() { "$VOUCH" --home "$HOME_DIR" "$@"; }
# killed_at SECONDS ARGUMENT...: the program itself, in the background (a function there would be a shell around it,
# and the shell alone would be killed). Fails when it had ended before.
killed_at() {
  local after=$1 pid
  shift
  "$VOUCH" --home "$HOME_DIR" "$@" >"$W/out" 2>&1 &
  pid=$!
  sleep "$after"
  kill -9 $pid 2>/dev/null
  wait $pid 2>/dev/null
  [ $? -eq 137 ]
}

check "with space: a backup" vouch_ backup "$DISK/backup.tar"
cp "$DISK/backup.tar" "$W/good.tar"
refused=0
for kilobytes in $(seq 0 16 640); do
  rm -f "$DISK/filler"
  free=$(($(df --output=avail -k "$DISK" | tail -1) - kilobytes))
  if [ $free -gt 0 ]; then dd if=/dev/zero of="$DISK/filler" bs=1024 count=$free status=none 2>/dev/null; fi
  vouch_ backup "$DISK/backup.tar" >"$W/out" 2>&1
  status=$?
  if [ $status -eq 1 ] && grep -qiE 'no space|disk.*full|full' "$W/out"; then
    refused=$((refused + 1))
    cmp -s "$DISK/backup.tar" "$W/good.tar" || no "$kilobytes kB: refused, and the old backup is not what it was"
  elif [ $status -ne 0 ]; then
    no "$kilobytes kB: ends with status $status" "$W/out"
  else
    cp "$DISK/backup.tar" "$W/good.tar"
  fi
  [ "$(find "$DISK" -name 'backup.tar.*' | wc -l)" -eq 0 ] || no "$kilobytes kB: something is left beside the backup"
done
[ $refused -gt 3 ] && ok "a full disk was met $refused times" || no "a full disk was met only $refused times"
check "what is there is whole" vouch_ backup "$DISK/backup.tar" --show
rm -f "$DISK/filler"

# At a random moment of as long as it takes here.
seconds_of() {
  local begin
  begin=$(date +%s%N)
  "$@" >"$W/out" 2>&1
  awk -v ns=$(($(date +%s%N) - begin)) 'BEGIN { print ns / 1e9 }'
}
a_moment_of() { awk -v seed="$RANDOM" -v most="$1" 'BEGIN { srand(seed); print rand() * most }'; }
takes=$(seconds_of vouch_ backup "$W/killed.tar")
rm -f "$W/killed.tar"
killed=0 # how long one takes depends on what the machine does besides: as often as it needs to meet three
for ((tries = 0; tries < 60 && (tries < 15 || killed < 3); tries++)); do
  killed_at "$(a_moment_of "$takes")" backup "$W/killed.tar" && killed=$((killed + 1))
  [ ! -e "$W/killed.tar" ] || vouch_ backup "$W/killed.tar" --show >"$W/out" 2>&1 || no "a killed backup left half an archive" "$W/out"
  rm -f "$W/killed.tar"
done
[ $killed -ge 3 ] && ok "$killed of $tries backups were killed under way" || no "only $killed of $tries backups were killed"
check "after that: a backup" vouch_ backup "$W/killed.tar"
same "and it took away what the killed ones left" "$(find "$W" -maxdepth 1 -name 'killed.tar.*' | wc -l)" 0
check "it is whole" vouch_ backup "$W/killed.tar" --show

# Restores that are killed: the home has one whole state at every moment.
takes=$(seconds_of vouch_ restore "$W/killed.tar" --replace)
killed=0
for ((tries = 0; tries < 60 && (tries < 10 || killed < 2); tries++)); do
  killed_at "$(a_moment_of "$takes")" restore "$W/killed.tar" --replace && killed=$((killed + 1))
  vouch_ cert list >"$W/out" 2>&1 || no "a killed restore left no whole home" "$W/out"
  [ "$(serials_in_database | wc -l)" -eq 3 ] || no "a killed restore left other certificates"
done
[ $killed -ge 2 ] && ok "$killed of $tries restores were killed under way" || no "only $killed of $tries restores were killed"
new_csr "$W/last.csr" last.example.test
check "at the end: issues" issue_to "$W/last.csr" "$W/received/last.pem"
check "at the end: the database is sound" vouch_ db check --full
received_are_kept "every certificate that was received is in the database"
summary
