#!/bin/bash
# CAPolicy.inf in the shapes that Microsoft's guidance has, for a root and for an issuing CA; read by openssl.
. "$(dirname "$0")/lib.sh"
need openssl python3
text() { openssl x509 -in "$1" -noout -text >"$W/text"; }
has() { # NAME PATTERN
  if tr '\n' ' ' <"$W/text" | tr -s ' ' | grep -qE -- "$2"; then ok "$1"; else no "$1" "$W/text"; fi
}

mkdir -p "$W/root" "$W/issuing"
# As Windows editors save it: UTF-16 with a mark, CRLF.
printf '%s\r\n' '[Version]' 'Signature="$Windows NT$"' '[Certsrv_Server]' 'RenewalKeyLength=3072' 'RenewalValidityPeriod=Years' \
  'RenewalValidityPeriodUnits=12' 'CRLPeriod=Weeks' 'CRLPeriodUnits=26' 'CRLOverlapPeriod=Weeks' 'CRLOverlapUnits=2' \
  'CRLDeltaPeriod=Days' 'CRLDeltaPeriodUnits=0' 'LoadDefaultTemplates=0' 'AlternateSignatureAlgorithm=0' \
  'CNGHashAlgorithm=SHA384' '[BasicConstraintsExtension]' 'PathLength=1' 'Critical=Yes' '[CRLDistributionPoint]' \
  'URL="http://pki.contoso.com/%3%8.crl"' '[AuthorityInformationAccess]' 'Empty=true' |
  iconv -f UTF-8 -t UTF-16 >"$W/root/CAPolicy.inf"
expect "a root reads the file in its home" 0 "CAPolicy.inf:4: .Certsrv_Server. RenewalKeyLength = 3072" \
  vouch --home "$W/root" ca init --name "Contoso Root" --kind root --key rsa:2048
vouch --home "$W/root" ca export --out "$W/root.pem" >/dev/null
text "$W/root.pem"
has "path length" "Basic Constraints: critical CA:TRUE, pathlen:1"
has "hash" "Signature Algorithm: sha384WithRSAEncryption"
has "CDP with the CA's name" "URI:http://pki.contoso.com/Contoso%20Root.crl"
if grep -q "Authority Information Access" "$W/text"; then no "no AIA" "$W/text"; else ok "no AIA"; fi
same "validity" "$(($(openssl x509 -in "$W/root.pem" -noout -enddate | grep -oE '20[0-9]{2}') - $(openssl x509 -in "$W/root.pem" -noout -startdate | grep -oE '20[0-9]{2}')))" 12
expect "CRL times" 0 "CRL every: *26w, overlap 2w" vouch --home "$W/root" ca show
expect "no templates" 0 "no templates" vouch --home "$W/root" template list

cat >"$W/issuing/CAPolicy.inf" <<'X'
; of an enterprise issuing CA
[Version]
Signature="$Windows NT$"
[PolicyStatementExtension]
Policies=InternalPolicy, AllIssuancePolicy
Critical=FALSE
[InternalPolicy]
OID=1.2.3.4.1455.67.89.5
Notice="Legal Policy Statement; "
_continue_ = "all rights reserved"
URL=http://pki.corp.contoso.com/pki/cps.txt
[AllIssuancePolicy]
OID=%szOID_ANY%
[Certsrv_Server]
RenewalKeyLength=2048
CRLPeriod = days
CRLPeriodUnits = 2
LoadDefaultTemplates=True
EnabelKeyCounting=0
[BasicConstraintsExtension]
PathLength=0
[EnhancedKeyUsageExtension]
OID=1.3.6.1.5.5.7.3.2
OID=1.3.6.1.4.1.311.20.2.2
Critical=No
[CrossCertificateDistributionPointsExtension]
SyncDeltaTime=24
URL=http://pki.corp.contoso.com/cross.p7b
[Extensions]
1.3.6.1.4.1.99999.1=DAVoZWxsbw==
Critical=
[Strings]
szOID_ANY=2.5.29.32.0
X
expect "an unknown key is a warning with file and line" 0 "warning: .*CAPolicy.inf:19: unknown key 'EnabelKeyCounting'.*EnableKeyCounting" \
  vouch --home "$W/issuing" ca init --name "Contoso Issuing" --kind subordinate --parent "$W/root"
vouch --home "$W/issuing" ca export --out "$W/issuing.pem" >/dev/null
text "$W/issuing.pem"
has "policy with notice and URL" "Policy: 1.2.3.4.1455.67.89.5 .*Legal Policy Statement; all rights reserved"
has "its URL" "CPS: http://pki.corp.contoso.com/pki/cps.txt"
has "a string of [Strings]" "Policy: X509v3 Any Policy"
has "purposes" "Extended Key Usage: TLS Web Client Authentication, Microsoft Smartcard ?[Ll]ogin"
has "path length" "CA:TRUE, pathlen:0"
has "raw extension" "1.3.6.1.4.1.99999.1: \.\.hello"
has "cross-certificate locations" "1.3.6.1.4.1.311.10.9.1: .*http://pki.corp.contoso.com/cross.p7b"
check "openssl verifies it" openssl verify -x509_strict -CAfile "$W/root.pem" "$W/issuing.pem"
expect "CRL times" 0 "CRL every: *2d" vouch --home "$W/issuing" ca show

# Read again at renewal.
sed -i 's/^PathLength=0/PathLength=0\r/; s/1455.67.89.5/1455.67.89.6/; s/EnabelKeyCounting=0/HashAlgorithm=SHA512/' "$W/issuing/CAPolicy.inf"
check "a renewal reads it again" vouch --home "$W/issuing" ca renew --parent "$W/root"
vouch --home "$W/issuing" ca export --out "$W/issuing.pem" >/dev/null
text "$W/issuing.pem"
has "the new policy" "Policy: 1.2.3.4.1455.67.89.6 "
check "a root's new key has the length that the file names" vouch --home "$W/root" ca renew --new-key
vouch --home "$W/root" ca export --out "$W/root1.pem" >/dev/null
text "$W/root1.pem"
has "3072 bits" "Public-Key: \(3072 bit\)"
has "the CRL's name follows the key" "URI:http://pki.contoso.com/Contoso%20Root\(1\).crl"

# --capolicy, --json and what is malformed.
printf '[Version]\nSignature="$Windows NT$"\n[BasicConstraintsExtension]\nPathLength=7\n' >"$W/other.inf"
check "another file" vouch --home "$W/other" ca init --name Other --kind root --capolicy "$W/other.inf" --json
same "is told in JSON" "$(json "$W/last" "['capolicy']['settings'][0]['line']")" 4
printf '[Version]\nSignature="$Windows NT$"\n[BasicConstraintsExtension]\nPathLength=seven\n' >"$W/bad.inf"
expect "a malformed value is an error with file and line" 1 "bad.inf:4: PathLength = 'seven' is no number" \
  vouch --home "$W/bad" ca init --name Bad --kind root --capolicy "$W/bad.inf"
same "and nothing is made" "$(ls "$W/bad/keys" 2>/dev/null | wc -l)" 0
expect "a file that is not there" 1 "none.inf" vouch --home "$W/bad" ca init --name Bad --kind root --capolicy "$W/none.inf"
summary
