#!/bin/bash
# The administration API as others see it: curl with client certificates, openssl for what it issues, and python's
# jsonschema for the description and every answer.
. "$(dirname "$0")/../lib/own_network.sh"
. "$(dirname "$0")/../cli/lib.sh"
need openssl curl ip /usr/bin/python3

must vouch ca init --name "Api Root" --kind root
must vouch location set --cdp "65:$VOUCH_HOME/published/%3%8%9.crl" "6:http://127.0.0.1:18081/pki/%3%8%9.crl"
must vouch location set --aia "1:$VOUCH_HOME/published/%3%4.crt" "34:http://127.0.0.1:18081/ocsp"
must vouch template publish WebServer ClientAuth
must vouch ca export --out "$W/root.pem"
cat >"$VOUCH_HOME/vouch.toml" <<C
[tls]
issuer = "Api Root"
names = "localhost"
[listener.http]
address = "127.0.0.1:18081"
[listener.admin]
address = "127.0.0.1:18443"
tls = true
client_certificates = "required"
serves = "api"
C
# identity NAME: a client certificate, approved by the administrator.
identity() {
  request "$1" "/CN=$1"
  vouch request submit "$W/$1.csr" --template ClientAuth >"$W/submit" 2>&1
  must vouch request approve "$(sed -nE 's/^request ([0-9]+) .*/\1/p' "$W/submit" | head -1)" --out "$W/$1.pem"
}
identity manager
identity stranger
must vouch role grant manager "certificate:Api Root/ClientAuth/CN=manager"
"$VOUCH" serve >"$W/serve.log" 2>&1 &
server=$!
at_exit+=('kill $server 2>/dev/null; wait 2>/dev/null')
for _ in $(seq 100); do curl -sf http://127.0.0.1:18081/healthz >/dev/null && break; sleep 0.1; done

# as WHO METHOD PATH [BODY-FILE]: the answer in $W/answer, its status on standard output.
as() {
  local who=$1 method=$2 path=$3
  curl -s -o "$W/answer" -w '%{http_code}' --max-time 20 --cacert "$W/root.pem" --cert "$W/$who.pem" --key "$W/$who.key" \
    -X "$method" ${4:+-H "Content-Type: application/json" --data-binary "@$4"} "https://localhost:18443/api/v1$path"
}
member() { /usr/bin/python3 -c 'import json, sys; v = json.load(open(sys.argv[1]))
for key in sys.argv[2].split("."): v = v[key]
print(v)' "$W/answer" "$1"; }
submission() { # NAME TEMPLATE FILE
  /usr/bin/python3 -c 'import json, sys
json.dump({"ca": "Api Root", "template": sys.argv[2], "request": open(sys.argv[1]).read()}, open(sys.argv[3], "w"))' \
    "$W/$1.csr" "$2" "$3"
}

expect "without a client certificate the handshake fails" fail 'alert|certificate|SSL|TLS' \
  curl -sS --max-time 20 --cacert "$W/root.pem" https://localhost:18443/api/v1/caller
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/forged.key" -out "$W/forged.pem" -subj /CN=manager
expect "one that somebody else issued neither" fail 'alert|certificate|SSL|TLS' \
  curl -sS --max-time 20 --cacert "$W/root.pem" --cert "$W/forged.pem" --key "$W/forged.key" https://localhost:18443/api/v1/caller
same "the manager gets in" 200 "$(as manager GET /caller)"
same "under the account of his certificate" "certificate:Api Root/ClientAuth/CN=manager" "$(member account)"

request www "/CN=www.vouch.test" "DNS:www.vouch.test"
submission www WebServer "$W/www.json"
same "a stranger may ask" 202 "$(as stranger POST /requests "$W/www.json")"
id=$(member request)
same "and not approve" 403 "$(as stranger POST "/requests/$id/approve")"
same "the reason names the role" yes "$(grep -q 'role manager' "$W/answer" && echo yes)"
same "he sees that his request waits" 202 "$(as stranger GET "/requests/$id/outcome")"
same "the manager approves" 200 "$(as manager POST "/requests/$id/approve")"
member certificate >"$W/www.pem"
expect "openssl takes the certificate" 0 'www.pem: OK' openssl verify -CAfile "$W/root.pem" "$W/www.pem"
same "the stranger fetches it" 200 "$(as stranger GET "/requests/$id/outcome")"
serial=$(openssl x509 -in "$W/www.pem" -noout -serial | cut -d= -f2)
ocsp() { timeout 20 openssl ocsp -issuer "$W/root.pem" -cert "$W/www.pem" -url http://127.0.0.1:18081/ocsp -CAfile "$W/root.pem"; }
expect "openssl ocsp: good" 0 'www.pem: good' ocsp
echo '{"reason": "keyCompromise"}' >"$W/reason.json"
same "a stranger does not revoke" 403 "$(as stranger POST "/certificates/$serial/revoke" "$W/reason.json")"
same "the manager does" 200 "$(as manager POST "/certificates/$serial/revoke" "$W/reason.json")"
expect "the very next OCSP answer says so" 0 'www.pem: revoked' ocsp
echo '{}' >"$W/empty.json"
same "and publishes" 200 "$(as manager POST /crls "$W/empty.json")"
sleep 2
expect "the CRL over HTTP has it" fail 'certificate revoked' \
  openssl verify -crl_check -crl_download -CAfile "$W/root.pem" "$W/www.pem"
echo '{' >"$W/broken.json"
same "broken JSON is refused" 400 "$(as manager POST /requests "$W/broken.json")"
same "a body of two megabytes too" 413 "$(head -c 2000000 /dev/zero >"$W/zero"; as manager POST /requests "$W/zero")"
same "as is a method that does not fit" 405 "$(as manager DELETE /caller)"

must vouch cert revoke "$W/manager.pem" --reason superseded
expect "a revoked client certificate is not let in" fail '' \
  curl -sS --max-time 20 --cacert "$W/root.pem" --cert "$W/manager.pem" --key "$W/manager.key" https://localhost:18443/api/v1/caller

# The description against every operation that only looks, over the Unix socket; each has something to show.
must vouch challenge password phones
request polled "/CN=polled.vouch.test" "DNS:polled.vouch.test"
submission polled WebServer "$W/polled.json"
sed -i 's/^{/{"client_transaction": "polled-1", /' "$W/polled.json"
same "a request is named by its client" 202 "$(curl -s -o "$W/answer" -w '%{http_code}' --max-time 20 \
  --unix-socket "$VOUCH_HOME/run/vouch.sock" -H "Content-Type: application/json" --data-binary "@$W/polled.json" http://localhost/api/v1/requests)"
check "python's jsonschema takes the description, and every answer by it" \
  /usr/bin/python3 "$ROOT/tests/peers/api_description.py" "$VOUCH_HOME/run/vouch.sock" "$id" "$serial"
sed 's/^/  /' "$W/last"
summary
