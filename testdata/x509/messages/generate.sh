#!/bin/sh
# Makes the files of this folder with openssl, certtool and python3-cryptography (see README.md). Every run
# makes new keys: the values that the tests expect are then to be taken over from the new files' own
# text, as openssl prints it.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
here=$PWD
cd "$work"

cat > openssl.cnf <<'CNF'
[req]
distinguished_name = dn
prompt = no
utf8 = yes
[dn]
CN = unused
[ca]
default_ca = the_ca
[the_ca]
database = index.txt
crlnumber = crlnumber
default_md = sha256
crl_extensions = crl_ext
[crl_ext]
authorityKeyIdentifier = keyid
[root]
basicConstraints = critical,CA:TRUE,pathlen:1
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature,keyEncipherment
extendedKeyUsage = serverAuth,clientAuth
subjectAltName = DNS:www.example.com,DNS:*.example.com,IP:192.0.2.1,IP:2001:db8::1,email:web@example.com,URI:https://www.example.com/,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:web@corp.example,dirName:sandn,RID:1.2.3.4
authorityInfoAccess = OCSP;URI:http://ocsp.example.com,caIssuers;URI:http://pki.example.com/root.crt
crlDistributionPoints = URI:http://pki.example.com/root.crl
certificatePolicies = 1.3.6.1.4.1.99999.1,@pol
nameConstraints = permitted;DNS:example.com,excluded;IP:10.0.0.0/255.0.0.0
policyConstraints = requireExplicitPolicy:3
tlsfeature = status_request
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid,issuer
[pol]
policyIdentifier = 1.3.6.1.4.1.99999.2
CPS.1 = http://pki.example.com/cps
userNotice.1 = @notice
[notice]
explicitText = UTF8:Nur für Tests
[sandn]
C = DE
O = Contoso\, Ltd
CN = Web
[request]
subjectAltName = DNS:www.example.com,DNS:example.com
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
CNF

# Certificates
openssl ecparam -name prime256v1 -genkey -noout -out root.key
openssl req -config openssl.cnf -new -x509 -key root.key -sha256 -days 7300 -set_serial 1 -extensions root \
  -subj '/C=DE/O=Contoso, Ltd/CN=Test Root' -out root.pem
openssl genrsa -out server.key 2048
openssl req -config openssl.cnf -new -key server.key -subj '/DC=example/DC=corp/O=Contoso, Ltd/OU=Größe/CN=www.example.com' -out server.csr
openssl x509 -req -in server.csr -CA root.pem -CAkey root.key -set_serial 0xfedcba9876543210fedcba9876543210fedcba98 \
  -days 400 -sha256 -extfile openssl.cnf -extensions server -out server.pem
openssl x509 -req -in server.csr -signkey server.key -days 400 -sha384 -set_serial 5 -out v1.pem
openssl genpkey -algorithm ed25519 -out ed.key
openssl req -config openssl.cnf -new -x509 -key ed.key -days 30000 -set_serial 0 -subj '/' -extensions request -out ed25519.pem

# Requests
openssl req -config openssl.cnf -new -key root.key -reqexts request -subj '/CN=request' -out request-openssl.pem
cat > certtool.cfg <<'CFG'
cn = "certtool request"
challenge_password = "s3cret challenge"
dns_name = "www.example.com"
CFG
certtool --generate-request --load-privkey root.key --template certtool.cfg --outfile certtool.full 2>/dev/null
sed -n '/BEGIN NEW/,/END NEW/p' certtool.full > request-certtool.pem

# CRLs: reasons, an invalidity date and a hold; an empty one; and certtool's.
touch index.txt.attr
printf 'R\t400101000000Z\t260102030405Z\t01\tunknown\t/CN=1\n' > index.txt
printf 'R\t400101000000Z\t260102030406Z,keyCompromise\t80\tunknown\t/CN=2\n' >> index.txt
printf 'R\t400101000000Z\t260102030407Z,keyTime,20251231235959Z\tFEDCBA9876543210\tunknown\t/CN=3\n' >> index.txt
printf 'R\t400101000000Z\t260102030408Z,certificateHold\t7F\tunknown\t/CN=4\n' >> index.txt
printf 'R\t400101000000Z\t260102030409Z,cessationOfOperation\t100000000000000000000000000000000000001F\tunknown\t/CN=5\n' >> index.txt
echo 1F42 > crlnumber
openssl ca -config openssl.cnf -gencrl -keyfile root.key -cert root.pem -crl_lastupdate 20260102040000Z -crl_nextupdate 20260109040000Z -out crl.pem
: > index.txt
openssl ca -config openssl.cnf -gencrl -keyfile root.key -cert root.pem -crl_lastupdate 20260102040000Z -crl_nextupdate 20510109040000Z -out crl-empty.pem
cat > crl.cfg <<'CFG'
crl_next_update = 43
crl_number = 17
CFG
certtool --generate-crl --load-ca-privkey root.key --load-ca-certificate root.pem --load-certificate server.pem --template crl.cfg --outfile crl-certtool.pem 2>/dev/null

# OCSP
openssl ocsp -issuer root.pem -cert server.pem -serial 0x1234 -reqout ocsp-request.der
openssl ocsp -sha256 -issuer root.pem -cert server.pem -no_nonce -reqout ocsp-request-plain.der
openssl ocsp -issuer root.pem -cert server.pem -signer root.pem -signkey root.key -reqout ocsp-request-signed.der
printf 'R\t400101000000Z\t260102030406Z,keyCompromise\tFEDCBA9876543210FEDCBA9876543210FEDCBA98\tunknown\t/CN=2\nV\t400101000000Z\t\t1235\tunknown\t/CN=3\n' > index.txt
openssl ocsp -index index.txt -CA root.pem -rsigner root.pem -rkey root.key -reqin ocsp-request.der -ndays 7 -respout ocsp-response.der
openssl ocsp -index index.txt -CA root.pem -rsigner root.pem -rkey root.key -reqin ocsp-request-plain.der -resp_key_id -resp_no_certs -respout ocsp-response-key.der

# openssl's requests with the message put together another way.
/usr/bin/python3 "$here/generate.py" "$work"

for file in root server v1 ed25519 microsoft; do openssl x509 -in $file.pem -text -out "$here/$file.pem"; done
for file in request-openssl request-certtool request-microsoft request-unsorted; do openssl req -in $file.pem -text -out "$here/$file.pem"; done
for file in crl crl-empty crl-certtool; do openssl crl -in $file.pem -text -out "$here/$file.pem"; done
cp ocsp-*.der "$here/"
