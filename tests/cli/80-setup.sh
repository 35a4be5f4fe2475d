#!/bin/bash
# Ways to set up a CA: key types, passphrases, imported keys, parents; and what is refused.
. "$(dirname "$0")/lib.sh"
need openssl python3
for key in ec:P-256 ec:P-384 ec:P-521 rsa:2048 rsa-pss:2048 ed25519; do
  check "a root with $key" vouch ca init --name "Root $key" --kind root --key $key
  vouch ca export --ca "Root $key" --out "$W/root.pem" >/dev/null
  check "openssl verifies it" openssl verify -x509_strict -CAfile "$W/root.pem" "$W/root.pem"
done
same "keys are files of mode 0600" "$(stat -c %a "$VOUCH_HOME"/keys/* | sort -u)" 600
expect "several CAs ask for a choice" 2 "choose one with --ca" vouch ca show

check "a subordinate of a CA in this home" vouch ca init --name Sub --kind subordinate --parent "Root ec:P-384" --path-length 1 --validity 5y
expect "shows its parents" 0 "Root ec:P-384" vouch ca show --ca Sub
check "a subordinate of a CA in another home" env VOUCH_HOME="$W/other" "$VOUCH" ca init --name Deep --kind subordinate \
  --parent "$W/home" --parent-ca Sub
env VOUCH_HOME="$W/other" "$VOUCH" ca export --chain --out "$W/deep.pem" >/dev/null
same "a chain of three" "$(grep -c BEGIN "$W/deep.pem")" 3
vouch ca export --ca "Root ec:P-384" --out "$W/root.pem" >/dev/null
check "that openssl verifies" openssl verify -x509_strict -CAfile "$W/root.pem" -untrusted "$W/deep.pem" "$W/deep.pem"

openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass pass:old -out "$W/own.key" 2>"$W/err"
echo old >"$W/old" && echo "new secret" >"$W/new"
check "a key of one's own, encrypted before and after" vouch --home "$W/imported" ca init --name Own --kind root \
  --import-key "$W/own.key" --import-passphrase-file "$W/old" --key-passphrase-file "$W/new"
vouch --home "$W/imported" ca export --out "$W/own.pem" >/dev/null
same "the certificate is for that key" "$(openssl x509 -in "$W/own.pem" -noout -pubkey)" \
  "$(openssl pkey -in "$W/own.key" -passin pass:old -pubout)"
same "the key files are encrypted, the audit log's too" "$(cat "$W"/imported/keys/* | grep -c "BEGIN ENCRYPTED PRIVATE KEY")" 2
expect "without its passphrase nothing is signed" 1 "VOUCH_KEY_PASSPHRASE" vouch --home "$W/imported" crl publish </dev/null
expect "nor with a wrong one" 1 "passphrase" vouch --home "$W/imported" crl publish --key-passphrase-file "$W/old"
check "with it, from a file" vouch --home "$W/imported" crl publish --key-passphrase-file "$W/new"
check "from standard input" bash -c '"$1" --home "$2" crl publish --key-passphrase-file - <"$3"' - "$VOUCH" "$W/imported" "$W/new"
check "from the environment" env VOUCH_KEY_PASSPHRASE="new secret" "$VOUCH" --home "$W/imported" crl publish
expect "a wrong passphrase of the imported key" 1 "passphrase" vouch --home "$W/x" ca init --name X --kind root \
  --import-key "$W/own.key" --import-passphrase-file "$W/new"

refuse() { # NAME STATUS PATTERN OPTION...
  local name=$1 status=$2 pattern=$3
  shift 3
  expect "$name" "$status" "$pattern" vouch --home "$W/refused" ca init "$@"
}
refuse "no name" 2 "name NAME is missing" --kind root
refuse "no kind" 2 "kind root.subordinate is missing" --name X
refuse "another kind" 2 "one of root, subordinate" --name X --kind leaf
refuse "a root with a parent" 2 "signs itself" --name X --kind root --parent Y
refuse "a subordinate without a way to be signed" 2 "either --parent" --name X --kind subordinate
refuse "a subordinate that decides its validity" 2 "parent decides" --name X --kind subordinate --request-out "$W/r" --validity 5y
refuse "an unknown key" 2 "kind of key" --name X --kind root --key dsa:1024
refuse "a small key" fail "2048|bits" --name X --kind root --key rsa:1024
refuse "SHA-1" 2 "sha" --name X --kind root --hash sha1
refuse "a parent that is not there" 1 "error" --name X --kind subordinate --parent "$W/nowhere/"
refuse "a parent that is no CA" 1 "error" --name X --kind subordinate --parent Nobody
refuse "the host's own name" 2 "machine's name" --name "$(hostname)" --kind root
refuse "enterprise, for now" 1 "directory" --name X --kind root --mode enterprise
expect "a name that is taken" 1 "there is a CA" vouch ca init --name Sub --kind root
same "nothing is left of what was refused" "$(ls "$W/refused/keys" 2>/dev/null | wc -l)" 0
summary
