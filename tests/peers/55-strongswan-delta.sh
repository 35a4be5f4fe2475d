#!/bin/bash
# A strongSwan gateway with strict revocation takes its base CRL from the certificate's URL and its delta CRL from
# where the base says, and lets in or keeps out by both: the reasons are read in its own log.
. "$(dirname "$0")/../lib/own_network.sh"
. "$(dirname "$0")/../cli/lib.sh"
. "$(dirname "$0")/../lib/ike.sh"
need openssl python3 swanctl ip

# --- a hierarchy whose URLs are served here ---
must vouch ca init --name Root --kind root
folder=$VOUCH_HOME/published
locate() { # CA: files into the folder that is served, URLs to find them
  must vouch --ca "$1" location set --cdp "65:$folder/%3%8%9.crl" "6:http://127.0.0.1:18080/%3%8%9.crl"
  must vouch --ca "$1" location set --aia "1:$folder/%3%4.crt" "2:http://127.0.0.1:18080/%3%4.crt"
}
locate Root
must vouch ca init --name Issuing --kind subordinate --parent Root --automatic-issuance
locate Issuing
must vouch --ca Issuing template publish WebServer
for name in vpn alice bob carol; do
  request "$name" "/CN=$name.vouch.test" "DNS:$name.vouch.test"
  must vouch --ca Issuing request submit "$W/$name.csr" --template WebServer --out "$W/$name.crt"
done
must vouch --ca Root ca export --out "$W/root.crt"
must vouch --ca Issuing ca export --out "$W/ca.crt"
must vouch --ca Root crl publish
must vouch --ca Issuing crl publish
(cd "$folder" && exec python3 -m http.server --bind 127.0.0.1 18080) >"$W/http.log" 2>&1 &
http=$!
at_exit+=('kill $http; wait $http')

ike_peers "$W" vpn .vouch.test alice bob carol
fresh_logon() { forget; logon "$@"; }
good="certificate status is good"
base_fetched="fetching crl from 'http://127.0.0.1:18080/Issuing.crl'"
delta_fetched="fetching crl from 'http://127.0.0.1:18080/Issuing\+.crl'"
revoke() { must vouch --ca Issuing cert revoke "$W/$1.crt" --reason "$2"; }

fresh_logon "base and empty delta: good" in alice "$base_fetched" "$delta_fetched" "$good"
fresh_logon "another one" in bob "$base_fetched" "$delta_fetched" "$good"
revoke bob keyCompromise
fresh_logon "revoked, and not published yet" in bob "$good"
must vouch --ca Issuing crl publish --delta
fresh_logon "revoked in the delta alone: refused" out bob "$base_fetched" "$delta_fetched" \
  "certificate was revoked on .*, reason: key compromise"
fresh_logon "whoever is not on it comes in" in alice "$base_fetched" "$delta_fetched" "$good"
revoke carol certificateHold
must vouch --ca Issuing crl publish --delta
fresh_logon "on hold in the delta alone: refused" out carol "$delta_fetched" "certificate was revoked on .*, reason: certificate hold"
must vouch --ca Issuing cert release "$(openssl x509 -in "$W/carol.crt" -noout -serial | cut -d= -f2)"
must vouch --ca Issuing crl publish
fresh_logon "released, with the next base: comes in" in carol "$base_fetched" "$delta_fetched" "$good"
fresh_logon "revoked, now in the base: refused" out bob "$base_fetched" "certificate was revoked on .*, reason: key compromise"
summary
