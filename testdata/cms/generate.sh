#!/bin/bash
# Makes the messages of this folder anew with openssl and certtool: ./generate.sh. Keys are new each time and
# are kept only where a test opens a message with them (recipient.key).
set -eu
cd "$(dirname "$0")"
W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT
export OPENSSL_CONF=$W/openssl.cnf
cat >"$OPENSSL_CONF" <<'X'
[req]
distinguished_name = name
x509_extensions = extensions
[name]
[extensions]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
keyUsage = digitalSignature, keyEncipherment
X

identity() { # NAME KEY-OPTION...
  local name=$1
  shift
  openssl req -x509 -nodes -newkey "$@" -keyout "$W/$name.key" -out "$name.pem" -subj "/O=Test data/CN=$name" -days 36500 2>/dev/null
}
identity rsa rsa:2048
identity ec ec -pkeyopt ec_paramgen_curve:P-256
identity other rsa:2048
openssl req -x509 -nodes -newkey rsa:2048 -keyout recipient.key -out recipient.pem -subj "/O=Test data/CN=recipient" -days 36500 2>/dev/null

printf 'The content of the message.\n' >content.txt
sign() { openssl cms -sign -binary -in content.txt -outform DER "$@"; }
by() { echo "-signer $1.pem -inkey $W/$1.key"; }
# shellcheck disable=SC2046 # options
{
  sign $(by rsa) -nodetach -out signed-rsa.der
  sign $(by rsa) -nodetach -stream -out signed-stream.ber
  sign $(by rsa) -nodetach -noattr -out signed-noattr.der
  sign $(by rsa) -nodetach -md sha512 -out signed-sha512.der
  sign $(by rsa) -nodetach -md sha1 -out signed-sha1.der
  sign $(by rsa) -nodetach -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:digest -out signed-pss.der
  sign $(by ec) -nodetach -out signed-ec.der
  sign $(by ec) -nodetach -md sha384 -keyid -stream -out signed-keyid.ber
  sign $(by rsa) $(by ec) -nodetach -out signed-two.der
  sign $(by rsa) -nodetach -nocerts -out signed-nocerts.der
  sign $(by rsa) -out signed-detached.der
  sign $(by rsa) -nodetach -econtent_type 1.3.6.1.5.5.7.12.2 -out signed-type.der
  certtool --p7-sign --load-certificate rsa.pem --load-privkey "$W/rsa.key" --infile content.txt --p7-include-cert --outder --outfile signed-certtool.der
  certtool --p7-detached-sign --p7-time --load-certificate ec.pem --load-privkey "$W/ec.key" --infile content.txt --p7-include-cert --outder --outfile signed-certtool-detached.der
}
openssl crl2pkcs7 -nocrl -certfile rsa.pem -certfile ec.pem -outform DER -out certificates.p7b
openssl crl2pkcs7 -nocrl -certfile rsa.pem -certfile ec.pem -out certificates-pem.p7b

encrypt() { openssl cms -encrypt -binary -in content.txt -outform DER "$@"; }
encrypt -aes-256-cbc -out enveloped-aes256.der recipient.pem
encrypt -aes-128-cbc -stream -out enveloped-stream.ber recipient.pem
encrypt -des3 -out enveloped-des3.der recipient.pem
encrypt -aes-256-cbc -keyid -out enveloped-keyid.der recipient.pem
encrypt -aes-256-cbc -recip recipient.pem -keyopt rsa_padding_mode:oaep -out enveloped-oaep.der
encrypt -aes-256-cbc -recip recipient.pem -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha256 -out enveloped-oaep256.der
encrypt -aes-256-cbc -out enveloped-two.der other.pem recipient.pem
encrypt -aes-256-cbc -pwri_password "open sesame" -out enveloped-password.der
