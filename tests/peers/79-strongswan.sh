#!/bin/bash
# strongSwan with strict revocation fetches CRLs and OCSP answers from us: good in, revoked out, OCSP down, and the case of an
# expired CRL in its cache. Reasons are read in its own log, what it fetched in ours.
. "$(dirname "$0")/../lib/own_network.sh"
. "$(dirname "$0")/../cli/lib.sh"
. "$(dirname "$0")/../lib/peer_pki.sh"
. "$(dirname "$0")/../lib/ike.sh"
need openssl swanctl curl ip
make_peer_pki service
# shellcheck disable=SC2016
at_exit+=('end ca')
must vouch config set listener.http.address 127.0.0.1:18080
must vouch config set access_log.file access.log
start_peer_ca
log=$VOUCH_HOME/access.log

ike_peers "$PKI" vpn-server @vouch.test alice bob carol

# served NAME PATTERN: our access log has it, since the last time.
seen=0
served() {
  tail -n +$((seen + 1)) "$log" >"$W/served"
  seen=$(wc -l <"$log")
  if grep -qE "$2" "$W/served"; then ok "$1"; else no "$1: our log has nothing of '$2'" "$W/served"; fi
}

logon "OCSP: alice" in alice "ocsp response is valid"
served "  answered by us" "POST /ocsp .* 200 "
forget
logon "OCSP: bob" out bob "certificate was revoked on .*, reason: key compromise"
served "  answered by us" "POST /ocsp .* 200 "
forget
logon "carol has expired" out carol "subject certificate invalid|not valid|expired"
ocsp off
seen=$(wc -l <"$log")
forget
logon "OCSP is down: alice by the CRL" in alice "crl is valid"
served "  the responder was tried, the CRL handed out" "GET /pki/.*\.crl .* 200 "
forget
logon "OCSP is down: bob by the CRL" out bob "certificate was revoked on .*, reason: key compromise"
forget

# What the gateway has is an expired CRL, a fresh one lies at the distribution point, and the responder is down.
expired_crl "$W/expired.pem"
must openssl crl -in "$W/expired.pem" -outform DER -out "$W/sw-gw/x509crl/expired.crl"
must sw gw --load-creds
seen=$(wc -l <"$log")
logon "OCSP down, cached CRL expired, a fresh one published: alice" in alice "crl is valid"
served "  it was fetched from us" "GET /pki/.*\.crl .* 200 "
forget
logon "and bob stays out" out bob "certificate was revoked"
end ca
forget
logon "nothing of ours can be reached: strict denies alice" out alice "certificate status is not available|constraint check failed"
summary
