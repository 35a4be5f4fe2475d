#!/bin/bash
# The whole job with an offline root: root, subordinate by files, a server and a client certificate from
# openssl's requests, one revoked, everything checked by openssl.
. "$(dirname "$0")/lib.sh"
need openssl python3

root() { "$VOUCH" --home "$W/root-home" "$@"; }

check "the root is set up" root ca init --name "Example Root CA" --kind root --key ec:P-384 --validity 20y \
  --subject-suffix "O=Example,C=DE"
check "the subordinate writes its request" vouch ca init --name "Example Issuing CA" --kind subordinate \
  --subject-suffix "O=Example,C=DE" --request-out "$W/issuing.csr" --automatic-issuance
check "openssl verifies that request" openssl req -in "$W/issuing.csr" -verify -noout
expect "a subordinate without its certificate cannot issue" 1 "no certificate yet" vouch crl publish
check "the root signs it" root ca sign "$W/issuing.csr" --out "$W/issuing.pem" --path-length 0 --validity 10y
same "the answer is the whole path" "$(grep -c BEGIN "$W/issuing.pem")" 2
root ca export --cert --out "$W/root.pem" >/dev/null
check "the subordinate installs the answer" vouch ca install "$W/issuing.pem" --trust "$W/root.pem"
vouch ca export --cert --out "$W/sub.pem" >/dev/null
check "openssl verifies the subordinate" openssl verify -x509_strict -CAfile "$W/root.pem" "$W/sub.pem"
expect "path length and CA bit stand in it" 0 "CA:TRUE, pathlen:0" openssl x509 -in "$W/sub.pem" -noout -ext basicConstraints
vouch ca export --chain --out "$W/chain.pem" >/dev/null
cat "$W/sub.pem" "$W/root.pem" >"$W/both.pem"
check "ca export --chain is subordinate and root" cmp "$W/chain.pem" "$W/both.pem"
vouch ca export --chain --p7b --out "$W/chain.p7b" >/dev/null
openssl pkcs7 -in "$W/chain.p7b" -print_certs 2>&1 | grep -v '^subject\|^issuer\|^$' >"$W/from-p7b.pem"
check "ca export --chain --p7b holds the same, for openssl" cmp "$W/from-p7b.pem" "$W/chain.pem"
expect "a request is no p7b" 2 "p7b goes with --cert or --chain" vouch ca export --request --p7b

check "templates are published" vouch template publish WebServer ClientAuth
request server "/C=DE/O=Example/CN=www.example.com" DNS:www.example.com,DNS:example.com
check "a server certificate is issued" vouch request submit "$W/server.csr" --template WebServer --out "$W/server.pem"
check "openssl verifies it" openssl verify -x509_strict -purpose sslserver -CAfile "$W/root.pem" -untrusted "$W/sub.pem" "$W/server.pem"
expect "with the names of the request" 0 "DNS:www.example.com, DNS:example.com" openssl x509 -in "$W/server.pem" -noout -ext subjectAltName
same "for the key of the request" "$(openssl x509 -in "$W/server.pem" -noout -pubkey)" "$(openssl pkey -in "$W/server.key" -pubout)"

request client "/C=DE/O=Example/CN=alice" "email:alice@example.com" -newkey rsa:2048
vouch request submit "$W/client.csr" --template ClientAuth --out "$W/client.pem" >"$W/out" 2>"$W/err"
status=$?
if [ $status -eq 3 ]; then
  ok "names that log on need approval: exit code 3"
  id=$(sed -n 's/.*vouch request approve \([0-9]*\) .*/\1/p' "$W/err")
  check "the certificate manager approves" vouch request approve "$id" --out "$W/client.pem"
else
  same "the client certificate is issued" $status 0
fi
check "openssl verifies the client certificate" openssl verify -x509_strict -purpose sslclient -CAfile "$W/root.pem" -untrusted "$W/sub.pem" "$W/client.pem"

check "the server certificate is revoked" vouch cert revoke "$W/server.pem" --reason keyCompromise
check "a CRL is published" vouch crl publish
root crl list --json >"$W/crls.json"
openssl crl -inform DER -in "$(json "$W/crls.json" "['crls'][0]['files'][0]")" -out "$W/root.crl"
crl_pem "Example Issuing CA" "$W/issuing.crl"
check "openssl verifies the CRL" openssl crl -in "$W/issuing.crl" -CAfile "$W/sub.pem" -noout
verify() {
  openssl verify -x509_strict -crl_check_all -CAfile "$W/root.pem" -untrusted "$W/sub.pem" -CRLfile "$W/root.crl" -CRLfile "$W/issuing.crl" "$1"
}
expect "openssl refuses the revoked certificate" 2 "certificate revoked" verify "$W/server.pem"
check "openssl still accepts the client certificate" verify "$W/client.pem"

serial=$(openssl x509 -in "$W/server.pem" -noout -serial | cut -d= -f2)
expect "the serial as openssl prints it is found" 0 "revoked" vouch cert find "$serial"
expect "the fingerprint as openssl prints it is found" 0 "revoked" \
  vouch cert find "$(openssl x509 -in "$W/server.pem" -noout -fingerprint -sha256 | cut -d= -f2)"
expect "why tells the decision" 0 "passed" vouch why "$serial"
check "the database is in order" vouch db check
summary
