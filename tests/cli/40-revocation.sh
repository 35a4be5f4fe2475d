#!/bin/bash
# Revoke, hold and release, and what CRLs say of it.
. "$(dirname "$0")/lib.sh"
need openssl python3
set_up_cas
vouch ca export --ca Issuing --out "$W/issuing.pem" >/dev/null
vouch ca export --ca Root --out "$W/root.pem" >/dev/null
for n in a b c; do
  request $n /CN=$n.example.com DNS:$n.example.com
  must vouch request submit "$W/$n.csr" --ca Issuing --template WebServer --out "$W/$n.pem"
done
serial() { openssl x509 -in "$W/$1.pem" -noout -serial | cut -d= -f2; }
publish() { vouch crl publish --ca Issuing >/dev/null && crl_pem Issuing "$W/crl.pem"; }
text() { openssl crl -in "$W/crl.pem" -noout -text; }

expect "a reason is asked for" 2 "reason" vouch cert revoke "$(serial a)"
expect "an unknown reason is wrong usage" 2 "reason" vouch cert revoke "$(serial a)" --reason boredom
check "by serial, as openssl prints it" vouch cert revoke "$(serial a)" --reason keyCompromise --invalid-since 2026-01-02
check "by file, on hold" vouch cert revoke "$W/b.pem" --reason certificateHold
must publish
expect "openssl finds the revoked one, with its reason" 0 "Key Compromise" text
expect "with the date of invalidity" 0 "Invalidity Date" text
expect "and the one on hold" 0 "Certificate Hold" text
number=$(openssl crl -in "$W/crl.pem" -noout -crlnumber)
check "release lifts the hold" vouch cert release "$(serial b)"
must publish
same "the released one is gone" "$(text | grep -c "Certificate Hold")" 0
same "the CRL number rose, past the delta between" $(($(openssl crl -in "$W/crl.pem" -noout -crlnumber | cut -d= -f2))) $((${number#*=} + 2))
expect "what is not on hold is not released" 1 "error" vouch cert release "$(serial a)"
expect "nobody revokes twice" 1 "conflict" vouch cert revoke "$(serial a)" --reason superseded
expect "list --revoked shows one" 0 "a.example.com" vouch cert list --revoked
same "and only it" "$(vouch cert list --revoked | grep -c example.com)" 1
check "a hold can become final" vouch cert revoke "$W/c.pem" --reason certificateHold
check "with a reason of its own" vouch cert revoke "$W/c.pem" --reason cessationOfOperation
expect "a certificate from elsewhere is refused" 1 "not issued here" vouch cert revoke "$W/root.pem" --reason superseded

openssl crl -in "$W/crl.pem" -outform DER -out "$W/crl.der"
expect "crl show checks the signature" 0 "signature: good" vouch crl show "$W/crl.der" --ca "$W/issuing.pem"
expect "and reads PEM too" 0 "signature: good" vouch crl show "$W/crl.pem" --ca "$W/issuing.pem"
expect "the wrong CA: 4" 4 "signature: BAD" vouch crl show "$W/crl.der" --ca "$W/root.pem"
python3 -c '
import sys
d = bytearray(open(sys.argv[1], "rb").read()); d[-3] ^= 4; open(sys.argv[2], "wb").write(d)' "$W/crl.der" "$W/bad.der"
expect "a flipped bit: 4" 4 "signature: BAD" vouch crl show "$W/bad.der" --ca "$W/issuing.pem"
summary
