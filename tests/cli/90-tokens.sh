#!/bin/bash
# CA keys on PKCS #11 tokens, with SoftHSM2: set-up, issuance, CRLs, wrong PIN, the token away and back, migration.
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/lib/softhsm.sh"
need openssl python3 pkcs11-tool
softhsm_set_up "CA keys" "Other"
unset VOUCH_PIN
secret() { pkcs11-tool --module $SOFTHSM_MODULE --token-label "CA keys" --login --pin 4711-right "$@" 2>&1; }
pem() { openssl x509 -in "$VOUCH_HOME/published/$1.crt" -out "$W/$2.pem"; }

expect "a wrong PIN is refused" 1 "'CA keys' refused the PIN" vouch ca init --name Root --kind root --pkcs11 "$TOKEN_URI" --pin-file "$W/wrong-pin"
same "and nothing is made" "$(ls "$VOUCH_HOME" 2>/dev/null | wc -l)" 0
expect "without a PIN too" 1 "VOUCH_PIN" vouch ca init --name Root --kind root --pkcs11 "$TOKEN_URI" </dev/null
expect "a token that is not there" 1 "is not there" vouch ca init --name Root --kind root --pin-file "$W/pin" \
  --pkcs11 "pkcs11:token=Nowhere?module-path=$SOFTHSM_MODULE"
expect "no such module" 1 "no PKCS #11 module" vouch ca init --name Root --kind root --pkcs11 "pkcs11:token=x?module-path=/nonexistent.so"
expect "a PIN in the URI" 2 "pin-file" vouch ca init --name Root --kind root --pkcs11 "pkcs11:token=x?pin-value=1234"
expect "no URI" 2 "PKCS #11 URI" vouch ca init --name Root --kind root --pkcs11 token
same "nothing is made by any of them" "$(ls "$VOUCH_HOME" 2>/dev/null | wc -l)" 0

for key in ec:P-384 rsa:2048 rsa-pss:2048 ed25519; do
  check "a root with $key on the token" vouch ca init --name "Root $key" --kind root --key $key --pkcs11 "$TOKEN_URI" --pin-file "$W/pin"
  pem "Root $key" root
  check "openssl verifies it" openssl verify -x509_strict -CAfile "$W/root.pem" "$W/root.pem"
  openssl crl -inform DER -in "$VOUCH_HOME/published/Root $key.crl" -out "$W/root.crl"
  expect "and its CRL" 0 "verify OK" openssl crl -in "$W/root.crl" -noout -CAfile "$W/root.pem"
done
same "no key lies in the home" "$(ls "$VOUCH_HOME/keys" | grep -vc ^audit-)" 0
expect "the keys do not leave the token" 0 "sensitive, always sensitive, never extractable" secret --list-objects --type privkey

export VOUCH_PIN=4711-right
check "a subordinate on the same token, the PIN from the environment" vouch ca init --name Issuing --kind subordinate --parent "Root ec:P-384" \
  --automatic-issuance --pkcs11 "$TOKEN_URI"
pem "Root ec:P-384" root
pem Issuing issuing
check "openssl verifies it" openssl verify -x509_strict -CAfile "$W/root.pem" "$W/issuing.pem"
must vouch template publish WebServer --ca Issuing
request www "/CN=www.example.com" DNS:www.example.com
check "it issues" vouch request submit "$W/www.csr" --ca Issuing --template WebServer --out "$W/www.pem"
check "openssl verifies the certificate" openssl verify -x509_strict -CAfile "$W/root.pem" -untrusted "$W/issuing.pem" "$W/www.pem"
check "it revokes" vouch cert revoke "$W/www.pem" --ca Issuing --reason superseded
check "and publishes a CRL" vouch crl publish --ca Issuing
crl_pem Issuing "$W/issuing.crl"
expect "that openssl verifies" 0 "verify OK" openssl crl -in "$W/issuing.crl" -noout -CAfile "$W/issuing.pem"
check "every key signs" vouch ca ping --ca Issuing
same "the PIN stands nowhere in the home" "$(grep -rla 4711-right "$VOUCH_HOME" | wc -l)" 0

vouch ca key list --json >"$W/keys.json"
same "ca key list: five keys on tokens" "$(json "$W/keys.json" "['keys']" | grep -c pkcs11)" 5
expect "candidates on a token, with their CA" 0 "P-384 +Root ec:P-384 V0.0" vouch ca key list --pkcs11 "$TOKEN_URI"
expect "an empty token" 0 "no keys" vouch ca key list --pkcs11 "pkcs11:token=Other?module-path=$SOFTHSM_MODULE"
must secret --keypairgen --key-type EC:prime256v1 --label made-elsewhere --id 0a0b
expect "a key that somebody made is listed" 0 "nobody +.*made-elsewhere" vouch ca key list --pkcs11 "$TOKEN_URI"
expect "and used when the URI names it" 0 "'made-elsewhere' was there already" vouch ca init --name Elsewhere --kind root --pkcs11 "$(token_uri "CA keys" made-elsewhere)"
same "its certificate has that key" "$(openssl x509 -inform DER -in "$VOUCH_HOME/published/Elsewhere.crt" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum)" \
  "$(pkcs11-tool --module $SOFTHSM_MODULE --token-label "CA keys" --read-object --type pubkey --id 0a0b 2>/dev/null | openssl pkey -pubin -inform DER -outform DER | sha256sum)"

# The token goes away.
pull_token
request away "/CN=away.example.com" DNS:away.example.com
expect "without the token nothing is signed, and the error says so" 1 "'CA keys' is not there" vouch request submit "$W/away.csr" --ca Issuing --template WebServer
id=$(vouch request list --state issuing --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["requests"][0]["id"])')
expect "the request is kept" 3 "request retrieve $id" vouch request retrieve "$id" --out "$W/away.pem"
expect "ca ping says why" 1 "is not there" vouch ca ping --ca Issuing
expect "no CRL without the key" 1 "is not there" vouch crl publish --ca Issuing
check "what needs no key works: list" vouch request list
same "no software key has appeared" "$(ls "$VOUCH_HOME/keys" | grep -vc ^audit-)" 0
plug_token
check "the token is back: the certificate is signed" vouch request retrieve "$id" --out "$W/away.pem"
check "openssl verifies it" openssl verify -x509_strict -CAfile "$W/root.pem" -untrusted "$W/issuing.pem" "$W/away.pem"
check "CRLs are published again" vouch crl publish --ca Issuing
check "the database is in order" vouch db check

# Migration of a file key.
unset VOUCH_PIN
must vouch --home "$W/moving" ca init --name Moving --kind root --automatic-issuance
moving() { "$VOUCH" --home "$W/moving" "$@"; }
file=$(ls "$W"/moving/keys/Moving*)
before=$(openssl pkey -in "$file" -pubout)
expect "a wrong PIN moves nothing" 1 "refused the PIN" moving ca key migrate --pkcs11 "$(token_uri Other moved)" --pin-file "$W/wrong-pin"
check "the file key still signs" moving ca ping
check "the key moves onto the token" moving ca key migrate --pkcs11 "$(token_uri Other moved)" --pin-file "$W/pin" --delete-file
same "its file is gone" "$(ls "$W/moving/keys" | grep -vc ^audit-)" 0
check "the CA signs with the token" moving crl publish --pin-file "$W/pin"
openssl x509 -inform DER -in "$W/moving/published/Moving.crt" -out "$W/moving.pem"
openssl crl -inform DER -in "$W/moving/published/Moving.crl" -out "$W/moving.crl"
expect "for the certificate that it had" 0 "verify OK" openssl crl -in "$W/moving.crl" -noout -CAfile "$W/moving.pem"
same "with the key that it had" "$(openssl x509 -in "$W/moving.pem" -noout -pubkey)" "$before"
expect "a second time there is nothing to move" 1 "on a token already" moving ca key migrate --pkcs11 "$(token_uri Other again)" --pin-file "$W/pin"
echo secret >"$W/password"
expect "a token key is not exported" 1 "on a token and cannot be exported" moving ca export --p12 "$W/no.p12" --p12-password-file "$W/password"
same "and no file is made" "$(ls "$W/no.p12" 2>/dev/null)" ""
summary
