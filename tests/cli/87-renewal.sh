#!/bin/bash
# Renewal with the same and with a new key: what was signed before and after verifies, each key has its own CRL.
. "$(dirname "$0")/lib.sh"
need openssl certtool python3
vouch() { "$VOUCH" --quiet "$@"; }
loud() { "$VOUCH" "$@"; }
pem_crl() { openssl crl -inform DER -in "$VOUCH_HOME/published/$1.crl" -out "$2"; }
serials() { openssl crl -in "$1" -noout -text | sed -n 's/.*Serial Number: //p'; }
serial_of() { openssl x509 -in "$1" -noout -serial | cut -d= -f2; }
ca_version() { # FILE: the two numbers of 311.21.1, as openssl shows them
  openssl asn1parse -in "$1" | grep -A1 1.3.6.1.4.1.311.21.1 | tail -1 | sed 's/.*DUMP\]://'
}
issue() { # CA NAME
  request "$2" "/CN=$2.example.com" "DNS:$2.example.com"
  vouch request submit "$W/$2.csr" --ca "$1" --template WebServer --out "$W/$2.pem"
}

must vouch ca init --name Root --kind root
must vouch ca init --name CA --kind subordinate --parent Root --automatic-issuance
must vouch template publish WebServer --ca CA
must vouch ca export --ca Root --out "$W/root.pem"
must vouch ca export --ca CA --out "$W/ca0.pem"
must issue CA first
must issue CA second
must vouch cert revoke "$W/first.pem" --reason keyCompromise

check "the same key, signed by the parent at once" vouch ca renew --ca CA --parent Root
vouch ca export --ca CA --out "$W/ca1.pem"
same "certificate 1, key 0" "$(ca_version "$W/ca1.pem")" 020101
same "the same key" "$(openssl x509 -in "$W/ca1.pem" -noout -pubkey)" "$(openssl x509 -in "$W/ca0.pem" -noout -pubkey)"
same "it names its predecessor by SHA-1" \
  "$(openssl asn1parse -in "$W/ca1.pem" | grep -A1 1.3.6.1.4.1.311.21.2 | tail -1 | sed 's/.*DUMP\]:0414//' | tr A-F a-f)" \
  "$(openssl x509 -in "$W/ca0.pem" -outform DER | sha1sum | cut -d' ' -f1)"
must issue CA third
same "one base and one delta CRL for the one key" "$(cd "$VOUCH_HOME/published" && LC_ALL=C ls CA*.crl | tr '\n' ' ')" "CA+.crl CA.crl "

check "a new key, by file" vouch ca renew --ca CA --new-key --key ec:P-384 --request-out "$W/renew.csr"
must issue CA fourth
check "until the answer comes, the old key signs" openssl verify -CAfile "$W/root.pem" -untrusted "$W/ca1.pem" "$W/fourth.pem"
expect "a second renewal waits for the first" 1 "waits for the certificate" loud ca renew --ca CA --request-out "$W/x.csr"
must vouch ca sign "$W/renew.csr" --ca Root --out "$W/answer.pem"
must openssl crl2pkcs7 -nocrl -certfile "$W/answer.pem" -out "$W/answer.p7b"
expect "the old certificate is no answer" 1 "is for the key" loud ca install "$W/ca1.pem" --ca CA
check "the answer as .p7b" vouch ca install "$W/answer.p7b" --ca CA
vouch ca export --ca CA --out "$W/ca2.pem"
same "certificate 2, key 2" "$(ca_version "$W/ca2.pem")" 0203020002
same "older ones can be had" "$(vouch ca export --ca CA --generation 1 | openssl x509 -noout -serial)" "$(openssl x509 -in "$W/ca1.pem" -noout -serial)"
must issue CA fifth
must issue CA sixth
must vouch cert revoke "$W/fourth.pem" --reason superseded
must vouch cert revoke "$W/fifth.pem" --reason superseded
check "CRLs of both keys" vouch crl publish --ca CA
must vouch crl publish --ca Root
same "by the key's number" "$(cd "$VOUCH_HOME/published" && LC_ALL=C ls CA*.crl | tr '\n' ' ')" "CA(2)+.crl CA(2).crl CA+.crl CA.crl "
same "and certificates by theirs" "$(cd "$VOUCH_HOME/published" && ls CA*.crt | tr '\n' ' ')" "CA(1).crt CA(2).crt CA.crt "
pem_crl CA "$W/old.crl"
pem_crl "CA(2)" "$W/new.crl"
pem_crl Root "$W/root.crl"
same "what the old key signed is on its CRL only" "$(serials "$W/old.crl" | sort | tr '\n' ' ')" \
  "$(printf '%s\n' "$(serial_of "$W/first.pem")" "$(serial_of "$W/fourth.pem")" | sort | tr '\n' ' ')"
same "and what the new one signed on its" "$(serials "$W/new.crl")" "$(serial_of "$W/fifth.pem")"

for ca in ca0 ca1; do
  expect "openssl: the old key's CRL under $ca" 0 "verify OK" openssl crl -in "$W/old.crl" -noout -CAfile "$W/$ca.pem"
  expect "certtool: the old key's CRL under $ca" 0 "verified" certtool --verify-crl --load-ca-certificate "$W/$ca.pem" --infile "$W/old.crl"
done
expect "openssl: the new key's CRL" 0 "verify OK" openssl crl -in "$W/new.crl" -noout -CAfile "$W/ca2.pem"
expect "certtool: the new key's CRL" 0 "verified" certtool --verify-crl --load-ca-certificate "$W/ca2.pem" --infile "$W/new.crl"
cat "$W/ca0.pem" "$W/ca1.pem" "$W/ca2.pem" >"$W/cas.pem"
cat "$W/old.crl" "$W/new.crl" "$W/root.crl" >"$W/all.crl"
verify() { openssl verify -x509_strict -crl_check_all -CAfile "$W/root.pem" -untrusted "$W/cas.pem" -CRLfile "$W/all.crl" "$@"; }
for leaf in second third sixth; do check "openssl: $leaf is good" verify "$W/$leaf.pem"; done
for leaf in first fourth fifth; do expect "openssl: $leaf is revoked" 2 "certificate revoked" verify "$W/$leaf.pem"; done
check "certtool: an old one is good" certtool --verify --load-ca-certificate "$W/root.pem" --infile <(cat "$W/second.pem" "$W/ca0.pem" "$W/root.pem")
expect "ca show tells all generations" 0 "V2.2, signs" loud ca show --ca CA
grep -q "V0.0, older, still valid" "$W/last" && ok "with the older ones" || no "with the older ones" "$W/last"

# A root with a new key: who trusts the one reaches what the other has signed.
check "a root with a new key" vouch ca renew --ca Root --new-key
vouch ca export --ca Root --out "$W/root1.pem"
for pair in "0-1" "1-0"; do openssl x509 -in "$VOUCH_HOME/published/Root($pair).crt" -out "$W/cross$pair.pem"; done
must vouch ca init --name Late --kind subordinate --parent Root
vouch ca export --ca Late --out "$W/late.pem"
check "who trusts the old root reaches the new key" openssl verify -x509_strict -CAfile "$W/root.pem" -untrusted "$W/cross0-1.pem" "$W/late.pem"
check "who trusts the new root reaches what the old key signed" openssl verify -x509_strict -CAfile "$W/root1.pem" -untrusted "$W/cross1-0.pem" "$W/ca2.pem"
expect "without the cross-certificate not" 2 "unable to get" openssl verify -CAfile "$W/root.pem" "$W/late.pem"
check "the CRL that a cross-certificate names exists" openssl crl -inform DER -in "$VOUCH_HOME/published/Root.crl" -noout -CAfile "$W/root.pem"
expect "and of the new key" 0 "verify OK" openssl crl -inform DER -in "$VOUCH_HOME/published/Root(1).crl" -noout -CAfile "$W/root1.pem"

expect "a root never becomes a subordinate" 1 "never becomes a subordinate" loud ca renew --ca Root --parent CA
expect "nor by file" 1 "never becomes a subordinate" loud ca renew --ca Root --request-out "$W/x.csr"
expect "a subordinate never becomes a root" 2 "never becomes a root" loud ca renew --ca CA
expect "a weak key is refused" 1 "force-weak-key" loud ca renew --ca Root --new-key --key rsa:1024
expect "and forced with a warning" 0 "warning: .*1024 bits is weak" loud ca renew --ca Root --new-key --key rsa:1024 --force-weak-key
expect "a key of 512 bits never" 2 "512" loud ca renew --ca Root --new-key --key rsa:512 --force-weak-key
check "the hash changes without a renewal" vouch ca set hash=sha512 --ca CA
must vouch crl publish --ca CA
expect "from the next signature on" 0 "ecdsa-with-SHA512" openssl crl -inform DER -in "$VOUCH_HOME/published/CA(2).crl" -noout -text
expect "an unknown setting" 2 "automatic-issuance" loud ca set colour=red --ca CA

# Half of its life is over: a CA of two seconds.
must vouch --home "$W/short" ca init --name Short --kind root --validity 10s
sleep 6
expect "a CA past half of its life says so" 0 "half of the life of CA 'Short' was over" loud --home "$W/short" crl publish
summary
