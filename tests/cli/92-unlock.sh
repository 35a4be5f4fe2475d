#!/bin/bash
# Administrator interaction: each use of the key waits for `vouch ca unlock` in another terminal.
. "$(dirname "$0")/lib.sh"
need openssl python3
check "a CA whose key waits for an administrator" vouch ca init --name Careful --kind root --interactive-key --automatic-issuance
expect "it says so" 0 "waits for an administrator" vouch ca show
must vouch template publish WebServer
expect "nothing waits yet" 1 "no key operation waits" vouch ca unlock
must vouch config set keys.unlock_patience 60s
request www "/CN=www.example.com" DNS:www.example.com
request two "/CN=two.example.com" DNS:two.example.com

waiting() { vouch ca unlock --list --json | python3 -c 'import json,sys; print(len(json.load(sys.stdin)["operations"]))'; }
wait_until() { # COUNT
  local i
  for ((i = 0; i < 200; ++i)); do
    [ "$(waiting)" = "$1" ] && return 0
    sleep 0.05
  done
  return 1
}
vouch request submit "$W/www.csr" --template WebServer --out "$W/www.pem" >"$W/www.log" 2>&1 &
first=$!
check "the submission waits" wait_until 1
vouch request submit "$W/two.csr" --template WebServer --out "$W/two.pem" >"$W/two.log" 2>&1 &
second=$!
check "and another" wait_until 2
same "nothing is issued yet" "$(ls "$W"/www.pem "$W"/two.pem 2>/dev/null)" ""
expect "one may pass" 0 "1 operation" vouch ca unlock --once
wait $first
same "the first that came is issued" $? 0
expect "it had said what it waits for" 0 "ca unlock --once" cat "$W/www.log"
same "the other still waits" "$(waiting)" 1
expect "then all that wait" 0 "1 operation" vouch ca unlock
wait $second
same "the second is issued" $? 0
openssl x509 -inform DER -in "$VOUCH_HOME/published/Careful.crt" -out "$W/ca.pem"
check "openssl verifies both" openssl verify -CAfile "$W/ca.pem" "$W/www.pem" "$W/two.pem"

must vouch config set keys.unlock_patience 1s
request late "/CN=late.example.com" DNS:late.example.com
expect "when nobody comes, it says so" 1 "nobody let the key" vouch request submit "$W/late.csr" --template WebServer
must vouch config set keys.unlock_patience 60s
vouch request retrieve 3 --out "$W/late.pem" >"$W/late.log" 2>&1 &
third=$!
check "the request is kept, and waits again" wait_until 1
check "and is let pass" vouch ca unlock --once
wait $third
same "and issued" $? 0

# A process that is killed while it waits leaves nothing that others trip over.
"$VOUCH" crl publish >"$W/crl.log" 2>&1 &
victim=$!
check "a CRL waits" wait_until 1
kill -9 $victim
wait $victim 2>/dev/null
check "what died does not wait any more" wait_until 0
expect "and cannot be let pass" 1 "no key operation waits" vouch ca unlock --once
summary
