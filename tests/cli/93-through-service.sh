#!/bin/bash
# Commands beside a running service: the service runs them as whoever calls, files travel both ways, and what proves
# itself by the rights of this process stays here. Without the service the same commands work on the database.
. "$(dirname "$0")/lib.sh"
need openssl curl

must vouch ca init --name "Test Root" --kind root
must vouch template publish WebServer
must vouch config set listener.http.enabled false
socket=$VOUCH_HOME/run/vouch.sock
start() {
  "$VOUCH" serve >"$W/serve.log" 2>&1 &
  server=$!
  for _ in $(seq 100); do curl -sf --unix-socket "$socket" http://x/healthz >/dev/null && break; sleep 0.1; done
}
at_exit+=('kill $server 2>/dev/null; wait 2>/dev/null')
must vouch config set access_log.file log/access.log
must vouch config set access_log.form json
start
commands() { grep -c '/api/v1/command' "$VOUCH_HOME/log/access.log"; }

me=$(id -un)
request a /CN=a.vouch.test DNS:a.vouch.test
expect "a request goes in" 3 'is pending' vouch request submit "$W/a.csr" --template WebServer
id=$(sed -nE 's/^request ([0-9]+) .*/\1/p' "$W/last")
expect "the service has run it, as the login user" 0 "$me" vouch request show "$id"
for _ in $(seq 50); do before=$(commands); [ "$before" -ge 2 ] && break; sleep 0.1; done
check "approval writes the certificate where the line says" vouch request approve "$id" --out "$W/a.pem"
for _ in $(seq 50); do [ "$(commands)" -gt "$before" ] && break; sleep 0.1; done
same "through the service" $((before + 1)) "$(commands)"
check "openssl reads it" openssl x509 -in "$W/a.pem" -noout
check "standard output carries DER as it is" sh -c "'$VOUCH' cert export '$W/a.pem' --der | openssl x509 -inform DER -noout"
same "standard input travels" "$(openssl x509 -in "$W/a.pem" -noout -serial | cut -d= -f2 | tr A-F a-f)" \
  "$("$VOUCH" cert show - --json <"$W/a.pem" | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["certificates"][0]["certificate"]["serial"].replace(":", "").lower())')"
expect "JSON is JSON" 0 '"requests"' vouch request list --json
expect "a file that is not there is named" 1 "$W/none.csr" vouch request submit "$W/none.csr" --template WebServer
expect "errors keep their hints" 1 'vouch request list' vouch request show 999
expect "wrong usage is 2" 2 'request number' vouch request show abc
mkdir "$W/sub"
expect "output goes nowhere but where it can" 1 "$W/nowhere" vouch cert export "$W/a.pem" --out "$W/nowhere/a.pem"
expect "revoking works by the file" 0 'is revoked' vouch cert revoke "$W/a.pem" --reason superseded
expect "and publishing" 0 'CRL [0-9]+ of CA' vouch crl publish
expect "the audit log has all of it" 0 "$me +cert.revoke" vouch audit show --limit 20
same "a certificate is not written twice" 1 "$(find "$W" -name a.pem | wc -l)"

# What the service must not do with its own rights.
post() { curl -s --unix-socket "$socket" -H 'Content-Type: application/json' --data-binary "$1" http://x/api/v1/command; }
expect "no option that proves itself by file rights" 0 'does not run that command' \
  post '{"words": ["role", "grant", "administrator", "mallory", "--recover"], "user": "mallory", "files": []}'
expect "no command about the home itself" 0 'does not run that command' post '{"words": ["db", "show"], "user": "x", "files": []}'
expect "no file of the service's host" 0 'did not come with the command' \
  post '{"words": ["cert", "import", "/etc/hostname"], "user": "x", "files": []}'
expect "nobody is who he says he is" 0 "$me" \
  sh -c "curl -s --unix-socket '$socket' -H 'Content-Type: application/json' --data-binary '{\"words\": [\"template\", \"publish\", \"ClientAuth\"], \"user\": \"admin (sudo x)\", \"files\": []}' http://x/api/v1/command >/dev/null; '$VOUCH' audit show --limit 1"
expect "a malformed message is refused" 0 'no list of words' post '{"words": 1, "user": "x", "files": []}'
must vouch role grant enroller nobody
if [ "$(id -u)" -eq 0 ]; then
  chmod o+x "$W" "$VOUCH_HOME" "$VOUCH_HOME/run"; chmod o+rw "$socket"
  expect "another user is himself, and lacks the role" 0 'nobody may not' \
    setpriv --reuid nobody --regid nogroup --clear-groups curl -s --unix-socket "$socket" -H 'Content-Type: application/json' \
    --data-binary '{"words": ["template", "withdraw", "ClientAuth"], "user": "root", "files": []}' http://x/api/v1/command
fi

must vouch ca init --name "Second Root" --kind root
for _ in $(seq 100); do curl -s --unix-socket "$socket" http://x/api/v1/cas | grep -q 'Second Root' && break; sleep 0.1; done
check "a CA that was set up meanwhile is found" vouch --ca "Second Root" template publish WebServer
kill "$server"; wait "$server" 2>/dev/null
expect "without the service the database is used itself" 0 'a.vouch.test' vouch cert list
summary
