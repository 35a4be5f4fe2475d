#!/bin/bash
# Where CRLs and CA certificates are published and found: changed while the CA works, seen by openssl in what is
# issued afterwards, and counted in what was issued before.
. "$(dirname "$0")/lib.sh"
need openssl python3
set_up_cas
issue() {
  request "$1" "/CN=$1.example.com" "DNS:$1.example.com"
  must vouch --ca Issuing request submit "$W/$1.csr" --template WebServer --out "$W/$1.pem"
}
text() { openssl x509 -in "$W/$1.pem" -noout -text; }
uris() { text "$1" | grep -o 'URI:.*' | tr '\n' ' '; }
live() { # URL: how many live certificates carry it
  vouch --ca Issuing location list --usage --json >"$W/usage.json"
  json "$W/usage.json" "['usage'] and sum(u['live_certificates'] for u in d['usage'] if u['url'] == '$1')"
}

issue old1
issue old2
old=$(text old1 | grep -o 'http://.*Issuing.crl')
expect "the lists are shown, with flags by name" 0 "PublishToServer, PublishDeltaToServer" vouch --ca Issuing location list
check "a location is added" vouch --ca Issuing location add --cdp AddToCertificateCdp:http://second.example/%3%8%9.crl
issue both
same "both URLs, in their order" "$(text both | grep -o 'http://[a-z0-9.-]*/[^ ]*crl' | sed 's#http://\([a-z0-9]*\)\..*#\1#' | tail -1)" second
check "it is moved to the front" vouch --ca Issuing location move --cdp http://second.example/%3%8%9.crl --to 1
issue moved
expect "the second is the first now" 0 "second" bash -c "openssl x509 -in '$W/moved.pem' -noout -text | grep -o 'http://.*crl' | head -1"
check "the whole list is replaced" vouch --ca Issuing location set --cdp "65:$VOUCH_HOME/published/<CaName><CRLNameSuffix><DeltaCRLAllowed>.crl" \
  "6:http://new.example/<CaName><CRLNameSuffix><DeltaCRLAllowed>.crl"
check "OCSP is added" vouch --ca Issuing location add --aia AddToCertificateOcsp:http://ocsp.example/
issue new
expect "the new certificate carries the new URL" 0 "URI:http://new.example/Issuing.crl" text new
same "and no other CRL" "$(uris new | grep -c "second")" 0
expect "and OCSP" 0 "OCSP - URI:http://ocsp.example/" text new
same "the old ones are what they were" "$(uris old1 | grep -c "second\|new.example")" 0
same "four certificates still carry the first URL" "$(live "$old")" 4
same "two the second" "$(live http://second.example/Issuing.crl)" 2
same "one the new" "$(live http://new.example/Issuing.crl)" 1
expect "which the table says too" 0 "second.example/Issuing.crl +2 +do not carry it" vouch --ca Issuing location list --usage
must vouch --ca Issuing crl publish
expect "the base says where the delta is" 0 "URI:http://new.example/Issuing\+.crl" openssl crl -inform DER -in "$VOUCH_HOME/published/Issuing.crl" -noout -text

add() { vouch --ca Issuing location add "$@"; }
expect "a flag of the other list" 2 "flag 32 is none of CDP locations" add --cdp 32:http://x/
expect "a path that no client can read" 2 "no client can read it" add --cdp 2:/srv/x.crl
expect "a CA certificate is not put on a web server" 1 "written to files only" add --aia 1:http://x/%3.crt
expect "a password in a URL" 2 "does not belong into a location" add --cdp 1:http://me:secret@x/%3.crl
expect "base and delta in one file" 2 "put %9" add --cdp 65:/srv/x.crl
expect "an unknown variable" 1 "unknown variable %0" add --cdp 2:http://x/%0
expect "no directory" 1 "needs a directory" add --cdp "2:ldap:///CN=%7,%6%10"
expect "no location" 1 "is not a location" add --cdp Nonsense:http://x/
expect "twice" 1 "is in the list already" add --aia 32:http://ocsp.example/
expect "which list?" 2 "which list is it" add 2:http://x/
expect "no such place" 1 "there is no location 9" vouch --ca Issuing location remove --cdp 9
check "removed by number" vouch --ca Issuing location remove --aia 3
check "emptied" vouch --ca Issuing location clear --cdp
request refused /CN=r.example.com DNS:r.example.com
expect "without locations nothing is issued" 1 "no CDP or AIA location" vouch --ca Issuing request submit "$W/refused.csr" --template WebServer --out "$W/r.pem"
expect "and nothing published" 1 "no file location to publish CRLs to" vouch --ca Issuing crl publish
expect "every change is in the audit log" 0 "ok" sh -c "python3 -c 'import sqlite3,sys; rows=[r[0] for r in sqlite3.connect(sys.argv[1]).execute(\"select action from audit\")]; print(\"ok\" if rows.count(\"location.add\") == 2 and {\"location.set\",\"location.move\",\"location.remove\",\"location.clear\",\"crl.publish\"} <= set(rows) else rows)' '$VOUCH_HOME/vouch.db'"
summary
