#!/bin/bash
# A root in the safe: everything by files, from homes that know nothing of each other; and the answer as .p7b.
. "$(dirname "$0")/lib.sh"
need openssl certtool
root() { vouch --home "$W/safe" "$@"; }
sub() { vouch --home "$W/online" "$@"; }

check "the root is set up" root ca init --name "Offline Root" --kind root --key ec:P-384 --subject-suffix O=Example
check "the subordinate writes a request" sub ca init --name "Issuing CA" --kind subordinate --subject-suffix O=Example \
  --automatic-issuance --request-out "$W/sub.csr"
check "openssl reads it, and it is signed by its key" openssl req -in "$W/sub.csr" -noout -verify
expect "until then it signs nothing" 1 "no certificate yet" sub crl publish
check "the root signs it" root ca sign "$W/sub.csr" --out "$W/answer.pem" --path-length 0 --validity 5y
same "with the full path" "$(grep -c BEGIN "$W/answer.pem")" 2
check "the root publishes a CRL to a file" root crl publish
check "the root's CRL verifies" openssl crl -inform DER -in "$W/safe/published/Offline Root.crl" -noout -CAfile <(root ca export)

# The answer as other CAs give it: certificates in a p7b, PEM and DER, with and without the root.
root ca export --out "$W/root.pem" >/dev/null
openssl x509 -in "$W/answer.pem" -out "$W/sub-alone.pem"
must openssl crl2pkcs7 -nocrl -certfile "$W/answer.pem" -out "$W/answer.p7b"
must openssl crl2pkcs7 -nocrl -certfile "$W/sub-alone.pem" -outform DER -out "$W/alone.p7b"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/o.key" -out "$W/other.pem" -days 30 \
  -subj "/O=Example/CN=Other Root" 2>/dev/null
expect "without the root, the missing certificate is named" 1 "issuer 'CN=Offline Root,O=Example' is missing" sub ca install "$W/alone.p7b"
expect "another root is not trusted" 1 "not among those given with --trust" sub ca install "$W/answer.p7b" --trust "$W/other.pem"
expect "a root's own certificate is no answer" 1 "is for the key" sub ca install "$W/root.pem"
expect "a root takes no answer" 1 "signs itself" root ca install "$W/answer.pem"
for form in answer.der.p7b labelled.p7b answer.pem; do
  must vouch --home "$W/$form.home" ca init --name "Issuing $form" --kind subordinate --request-out "$W/$form.csr"
  must root ca sign "$W/$form.csr" --out "$W/$form.answer"
  case $form in
    answer.der.p7b) must openssl crl2pkcs7 -nocrl -certfile "$W/$form.answer" -outform DER -out "$W/$form" ;;
    labelled.p7b) openssl crl2pkcs7 -nocrl -certfile "$W/$form.answer" | sed 's/PKCS7/CERTIFICATE/' >"$W/$form" ;; # as AD CS does
    *) cp "$W/$form.answer" "$W/$form" ;;
  esac
  expect "installed from $form" 0 "Root SHA-256: *$(openssl x509 -in "$W/root.pem" -outform DER | sha256sum | cut -d' ' -f1)" \
    vouch --home "$W/$form.home" ca install "$W/$form" --trust "$W/root.pem"
done
check "from a p7b without the root, given beside it" sub ca install "$W/alone.p7b" --chain "$W/root.pem"
expect "once" 1 "does not wait" sub ca install "$W/answer.p7b"

must sub template publish WebServer
request web /O=Example/CN=www.example.com DNS:www.example.com
check "it issues" sub request submit "$W/web.csr" --template WebServer --chain --out "$W/web.pem"
check "it publishes" sub crl publish
openssl crl -inform DER -in "$W/online/published/Issuing CA.crl" -out "$W/all.crl"
openssl crl -inform DER -in "$W/safe/published/Offline Root.crl" >>"$W/all.crl"
check "openssl verifies the whole path with both CRLs" openssl verify -x509_strict -crl_check_all -CAfile "$W/root.pem" \
  -untrusted "$W/sub-alone.pem" -CRLfile "$W/all.crl" "$W/web.pem"
check "certtool verifies the path" certtool --verify --load-ca-certificate "$W/root.pem" --infile "$W/web.pem"

# Back out of the safe: the subordinate is revoked.
check "the root revokes the subordinate" root cert revoke "$W/sub-alone.pem" --reason cACompromise
check "and publishes" root crl publish
openssl crl -inform DER -in "$W/online/published/Issuing CA.crl" -out "$W/all.crl"
openssl crl -inform DER -in "$W/safe/published/Offline Root.crl" >>"$W/all.crl"
expect "openssl refuses the path" 2 "certificate revoked" openssl verify -crl_check_all -CAfile "$W/root.pem" \
  -untrusted "$W/sub-alone.pem" -CRLfile "$W/all.crl" "$W/web.pem"
summary
