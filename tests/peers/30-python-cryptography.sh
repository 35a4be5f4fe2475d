#!/bin/bash
# Debian's python3-cryptography decodes every extension and checks every signature, by hand.
. "$(dirname "$0")/../lib/script.sh"
. "$ROOT/tests/lib/chains.sh"
need openssl /usr/bin/python3
make_chains
peer() { /usr/bin/python3 "$ROOT/tests/peers/python_peer.py" "$@"; }

for a in "${ALGORITHMS[@]}"; do
  d=$CHAINS/$a
  for file in root policy issuing good client; do
    check "$a: every extension of $file decodes" peer decode "$d/$file.pem"
  done
  expect "$a: good" 0 "^good: chain of 4" peer verify "$a" "$d" good.pem
  expect "$a: client" 0 "^good: chain of 4" peer verify "$a" "$d" client.pem
  expect "$a: revoked" 1 "^revoked: key_compromise" peer verify "$a" "$d" revoked.pem
  expect "$a: on hold" 1 "^revoked: certificate_hold" peer verify "$a" "$d" held.pem
  expect "$a: tampered certificate" 1 "^bad signature on the certificate" peer verify "$a" "$d" tampered.pem
  cp "$d/issuing.crl" "$W/good.crl"
  expect "$a: tampered CRL" 1 "^bad signature on the CRL" peer verify "$a" "$d" good.pem tampered.crl
done
summary
