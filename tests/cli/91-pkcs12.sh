#!/bin/bash
# A CA that exists comes in as PKCS #12, and goes out as PKCS #12.
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/lib/softhsm.sh"
need openssl certtool python3
echo "pass word" >"$W/password"
echo "wrong" >"$W/wrong"

# A root and an issuing CA as somebody else runs them, and the issuing CA's backup as AD CS writes it: with its chain.
must openssl req -x509 -newkey rsa:3072 -nodes -keyout "$W/root.key" -out "$W/root.pem" -days 3650 -subj "/DC=com/DC=corp/CN=Corp Root CA" \
  -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign"
must openssl req -newkey rsa:2048 -nodes -keyout "$W/issuing.key" -out "$W/issuing.csr" -subj "/DC=com/DC=corp/CN=Corp Issuing CA"
printf '[v3]\nbasicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign,digitalSignature\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n1.3.6.1.4.1.311.21.1=DER:0203010002\n' >"$W/v3"
must openssl x509 -req -in "$W/issuing.csr" -CA "$W/root.pem" -CAkey "$W/root.key" -CAcreateserial -days 1800 -extfile "$W/v3" -extensions v3 -out "$W/issuing.pem"
pack() { # NAME OPTION...
  local name=$1
  shift
  must openssl pkcs12 -export -inkey "$W/issuing.key" -in "$W/issuing.pem" -passout "file:$W/password" -out "$W/$name" "$@"
}
pack aes.p12 -certfile "$W/root.pem" -name "Corp Issuing CA"
pack old.pfx -certfile "$W/root.pem" -legacy
pack alone.p12
import() { "$VOUCH" --home "$1" ca init --name "Corp Issuing CA" --kind subordinate --import-p12 "${@:2}"; }

expect "a wrong password" 1 "password does not open" import "$W/a" "$W/aes.p12" --p12-password-file "$W/wrong"
expect "no password" 1 "p12-password-file" import "$W/a" "$W/aes.p12" </dev/null
expect "no such file" 1 "none.p12" import "$W/a" "$W/none.p12" --p12-password-file "$W/password"
expect "a file that is none" 1 "no PKCS #12 file" import "$W/a" "$W/issuing.pem" --p12-password-file "$W/password"
expect "a chain that ends nowhere" 1 "Corp Root CA" import "$W/a" "$W/alone.p12" --p12-password-file "$W/password"
expect "as a root" 2 "kind subordinate" vouch --home "$W/a" ca init --name "Corp Issuing CA" --kind root --import-p12 "$W/aes.p12" --p12-password-file "$W/password"
expect "by another name" 2 "is named 'Corp Issuing CA'" vouch --home "$W/a" ca init --name Mine --kind subordinate --import-p12 "$W/aes.p12" --p12-password-file "$W/password"
expect "with a new key as well" 2 "leave --key out" import "$W/a" "$W/aes.p12" --key ec:P-256
same "no key is left of what was refused" "$(ls "$W/a/keys" 2>/dev/null | grep -vc ^audit-)" 0

expect "it is shown before it is imported" 0 "Issuer: +CN=Corp Root CA" import "$W/home-aes" "$W/aes.p12" --p12-password-file "$W/password" --automatic-issuance
expect "with RC2 and triple DES, with a warning" 0 "old cipher" import "$W/home-old" "$W/old.pfx" --p12-password-file "$W/password"
check "with the root beside it" import "$W/home-alone" "$W/alone.p12" --p12-password-file "$W/password" --p12-chain "$W/root.pem"
for home in aes old alone; do
  same "$home: the certificate is the one that was" "$(vouch --home "$W/home-$home" ca export --cert | openssl x509 -noout -fingerprint -sha256)" \
    "$(openssl x509 -in "$W/issuing.pem" -noout -fingerprint -sha256)"
  expect "$home: with its version" 0 "V2.1" vouch --home "$W/home-$home" ca show
  check "$home: its key signs" vouch --home "$W/home-$home" ca ping
done
export VOUCH_HOME=$W/home-aes
must vouch template publish WebServer
request www "/CN=www.example.com" DNS:www.example.com
check "it issues" vouch request submit "$W/www.csr" --template WebServer --out "$W/www.pem"
check "openssl verifies up to the old root" openssl verify -x509_strict -CAfile "$W/root.pem" -untrusted "$W/issuing.pem" "$W/www.pem"

check "out again as PKCS #12" vouch ca export --p12 "$W/out.p12" --p12-password-file "$W/password"
same "readable by its owner alone" "$(stat -c %a "$W/out.p12")" 600
check "openssl opens it" openssl pkcs12 -in "$W/out.p12" -passin "file:$W/password" -nodes -out "$W/out.pem"
same "with the key" "$(openssl pkey -in "$W/out.pem" -pubout)" "$(openssl pkey -in "$W/issuing.key" -pubout)"
same "and two certificates" "$(grep -c "BEGIN CERTIFICATE" "$W/out.pem")" 2
expect "AES-256 and SHA-256" 0 "AES-256-CBC" openssl pkcs12 -in "$W/out.p12" -passin "file:$W/password" -info -noout
expect "openssl refuses a wrong password" 1 "invalid password" openssl pkcs12 -in "$W/out.p12" -passin "file:$W/wrong" -noout
expect "certtool opens it" 0 "BEGIN ENCRYPTED PRIVATE KEY|BEGIN PRIVATE KEY|BEGIN RSA PRIVATE KEY" certtool --p12-info --inder --infile "$W/out.p12" --password "pass word"
expect "nothing is overwritten" 1 "out.p12" vouch ca export --p12 "$W/out.p12" --p12-password-file "$W/password"
expect "not to standard output" 2 "name a file" vouch ca export --p12 - --p12-password-file "$W/password"

softhsm_set_up "CA keys"
check "from PKCS #12 onto a token" import "$W/home-token" "$W/aes.p12" --p12-password-file "$W/password" --pkcs11 "$TOKEN_URI" --pin-file "$W/pin"
same "no key file is made" "$(ls "$W/home-token/keys" | grep -vc ^audit-)" 0
check "and it signs there" vouch --home "$W/home-token" ca ping --pin-file "$W/pin"
summary
