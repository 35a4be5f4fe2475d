#!/bin/bash
# Sharded CRLs before other programs: openssl takes the CRL whose issuing distribution point is the one that the
# certificate names, and no other; python-cryptography, with a decoder of its own, reads both extensions;
# certtool verifies every shard.
. "$(dirname "$0")/../cli/lib.sh"
need openssl certtool python3
set_up_cas
must vouch --ca Issuing location set --cdp "65:$VOUCH_HOME/published/%3%8%9.crl" 6:http://pki.example.test/%3%8%9.crl
check "the CRLs are sharded" vouch --ca Issuing crl schedule --shards 3
expect "and it is shown" 0 "Shards: *3" vouch --ca Issuing crl schedule

# Certificates of all three shards: one revoked in each, one good in each.
url_of() { openssl x509 -in "$W/$1.pem" -noout -ext crlDistributionPoints | grep -o 'http://[^ ]*'; }
shard_of() { url_of "$1" | sed -E 's/.*~([0-9]+)\.crl$/\1/'; }
for i in $(seq 60); do
  request "c$i" "/CN=c$i.example.test" "DNS:c$i.example.test"
  must vouch --ca Issuing request submit "$W/c$i.csr" --template WebServer --out "$W/c$i.pem"
  shard=$(shard_of "c$i")
  for kind in revoked good; do
    [ -e "$W/$kind-$shard.pem" ] && continue
    cp "$W/c$i.pem" "$W/$kind-$shard.pem"
    break
  done
  [ "$(ls "$W"/good-?.pem 2>/dev/null | wc -l)" = 3 ] && break
done
same "certificates of every shard" "$(cd "$W" && echo good-?.pem revoked-?.pem)" \
  "good-1.pem good-2.pem good-3.pem revoked-1.pem revoked-2.pem revoked-3.pem"
must vouch --ca Root ca export --out "$W/root.pem"
must vouch --ca Issuing ca export --out "$W/issuing.pem"
for shard in 1 2 3; do
  must vouch --ca Issuing cert revoke "$W/revoked-$shard.pem" --reason keyCompromise
done
check "crl publish" vouch --ca Issuing crl publish
expect "vouch lists the shards" 0 "^[0-9]+ +Issuing +0 +3 +base" vouch --ca Issuing crl list

for shard in 1 2 3; do
  must openssl crl -inform DER -in "$VOUCH_HOME/published/Issuing~$shard.crl" -out "$W/shard-$shard.crl"
done
must openssl crl -inform DER -in "$VOUCH_HOME/published/Issuing.crl" -out "$W/complete.crl"
cat "$W"/shard-?.crl >"$W/all-shards.crl"
verify() { # CRLS CERTIFICATE
  openssl verify -x509_strict -CAfile "$W/root.pem" -untrusted "$W/issuing.pem" -crl_check -CRLfile "$W/$1.crl" "$W/$2.pem"
}
for shard in 1 2 3; do
  other=$((shard % 3 + 1))
  expect "openssl, shard $shard: good" 0 "good-$shard.pem: OK" verify "shard-$shard" "good-$shard"
  expect "openssl, shard $shard: revoked" 2 "certificate revoked" verify "shard-$shard" "revoked-$shard"
  expect "openssl: shard $other says nothing about it" 2 "unable to get certificate CRL|different CRL scope" verify "shard-$other" "good-$shard"
  expect "openssl finds shard $shard among all" 2 "certificate revoked" verify all-shards "revoked-$shard"
  expect "openssl, the complete list: revoked" 2 "certificate revoked" verify complete "revoked-$shard"
  expect "openssl, the complete list: good" 0 "good-$shard.pem: OK" verify complete "good-$shard"
  expect "certtool verifies shard $shard" 0 "Verification output: Verified" certtool --verify-crl --load-ca-certificate "$W/issuing.pem" --infile "$W/shard-$shard.crl"
done

cat >"$W/scope.py" <<'P'
import sys
from cryptography import x509
certificate = x509.load_pem_x509_certificate(open(sys.argv[1], "rb").read())
crl = x509.load_pem_x509_crl(open(sys.argv[2], "rb").read())
scope = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint)
assert scope.critical, "RFC 5280 5.2.5"
points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
names = [n.value for p in points for n in p.full_name]
assert [n.value for n in scope.value.full_name] == names, (scope.value, names)
entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
print("same name,", "listed" if entry else "not listed", "among", len(crl))
P
for shard in 1 2 3; do
  expect "python-cryptography: one name in both, shard $shard" 0 "same name, listed among 1" /usr/bin/python3 "$W/scope.py" "$W/revoked-$shard.pem" "$W/shard-$shard.crl"
done

# The number changes: what was issued stays where it is.
check "no shards any more" vouch --ca Issuing crl schedule --shards 1
expect "a location without a place for the shards is refused" 2 "all shards would have the one location" \
  vouch --ca Issuing location add --cdp 2:http://pki.example.test/one.crl
request later /CN=later.example.test DNS:later.example.test
must vouch --ca Issuing request submit "$W/later.csr" --template WebServer --out "$W/later.pem"
same "a new certificate names the complete list" "$(url_of later)" http://pki.example.test/Issuing.crl
must vouch --ca Issuing cert revoke "$W/good-2.pem" --reason superseded
check "crl publish" vouch --ca Issuing crl publish
must openssl crl -inform DER -in "$VOUCH_HOME/published/Issuing~2.crl" -out "$W/shard-2.crl"
expect "its shard lists an older one" 2 "certificate revoked" verify shard-2 good-2
expect "too many shards" 2 "choose 1 .no shards. to 1024" vouch --ca Issuing crl schedule --shards 5000
summary
