#!/bin/bash
# GnuTLS's certtool verifies chains and CRLs that vouch makes, and refuses the revoked and the tampered.
. "$(dirname "$0")/../lib/script.sh"
. "$ROOT/tests/lib/chains.sh"
need certtool openssl python3
make_chains

for a in "${ALGORITHMS[@]}"; do
  d=$CHAINS/$a
  chain() { cat "$d/$1.pem" "$d/issuing.pem" "$d/policy.pem" "$d/root.pem" >"$W/chain.pem"; }
  # What the chain leads to is the trust anchor here: certtool --verify-chain trusts the last certificate.
  chain good
  expect "$a: --verify-chain of four certificates" 0 "Chain verification output: Verified" certtool --verify-chain --infile "$W/chain.pem"
  same "$a: it looked at each link" "$(grep -c 'Output: Verified\|Chain verification output: Verified' "$W/last")" 4
  chain tampered
  expect "$a: tampered certificate" 1 "signature|Not verified" certtool --verify-chain --infile "$W/chain.pem"
  cat "$d/forged.pem" "$d/good.pem" "$d/issuing.pem" "$d/policy.pem" "$d/root.pem" >"$W/chain.pem"
  expect "$a: a leaf is no CA" fail "violates the signer.s constraints" certtool --verify-chain --infile "$W/chain.pem"
  cat "$d/good.pem" "$d/foreign.pem" >"$W/chain.pem"
  expect "$a: foreign issuer of the same name" fail "Not verified" certtool --verify-chain --infile "$W/chain.pem"

  verify() { certtool --verify --load-ca-certificate "$d/root.pem" "$@"; }
  with_crl() { certtool --verify --load-ca-certificate "$W/trust.pem" --load-crl "$d/issuing.crl" "$@"; }
  cat "$d/root.pem" "$d/policy.pem" "$d/issuing.pem" >"$W/trust.pem"
  chain good
  expect "$a: --verify against the root" 0 "Verified. The certificate is trusted" verify --infile "$W/chain.pem"
  expect "$a: not revoked" 0 "Verified. The certificate is trusted" with_crl --infile "$d/good.pem"
  expect "$a: host name" 0 "Verified" verify --verify-hostname www.good.example.test --infile "$W/chain.pem"
  expect "$a: another host name" 1 "does not match|name in the certificate" verify --verify-hostname other.example.test --infile "$W/chain.pem"
  expect "$a: purpose" 0 "Verified" verify --verify-purpose 1.3.6.1.5.5.7.3.1 --infile "$W/chain.pem"
  expect "$a: another purpose" 1 "purpose" verify --verify-purpose 1.3.6.1.5.5.7.3.2 --infile "$W/chain.pem"
  expect "$a: revoked" 1 "revoked" with_crl --infile "$d/revoked.pem"
  expect "$a: on hold" 1 "revoked" with_crl --infile "$d/held.pem"

  for ca in root policy issuing; do
    expect "$a: --verify-crl of $ca" 0 "Verification output: Verified" \
      certtool --verify-crl --load-ca-certificate "$d/$ca.pem" --infile "$d/$ca.crl"
  done
  expect "$a: tampered CRL" 1 "Not verified" certtool --verify-crl --load-ca-certificate "$d/issuing.pem" --infile "$d/tampered.crl"
  expect "$a: CRL of another CA" 1 "Not verified" certtool --verify-crl --load-ca-certificate "$d/policy.pem" --infile "$d/issuing.crl"
  for file in root policy issuing good client; do
    expect "$a: certtool prints $file" 0 "Signature Algorithm" certtool --certificate-info --infile "$d/$file.pem"
    if grep -qiE 'error|warning' "$W/last"; then no "$a: certtool understands all of $file" "$W/last"; else ok "$a: certtool understands all of $file"; fi
  done
done
summary
