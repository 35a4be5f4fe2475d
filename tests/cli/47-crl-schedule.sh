#!/bin/bash
# Publication by schedule, as a timer calls it; several places; one that fails.
. "$(dirname "$0")/lib.sh"
need openssl python3
set_up_cas
published=$VOUCH_HOME/published
number() { openssl crl -inform DER -in "$1" -noout -crlnumber | sed 's/.*0x0*//'; }
due() { vouch crl publish --if-due --all; }

expect "nothing is due: done, and says what is next" 0 "next: delta CRL of CA 'Issuing' at" due
same "nothing was published" "$(grep -c '^CRL\|^Delta' "$W/last")" 0
expect "in JSON as well" 0 '"what": "base"' vouch crl publish --if-due --all --json
check "shorter periods" vouch --ca Issuing crl schedule --period 2d --delta 1h --overlap auto
expect "are shown" 0 "every 2d, overlap auto" vouch --ca Issuing crl schedule
expect "an overlap longer than its period is refused" 2 "longer than the period" vouch --ca Issuing crl schedule --overlap 9d
expect "deltas rarer than bases are refused" 2 "less often than base CRLs" vouch --ca Issuing crl schedule --delta 1w
expect "no time of day" 2 "is no time of day" vouch --ca Issuing crl schedule --at 25:00
expect "times of day" 0 "02:00,22:30 UTC" vouch --ca Issuing crl schedule --at 02:00,22:30
must vouch --ca Issuing crl publish
python3 - "$published/Issuing.crl" >"$W/times" <<'P'
import sys
from subprocess import run
out = run(["openssl", "crl", "-inform", "DER", "-in", sys.argv[1], "-noout", "-nextupdate"], capture_output=True, text=True).stdout
print(out.split()[2][:5])
P
expect "it expires at such a time" 0 "^(02:00|22:30)$" cat "$W/times"
must vouch --ca Issuing crl schedule --at any

# A second place, which fails and comes back.
mkdir "$W/web"
must vouch --ca Issuing location add --cdp "65:$W/web/%3%8%9.crl"
expect "a new place gets what there is" 0 "is now in $W/web/Issuing.crl too" due
same "the same base" "$(sha256sum <"$W/web/Issuing.crl")" "$(sha256sum <"$published/Issuing.crl")"
same "the same delta" "$(sha256sum <"$W/web/Issuing+.crl")" "$(sha256sum <"$published/Issuing+.crl")"
mv "$W/web" "$W/unplugged"
before=$(number "$published/Issuing.crl")
expect "a place that fails is named" 1 "could not be written to $W/web/Issuing.crl" vouch --ca Issuing crl publish
same "the other has the new CRL" $((0x$(number "$published/Issuing.crl"))) $((0x$before + 2))
expect "its state is remembered" 0 "failed: .*web" vouch --ca Issuing crl list --targets
expect "the timer's call fails while it is gone" 1 "web" due
mv "$W/unplugged" "$W/web"
expect "and mends it when it is back" 0 "is now in $W/web/Issuing.crl too" due
same "with the same CRL" "$(sha256sum <"$W/web/Issuing.crl")" "$(sha256sum <"$published/Issuing.crl")"
expect "all is good" 0 "good" vouch --ca Issuing crl list --targets
same "and nothing else" "$(grep -c failed "$W/last")" 0

expect "deltas can be switched off" 0 "Delta CRL: +off" vouch --ca Issuing crl schedule --delta off
expect "then there are none" 1 "publishes no delta CRLs" vouch --ca Issuing crl publish --delta
must vouch --ca Issuing crl publish
same "and the base names none" "$(openssl crl -inform DER -in "$published/Issuing.crl" -noout -text | grep -ci freshest)" 0
expect "a root has none" 0 "Delta CRL: +off" vouch --ca Root crl schedule
expect "--if-due chooses by itself" 2 "leave out --delta" vouch crl publish --if-due --delta --all
summary
