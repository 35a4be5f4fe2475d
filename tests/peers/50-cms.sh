#!/bin/bash
# openssl cms and certtool verify and open the messages that vouch makes, and vouch verifies and opens theirs;
# what was changed is refused by both.
. "$(dirname "$0")/../lib/script.sh"
need openssl certtool
PEER=${CMS_PEER:-$(dirname "$VOUCH")/cms_peer}
[ -x "$PEER" ] || { no "there is no $PEER: build the tests"; summary; exit 1; }
cd "$W" || exit 1

identity() { # NAME KEY-OPTION...
  local name=$1
  shift
  must openssl req -x509 -nodes -newkey "$@" -keyout "$name.key" -out "$name.pem" -subj "/O=Peers/CN=$name" -days 30 \
    -addext keyUsage=digitalSignature,keyEncipherment -addext extendedKeyUsage=emailProtection
}
identity rsa rsa:2048
identity pss rsa:3072
identity p256 ec -pkeyopt ec_paramgen_curve:P-256
identity p384 ec -pkeyopt ec_paramgen_curve:P-384
identity p521 ec -pkeyopt ec_paramgen_curve:P-521
head -c 3000 /dev/urandom | base64 >content

# changed IN OUT: a letter of the attached content is another one.
changed() { python3 - "$1" "$2" content <<'X'
import sys
message, content = open(sys.argv[1], "rb").read(), open(sys.argv[3], "rb").read()[:60]
at = message.index(content)
open(sys.argv[2], "wb").write(message[:at] + bytes([message[at] ^ 1]) + message[at + 1:])
X
}

for name in rsa pss p256 p384 p521; do
  for by in issuer key; do
    must "$PEER" sign signed content attached $by $name.key $name.pem
    expect "$name by $by: openssl verifies" 0 "successful" openssl cms -verify -binary -inform DER -in signed -CAfile $name.pem -out got
    same "$name by $by: openssl gets the content" "$(sha256sum <got)" "$(sha256sum <content)"
    must changed signed bad
    expect "$name by $by: openssl refuses changed content" fail "digest|verification failure" openssl cms -verify -binary -inform DER -in bad -CAfile $name.pem -out /dev/null
    expect "$name by $by: so does vouch" 4 "digest differs" "$PEER" verify bad
    must "$PEER" sign detached content detached $by $name.key $name.pem
    expect "$name by $by: openssl verifies detached" 0 "successful" openssl cms -verify -binary -inform DER -in detached -content content -CAfile $name.pem -out /dev/null
    expect "$name by $by: openssl refuses other detached content" fail "digest|verification failure" openssl cms -verify -binary -inform DER -in detached -content $name.pem -CAfile $name.pem -out /dev/null
  done
done
for name in rsa p256 p384; do
  must "$PEER" sign signed content attached issuer $name.key $name.pem
  expect "$name: certtool verifies" 0 "Signature status: ok" certtool --p7-verify --inder --infile signed --load-ca-certificate $name.pem
  must changed signed bad
  expect "$name: certtool refuses changed content" fail "fail|error|Signature status: verification failed" certtool --p7-verify --inder --infile bad --load-ca-certificate $name.pem
  must certtool --p7-sign --load-certificate $name.pem --load-privkey $name.key --infile content --p7-include-cert --p7-time --outder --outfile theirs
  expect "$name: vouch verifies certtool's" 0 "CN=$name.*: good" "$PEER" verify theirs
done
must "$PEER" sign signed content attached issuer rsa.key rsa.pem p384.key p384.pem
cat rsa.pem p384.pem >both.pem
expect "two signers: openssl verifies" 0 "successful" openssl cms -verify -binary -inform DER -in signed -CAfile both.pem -out got
expect "two signers: openssl wants both" fail "certificate verify error" openssl cms -verify -binary -inform DER -in signed -CAfile rsa.pem -out got

for name in rsa pss p256 p384 p521; do
  for options in "" "-stream -keyid" "-noattr" "-md sha512 -nocerts"; do
    padding=()
    # openssl 3.0 cannot stream PSS ("illegal zero content").
    [ $name = pss ] && padding=(-keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:digest) options=${options/-stream/}
    # shellcheck disable=SC2086 # several options
    must openssl cms -sign -binary -nodetach $options -in content -signer $name.pem -inkey $name.key "${padding[@]}" -outform DER -out theirs
    if [[ $options == *nocerts* ]]; then
      expect "$name: openssl's without the certificate" 4 "no certificate for the signer" "$PEER" verify theirs
    else
      expect "$name: vouch verifies openssl's '$options'" 0 ": good" "$PEER" verify theirs
    fi
  done
done

for cipher in AES-128-CBC AES-192-CBC AES-256-CBC DES-EDE3-CBC; do
  for transport in pkcs1 oaep oaep256; do
    must "$PEER" encrypt secret content $cipher $transport pss.pem rsa.pem
    rm -f got
    check "$cipher, $transport: openssl opens" openssl cms -decrypt -binary -inform DER -in secret -inkey rsa.key -recip rsa.pem -out got
    same "$cipher, $transport: the content" "$(sha256sum <got)" "$(sha256sum <content)"
  done
  must openssl cms -encrypt -binary "-${cipher,,}" -stream -in content -outform DER -out theirs pss.pem rsa.pem
  rm -f got
  must "$PEER" decrypt got theirs rsa.key rsa.pem
  same "$cipher: vouch opens openssl's stream" "$(sha256sum <got)" "$(sha256sum <content)"
  expect "$cipher: another certificate" 1 "not for .*CN=p256.*CN=rsa" "$PEER" decrypt got theirs rsa.key p256.pem
done
must "$PEER" encrypt secret content AES-256-CBC password "open sesame"
rm -f got
must openssl cms -decrypt -binary -inform DER -in secret -pwri_password "open sesame" -out got
same "password: openssl opens" "$(sha256sum <got)" "$(sha256sum <content)"
expect "password: openssl refuses another" fail "error" openssl cms -decrypt -binary -inform DER -in secret -pwri_password "open barley" -out /dev/null

must "$PEER" p7b bag rsa.pem p256.pem
expect "p7b: openssl lists the certificates" 0 "CN *= *rsa" openssl pkcs7 -inform DER -in bag -print_certs
same "p7b: both of them" "$(grep -c '^subject' "$W/last")" 2
expect "p7b: certtool lists the certificates" 0 "Number of certificates: 2" certtool --p7-info --inder --infile bag
summary
