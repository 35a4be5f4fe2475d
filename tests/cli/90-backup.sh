#!/bin/bash
# Yesterday's backup, and a plain copy of an old vouch.db: the CA refuses to go backwards until the gap is accepted or
# replayed; no serial number and no CRL number twice; what was revoked stays revoked, as openssl reads the CRL.
. "$(dirname "$0")/lib.sh"
need openssl python3 tar sha256sum
must vouch ca init --name Root --kind root --automatic-issuance
must vouch template publish WebServer
CRL=$VOUCH_HOME/published/Root.crl
issue() { request "$1" "/CN=$1.example.com" "DNS:$1.example.com" && vouch request submit "$W/$1.csr" --template WebServer --out "$W/$1.pem"; }
serial() { openssl x509 -in "$W/$1.pem" -noout -serial | cut -d= -f2; }
number() { printf '%d' "$(openssl crl -in "$CRL" -noout -crlnumber | cut -d= -f2)"; }
on_crl() { openssl crl -in "$CRL" -noout -text | grep -q "Serial Number: $(serial "$1")"; }

publish() { vouch crl publish >"$W/publish" 2>&1; }

# Monday: two certificates, one CRL, a backup and a copy of the file. Tuesday: more of everything.
for n in a b; do must issue $n; done
must publish
must vouch backup "$W/monday.tar"
cp "$VOUCH_HOME/vouch.db" "$W/monday.db"
[ -e "$VOUCH_HOME/vouch.db-wal" ] && cp "$VOUCH_HOME/vouch.db-wal" "$W/monday.db-wal"
for n in c d; do must issue $n; done
must vouch cert revoke "$(serial a)" --reason keyCompromise
must vouch cert revoke "$(serial c)" --reason superseded
must vouch cert revoke "$(serial d)" --reason certificateHold
must vouch cert release "$(serial d)"
must publish
tuesday=$(number)
same "Tuesday's CRL has the two" "$(openssl crl -in "$CRL" -noout -text | grep -c 'Serial Number')" 2
must vouch backup "$W/tuesday.tar"
must vouch cert revoke "$(serial b)" --reason cessationOfOperation
must publish
last=$(number)
cp -a "$VOUCH_HOME" "$W/as-it-was"

refuses() {
  expect "$1: issuing is refused, and says what is missing" 1 "the world has seen more of CA" vouch request submit "$W/a.csr" --template WebServer
  expect "$1: revoking is refused" 1 "conflict" vouch cert revoke "$(serial b)" --reason superseded
  before=$(sha256sum "$CRL")
  expect "$1: publishing is refused" 1 "db replay" vouch crl publish
  same "$1: the published CRL is untouched" "$(sha256sum "$CRL")" "$before"
  check "$1: looking works" vouch cert list
  check "$1: a request can be shown" vouch request show 1
  expect "$1: db check names it" 4 "seen more" vouch db check
}
# After the gap is closed, whichever way.
sound() {
  check "$1: publishing works" publish
  [ "$(number)" -gt "$last" ] && ok "$1: the CRL number is above all that were seen ($(number))" || no "$1: CRL number $(number) after $last"
  for n in a b c; do on_crl $n && ok "$1: $n is on the CRL" || no "$1: $n is not on the CRL"; done
  check "$1: openssl verifies the CRL" openssl crl -in "$CRL" -noout -CAfile "$W/root.pem"
  check "$1: issuing works" issue "new-$2"
  vouch cert list --json >"$W/list.json"
  same "$1: no serial twice" "$(json "$W/list.json" "['certificates'] and [c['serial'] for c in d['certificates']]" | sort | uniq -d | wc -l)" 0
  for n in a b c d; do
    grep -qi "$(serial $n)" "$W/list.json" && ok "$1: $n is known" || no "$1: $n is not known"
  done
  check "$1: db check" vouch db check --full
  check "$1: the audit log fits its own heads" vouch audit verify
}
start_again() { rm -rf "$VOUCH_HOME" && cp -a "$W/as-it-was" "$VOUCH_HOME"; }
vouch ca export --ca Root --out "$W/root.pem" >/dev/null

expect "a newer home is not replaced" 1 "newer than the backup" vouch restore "$W/monday.tar"
same "and nothing happened" "$(vouch cert list --revoked --json | grep -c '"serial"')" 3
expect "restore: says that there is a gap" 4 "until the gap is closed" vouch restore "$W/monday.tar" --replace
refuses "restored"
check "accept-gap" vouch db accept-gap
expect "accepted: the lost ones are listed" 0 "lost" vouch cert list
sound "accepted" 1
check "accepted: a lost one that turns up is imported" vouch cert import "$W/d.pem"
expect "imported: shown" 0 "d.example.com" vouch cert show "$(serial d)"
expect "accepted: a replay comes too late" 1 "do not share their past" vouch db replay "$W/as-it-was/vouch.db"

start_again
must_fail() { "$@" >"$W/must" 2>&1; return 0; }
must_fail vouch restore "$W/monday.tar" --replace
aside=$(echo "$VOUCH_HOME"/replaced-*)
expect "a backup that is not far enough brings over what it has" 4 "still lacks" vouch db replay "$W/tuesday.tar"
refuses "half replayed"
check "replay of the database that was put aside" vouch db replay "$aside/vouch.db"
sound "replayed" 2

start_again
rm -f "$VOUCH_HOME"/vouch.db*
cp "$W/monday.db" "$VOUCH_HOME/vouch.db"
[ -e "$W/monday.db-wal" ] && cp "$W/monday.db-wal" "$VOUCH_HOME/vouch.db-wal"
refuses "a plain copy"
check "a plain copy: accept-gap" vouch db accept-gap
sound "a plain copy" 3

# Without its fence, the published CRL still tells.
start_again
rm -rf "$VOUCH_HOME/fence" "$VOUCH_HOME"/vouch.db*
cp "$W/monday.db" "$VOUCH_HOME/vouch.db"
[ -e "$W/monday.db-wal" ] && cp "$W/monday.db-wal" "$VOUCH_HOME/vouch.db-wal"
expect "without a fence: the published CRL tells" 1 "CRL number $last" vouch crl publish
check "without a fence: accept-gap" vouch db accept-gap
check "without a fence: publishes" publish
[ "$(number)" -gt "$last" ] && ok "without a fence: the number rose" || no "without a fence: CRL number $(number) after $last"
for n in a b c; do on_crl $n && ok "without a fence: $n is on the CRL" || no "without a fence: $n is not on the CRL"; done

# The file itself.
start_again
echo "correct horse" >"$W/pass"
echo "wrong" >"$W/wrong"
check "a sealed backup" vouch backup "$W/sealed" --passphrase-file "$W/pass"
same "its mode" "$(stat -c %a "$W/sealed")" 600
same "no key in it is readable" "$(grep -c 'PRIVATE KEY' "$W/sealed")" 0
expect "show asks for the passphrase" 1 "passphrase" vouch backup "$W/sealed" --show </dev/null
expect "a wrong one is refused" 1 "denied" vouch backup "$W/sealed" --show --passphrase-file "$W/wrong"
expect "show lists what is in it" 0 "vouch.db" vouch backup "$W/sealed" --show --passphrase-file "$W/pass"
expect "an unsealed one says that keys are readable" 0 "private keys" vouch backup "$W/plain.tar"
mkdir "$W/x" && check "and tar reads it" tar -xf "$W/plain.tar" -C "$W/x"
(cd "$W/x" && sha256sum --quiet -c manifest.sha256) && ok "and the manifest's digest fits" || no "the manifest's digest does not fit"
python3 - "$W/plain.tar" "$W/damaged.tar" <<'PY'
import sys
octets = bytearray(open(sys.argv[1], "rb").read())
octets[len(octets) // 2] ^= 1
open(sys.argv[2], "wb").write(octets)
PY
before=$(sha256sum "$VOUCH_HOME/vouch.db")
expect "a damaged one is refused and named" 1 "damaged: (vouch.db|keys/)" vouch restore "$W/damaged.tar" --replace
same "and changed nothing" "$(sha256sum "$VOUCH_HOME/vouch.db")" "$before"
expect "what is no backup is refused" 1 "no backup" vouch restore "$W/a.pem"
expect "a sealed one is restored" 0 "as it was" vouch restore "$W/sealed" --passphrase-file "$W/pass" --replace
check "and issues" issue sealed

# Another host.
other=$W/other-home
mkdir "$other"
printf '[host]\ndns_name = "new.example.com"\n' >"$other/vouch.toml"
must vouch backup "$W/move.tar"
vouch --home "$other" restore "$W/move.tar" >"$W/out" 2>&1
same "restored on another host" $? 0
expect "the name that differs is reported" 0 "new.example.com" cat "$W/out"
expect "and that there is no fence" 0 "no fence" cat "$W/out"
request moved /CN=moved.example.com DNS:moved.example.com
check "it issues" vouch --home "$other" request submit "$W/moved.csr" --template WebServer --out "$W/moved.pem"
check "under the same CA" openssl verify -CAfile "$W/root.pem" "$W/moved.pem"
points() { openssl x509 -in "$W/$1.pem" -noout -ext crlDistributionPoints,authorityInfoAccess | grep URI; }
same "with the old URLs" "$(points moved)" "$(points a)"
check "it publishes in its own home" vouch --home "$other" crl publish
[ -s "$other/published/Root.crl" ] && ok "there is the CRL" || no "no CRL in $other"
expect "keys stayed" 0 "" vouch --home "$other" db check --full

# Moving and cleaning.
check "db move" vouch db move "$VOUCH_HOME/data"
expect "db show says where" 0 "data/vouch.db" vouch db show
check "and everything works there" issue after-move
expect "nothing is there to be purged" 0 "purge 0" vouch db purge --expired-before 2020-01-01 --dry-run
expect "the future is not purged" 2 "future" vouch db purge --expired-before 2999-01-01
expect "migrate has nothing to do" 0 "up to date" vouch db migrate
expect "and no other backend" 1 "SQLite only" vouch db migrate --to postgres
key=$(echo "$VOUCH_HOME"/keys/Root-*.key)
cp "$key" "$W/key.good"
python3 - "$key" <<'PY'
import sys
octets = bytearray(open(sys.argv[1], "rb").read())
octets[len(octets) // 2] ^= 2
open(sys.argv[1], "wb").write(octets)
PY
expect "a flipped bit in a key file is found" 4 "keys/|key " vouch db check
cp "$W/key.good" "$key"
must vouch crl publish
printf 'x' | dd of="$CRL" bs=1 seek=60 conv=notrunc status=none
expect "one in a CRL file is found" 4 "Root.crl" vouch db check
must vouch crl publish
python3 - "$VOUCH_HOME/data/vouch.db" <<'PY'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
request, tbs = db.execute("SELECT request, tbs FROM certificates ORDER BY request LIMIT 1").fetchone()
tbs = bytearray(tbs)
tbs[-3] ^= 1
db.execute("UPDATE certificates SET tbs = ? WHERE request = ?", (bytes(tbs), request))
db.commit()
PY
expect "one in a certificate's row is found" 4 "request 1.*signature|certificate .*request 1" vouch db check --full
summary
