#!/bin/bash
# Go's crypto/x509 (Debian's golang) builds and verifies the chains and checks every CRL.
. "$(dirname "$0")/../lib/script.sh"
. "$ROOT/tests/lib/chains.sh"
need go openssl python3
make_chains
export GO111MODULE=off GOCACHE=$W/go-cache GOFLAGS= GOPATH=$W/go HOME=$W
check "the Go program builds" go build -o "$W/go_peer" "$ROOT/tests/peers/go_peer/main.go"
peer() { "$W/go_peer" "$@"; }

declare -A SIGNED=([rsa]=SHA256-RSA [pss]=SHA256-RSAPSS [p256]=ECDSA-SHA256 [p384]=ECDSA-SHA384 [p521]=ECDSA-SHA512 [ed25519]=Ed25519)
for a in "${ALGORITHMS[@]}"; do
  d=$CHAINS/$a
  expect "$a: good" 0 "^good: chain of 4, .* signed with ${SIGNED[$a]}$" peer "$d" good.pem server
  expect "$a: client" 0 "^good: chain of 4" peer "$d" client.pem client
  expect "$a: a server certificate is no client certificate" 1 "refused: .*incompatible key usage" peer "$d" good.pem client
  expect "$a: revoked" 1 "^revoked: reason 1$" peer "$d" revoked.pem server
  expect "$a: on hold" 1 "^revoked: reason 6$" peer "$d" held.pem server
  expect "$a: tampered certificate" 1 "^refused: .*(verification (error|failure)|signature|authority)" peer "$d" tampered.pem client
  expect "$a: a leaf is no CA" 1 "^refused: .*unknown authority" peer "$d" forged.pem client issuing.crl good.pem
  expect "$a: tampered CRL" 1 "^bad signature on the CRL" peer "$d" good.pem server tampered.crl
done
summary
