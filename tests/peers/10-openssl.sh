#!/bin/bash
# openssl 3.0 reads, verifies and refuses what vouch makes, each refusal for the right reason.
. "$(dirname "$0")/../lib/script.sh"
. "$ROOT/tests/lib/chains.sh"
need openssl python3
make_chains

for a in "${ALGORITHMS[@]}"; do
  d=$CHAINS/$a
  verify() { openssl verify -x509_strict -CAfile "$d/root.pem" -untrusted "$d/untrusted.pem" "$@"; }
  with_crls() { verify -crl_check_all -CRLfile "$d/all.crl" "$@"; }

  for file in root policy issuing good client; do
    expect "$a: openssl x509 prints $file" 0 "Signature Algorithm" openssl x509 -in "$d/$file.pem" -noout -text
    # What openssl prints where it could not decode an extension.
    if grep -qE '<(Parse Error|Not Supported|unsupported)|error' "$W/last"; then no "$a: openssl understands all of $file" "$W/last"; else ok "$a: openssl understands all of $file"; fi
  done
  expect "$a: chain of three, good" 0 "good.pem: OK" with_crls -purpose sslserver "$d/good.pem"
  expect "$a: client certificate, good" 0 "client.pem: OK" with_crls -purpose sslclient "$d/client.pem"
  expect "$a: the name matches" 0 "OK" with_crls -verify_hostname www.good.example.test "$d/good.pem"
  expect "$a: another name does not" 2 "hostname mismatch" with_crls -verify_hostname other.example.test "$d/good.pem"
  expect "$a: revoked" 2 "certificate revoked" with_crls "$d/revoked.pem"
  expect "$a: on hold" 2 "certificate revoked" with_crls "$d/held.pem"
  expect "$a: a server certificate is no client certificate" 2 "purpose" with_crls -purpose sslclient "$d/good.pem"
  expect "$a: tampered certificate" 2 "certificate signature failure" verify "$d/tampered.pem"
  expect "$a: tampered CRL" 2 "CRL signature failure" verify -crl_check -CRLfile "$d/tampered.crl" "$d/good.pem"
  expect "$a: no CRL" 2 "unable to get certificate CRL" verify -crl_check_all -CRLfile "$d/root.crl" "$d/good.pem"
  expect "$a: after the CRL's nextUpdate" 2 "CRL has expired" with_crls -attime $(($(date +%s) + 40 * 86400)) "$d/good.pem"
  expect "$a: before notBefore" 2 "not yet valid" verify -attime 1500000000 "$d/good.pem"
  expect "$a: foreign issuer of the same name" 2 "unable to get|signature failure|issuer" \
    openssl verify -partial_chain -CAfile "$d/foreign.pem" "$d/good.pem"
  expect "$a: a leaf is no CA" 2 "invalid CA certificate" verify -untrusted "$d/good.pem" "$d/forged.pem"

  for ca in root policy issuing; do
    expect "$a: openssl crl verifies the CRL of $ca" 0 "verify OK" openssl crl -in "$d/$ca.crl" -noout -CAfile "$d/$ca.pem"
  done
  expect "$a: the CRL names reason and number" 0 "CRL Number" openssl crl -in "$d/issuing.crl" -noout -text
  if grep -q "Key Compromise" "$W/last" && grep -q "Certificate Hold" "$W/last"; then ok "$a: both reasons"; else no "$a: both reasons" "$W/last"; fi
  same "$a: two entries in the CRL" "$(grep -c 'Serial Number:' "$W/last")" 2
done
summary
