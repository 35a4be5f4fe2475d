#!/bin/bash
# Delta CRLs before other programs: openssl combines them with the base (revoked only in the delta, released
# there, changed there), certtool verifies them, and python-cryptography, with a decoder of its own, reads how
# base and delta belong together.
. "$(dirname "$0")/../cli/lib.sh"
need openssl certtool python3
set_up_cas
for name in good early late held released; do
  request "$name" "/CN=$name.example.test" "DNS:$name.example.test"
  must vouch --ca Issuing request submit "$W/$name.csr" --template WebServer --out "$W/$name.pem"
done
must vouch --ca Root ca export --out "$W/root.pem"
must vouch --ca Issuing ca export --out "$W/issuing.pem"
revoke() { must vouch --ca Issuing cert revoke "$W/$1.pem" --reason "$2"; }
pem() { must openssl crl -inform DER -in "$VOUCH_HOME/published/$1.crl" -out "$W/$2.pem"; }

revoke early keyCompromise
revoke released certificateHold
must vouch --ca Issuing crl publish
must vouch --ca Root crl publish
pem Root root-crl
pem Issuing base
pem Issuing+ empty-delta
revoke late superseded
revoke held certificateHold
must vouch --ca Issuing cert release "$(openssl x509 -in "$W/released.pem" -noout -serial | cut -d= -f2)"
check "crl publish --delta" vouch --ca Issuing crl publish --delta
pem Issuing+ delta

cat "$W/root-crl.pem" "$W/base.pem" >"$W/base-only.pem"
cat "$W/base-only.pem" "$W/delta.pem" >"$W/with-delta.pem"
cat "$W/base-only.pem" "$W/empty-delta.pem" >"$W/with-empty.pem"
cat "$W/root-crl.pem" "$W/delta.pem" >"$W/delta-only.pem"
verify() { # CRLS NAME
  openssl verify -x509_strict -CAfile "$W/root.pem" -untrusted "$W/issuing.pem" -crl_check_all -extended_crl -use_deltas \
    -CRLfile "$W/$1.pem" "$W/$2.pem"
}
expect "openssl, base and delta: good" 0 "good.pem: OK" verify with-delta good
expect "openssl, base and delta: revoked since long" 2 "certificate revoked" verify with-delta early
expect "openssl, base and delta: revoked in the delta alone" 2 "certificate revoked" verify with-delta late
expect "openssl, base and delta: on hold in the delta alone" 2 "certificate revoked" verify with-delta held
expect "openssl, base and delta: released by removeFromCRL" 0 "released.pem: OK" verify with-delta released
expect "openssl, base alone: it does not know yet" 0 "late.pem: OK" verify base-only late
expect "openssl, base alone: still on hold" 2 "certificate revoked" verify base-only released
expect "openssl, base and an empty delta: good" 0 "good.pem: OK" verify with-empty good
expect "openssl, base and an empty delta: revoked" 2 "certificate revoked" verify with-empty early
expect "openssl: a delta is no base" 2 "unable to get certificate CRL" verify delta-only good

# The next base needs no delta any more, and the delta that comes with it goes with it.
must vouch --ca Issuing crl publish
pem Issuing next
pem Issuing+ next-delta
cat "$W/root-crl.pem" "$W/next.pem" "$W/next-delta.pem" >"$W/with-next.pem"
cat "$W/root-crl.pem" "$W/next.pem" "$W/delta.pem" >"$W/with-old-delta.pem"
expect "openssl, the next base: revoked" 2 "certificate revoked" verify with-next late
expect "openssl, the next base: released" 0 "released.pem: OK" verify with-next released
expect "openssl, the next base with the old delta: revoked" 2 "certificate revoked" verify with-old-delta late

for crl in base delta next-delta; do
  expect "certtool verifies $crl" 0 "Verification output: Verified" certtool --verify-crl --load-ca-certificate "$W/issuing.pem" --infile "$W/$crl.pem"
  expect "certtool reads $crl" 0 "CRL Number" certtool --crl-info --infile "$W/$crl.pem"
done
expect "certtool: not with another key" 1 "Not verified" certtool --verify-crl --load-ca-certificate "$W/root.pem" --infile "$W/delta.pem"

expect "vouch shows what a delta is" 0 "Delta CRL, base number \(critical\)" vouch crl show "$W/delta.pem"
expect "vouch lists it as one" 0 "delta of" vouch --ca Issuing crl list

# What another decoder makes of the pair.
cat >"$W/pair.py" <<'P'
import sys
from cryptography import x509
base, delta = (x509.load_pem_x509_crl(open(f, "rb").read()) for f in sys.argv[1:3])
get = lambda crl, kind: crl.extensions.get_extension_for_class(kind)
number = lambda crl: get(crl, x509.CRLNumber).value.crl_number
indicator = get(delta, x509.DeltaCRLIndicator)
assert indicator.critical, "the indicator must be critical"
assert indicator.value.crl_number == number(base), "the delta names the base"
assert number(delta) > number(base), "numbers rise"
assert get(delta, x509.AuthorityKeyIdentifier).value == get(base, x509.AuthorityKeyIdentifier).value
freshest = get(base, x509.FreshestCRL)
assert not freshest.critical
print("freshest:", freshest.value[0].full_name[0].value)
assert not any(isinstance(e.value, x509.FreshestCRL) for e in delta.extensions)
assert not any(isinstance(e.value, x509.DeltaCRLIndicator) for e in base.extensions)
reasons = sorted(e.extensions.get_extension_for_class(x509.CRLReason).value.reason.value for e in delta)
print("reasons:", " ".join(reasons))
P
expect "python-cryptography: the pair fits, and the delta holds three changes" 0 \
  "reasons: certificateHold removeFromCRL superseded" /usr/bin/python3 "$W/pair.py" "$W/base.pem" "$W/delta.pem"
expect "and the base says where the delta is" 0 "freshest: http://.*/pki/Issuing\+\.crl" /usr/bin/python3 "$W/pair.py" "$W/base.pem" "$W/delta.pem"
summary
