#!/bin/bash
# vouch status beside a real service: all is well; then the service is stopped, a location leads to another CA, a
# server is silent, time goes by. And a CA whose parent lives elsewhere.
. "$(dirname "$0")/lib.sh"
need openssl python3 curl faketime
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
site=http://127.0.0.1:$port
status() { vouch status "$@"; }
# What the last command said, for several looks at it.
seen() { cp "$W/last" "$W/seen"; }
# verdict KIND END: of the location of that kind whose URL ends like that; from the last status --json.
verdict() {
  json "$W/status.json" "['authorities'] and '; '.join(l['verdict'] for a in d['authorities'] for l in a['locations'] if l['kind'] == '$1' and l['url'].endswith('$2'))"
}
start_service() {
  "$VOUCH" serve 2>>"$W/serve.log" &
  service=$!
  for ((i = 0; i < 200; i++)); do
    curl --silent --noproxy '*' --max-time 5 -o "$W/ready" "$site/readyz" && grep -q '"ready": true' "$W/ready" && return
    sleep 0.05
  done
  no "the service is ready" "$W/serve.log"
}
stop_service() { kill "$service" && wait "$service" 2>/dev/null; }
at_exit+=('kill -9 ${service:-} ${silent:-} 2>/dev/null')

set_locations() {
  must vouch --ca "$1" location set --cdp "65:$VOUCH_HOME/published/%3%8%9.crl" "6:$site/pki/%3%8%9.crl"
  must vouch --ca "$1" location set --aia "1:$VOUCH_HOME/published/%3%4.crt" "2:$site/pki/%3%4.crt" "32:$site/ocsp"
  must vouch --ca "$1" crl publish
}
must vouch ca init --name Root --kind root --subject-suffix O=Example
must vouch config set listener.http.address "127.0.0.1:$port"
set_locations Root # before it signs
must vouch ca init --name Issuing --kind subordinate --parent Root --subject-suffix O=Example --automatic-issuance
must vouch template publish WebServer --ca Issuing
set_locations Issuing
start_service
request web /CN=web.example.com DNS:web.example.com
must vouch --ca Issuing request submit "$W/web.csr" --template WebServer --out "$W/web.pem"

check "everything is well" status
seen
expect "and is said" 0 "^[0-9]+ checked, all well" cat "$W/seen"
expect "the root comes before its child" 0 "Issuing \(subordinate, below Root\)" cat "$W/seen"
expect "the responder's certificate is looked at" 0 "OK +OCSP responder, key 0: CN=Issuing OCSP" cat "$W/seen"
expect "OCSP is really asked" 0 "OK +OCSP $site/ocsp, key 0, until" cat "$W/seen"
expect "the delta is found" 0 "OK +Delta CRL $site/pki/Issuing\+.crl, CRL" cat "$W/seen"
expect "half of the life is known" 0 "CA certificate V0.0: .*renewal is due on 20" cat "$W/seen"
must vouch --ca Issuing cert revoke "$W/web.pem" --reason superseded
check "revoked is what OCSP says, too" status --ca Issuing
seen
expect "--ca shows that CA and those above" 0 "^Root \(root\)" cat "$W/seen"
expect "an unknown CA" 1 "no CA 'Nobody'" status --ca Nobody

# One location leads to another CA's CRL; old certificates still name another URL.
must vouch --ca Issuing location add --cdp "2:$site/pki/Root.crl"
expect "a location that leads to another CA" 4 "it is the CRL of another CA: CN=Root" status
seen
expect "with what to do" 0 "mend: +let the server show this CA's own file" cat "$W/seen"
expect "4 is not all: the rest is well" 0 "checked, 1 not well" cat "$W/seen"
must vouch --ca Issuing location remove --cdp "2:$site/pki/Root.crl"
must vouch --ca Issuing location set --cdp "65:$VOUCH_HOME/published/%3%8%9.crl" "6:$site/moved/%3%8%9.crl"
must vouch --ca Issuing crl publish
sleep 1.5 # the service looks every second
check "after a move both places are well" status
seen
expect "the old one is counted" 0 "$site/pki/Issuing.crl, CRL .*no longer put into certificates, in [0-9]+ live certificate" cat "$W/seen"

# A server that is silent.
python3 -c '
import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(20)
print(s.getsockname()[1], flush=True); time.sleep(120)' >"$W/silent" &
silent=$!
for ((i = 0; i < 100; i++)); do [ -s "$W/silent" ] && break; sleep 0.05; done
must vouch --ca Issuing location add --aia "2:http://127.0.0.1:$(cat "$W/silent")/x.crt"
status --json >"$W/status.json"
same "a silent server ends with 4" $? 4
same "after ten seconds" "$(verdict aia /x.crt)" "Unable to download"
same "the others are well" "$(verdict cdp /pki/Root.crl) $(verdict ocsp /ocsp)" "OK OK; OK"
kill $silent
must vouch --ca Issuing location remove --aia 4

# Without the service, and without asking.
stop_service
expect "without the service nothing answers" 4 "Unable to download +CDP $site/pki/Root.crl" status
check "what this machine knows is well" status --offline
seen
expect "and locations were not asked" 0 "Not checked +CDP" cat "$W/seen"
expect "in eight days the CRL is over" 4 "Expired +CRL [0-9]+ of key 0" faketime -f '+8d' "$VOUCH" status --offline
expect "in half a day the delta's successor is late" 4 "its successor has been due since" faketime -f '+25h' "$VOUCH" status --offline
expect "the responder would have been renewed" 4 "Expiring +OCSP responder" faketime -f '+11d' "$VOUCH" status --offline
expect "after half of the life renewal is due" 4 "renewal has been due since" faketime -f '+11y' "$VOUCH" status --offline --ca Root

# A CA whose parent lives in another home.
request_home=$VOUCH_HOME
export VOUCH_HOME=$W/elsewhere
must vouch ca init --name Outpost --kind subordinate --request-out "$W/outpost.csr"
check "a CA without its certificate is not checked, which is no fault" status --offline
seen
expect "but said" 0 "Not checked +the CA" cat "$W/seen"
must env VOUCH_HOME="$request_home" "$VOUCH" ca sign "$W/outpost.csr" --ca Root --out "$W/outpost.pem"
must vouch ca install "$W/outpost.pem"
expect "its parent is shown" 4 "CN=Root,O=Example \(elsewhere\)|CN=Root.* \(elsewhere\)" status
seen
expect "with the places that its certificate names" 0 "Unable to download +CDP $site/pki/Root.crl" cat "$W/seen"
export VOUCH_HOME=$request_home
start_service
export VOUCH_HOME=$W/elsewhere
status --json >"$W/status.json"
same "which are well when they answer: CRL, certificate, OCSP" "$(verdict cdp /pki/Root.crl) $(verdict aia /pki/Root.crt) $(verdict ocsp /ocsp)" "OK OK OK"
export VOUCH_HOME=$request_home
stop_service
summary
