#!/bin/bash
# Damaged files of every kind through the command line: an error that names the file and the reason, never a
# signal, and no trace of it in the database.
. "$(dirname "$0")/../lib/script.sh"
. "$ROOT/tests/lib/authority.sh"
need openssl python3
HOME_DIR=$W/home
setup_authority
v() { "$VOUCH" --home "$HOME_DIR" "$@"; }

# The good ones, each in the forms that the program takes.
new_csr "$W/request.pem" www.example.test
openssl req -in "$W/request.pem" -outform DER -out "$W/request.der"
must issue_to "$W/request.pem" "$W/certificate.pem"
openssl x509 -in "$W/certificate.pem" -outform DER -out "$W/certificate.der"
must v cert revoke "$(serial_of "$W/certificate.pem")" --reason superseded
must v crl publish
openssl crl -in "$PUBLISHED_CRL" -outform DER -out "$W/crl.der"
openssl crl -in "$PUBLISHED_CRL" -out "$W/crl.pem"
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$W/key.pem"
openssl pkey -in "$W/key.pem" -outform DER -out "$W/key.der"
must v template show WebServer
v template show WebServer >"$W/template.toml"
must v ca init --name "Waiting CA" --kind subordinate --mode standalone --request-out "$W/sub.csr"
must v --ca "$CA" ca sign "$W/sub.csr" --out "$W/answer.pem"

certificates_before=$(serials_in_database | wc -l)
cas_before=$(v ca list --json | sha256sum)
tried=0

# damaged FORMAT FILE COUNT KIND STATUSES COMMAND...: each damaged copy in place of FILE in the command. STATUSES
# are those allowed, e.g. "1" or "1 4"; with 0 among them a turned bit may go unnoticed, a missing end may not.
damaged() {
  local format=$1 file=$2 count=$3 kind=$4 statuses=$5 variant bad=0 seen=0 status allowed
  shift 5
  rm -rf "$W/variants"
  python3 "$ROOT/tests/lib/mutate.py" "$file" "$W/variants" "$kind" "$count"
  for variant in "$W"/variants/*; do
    seen=$((seen + 1)) tried=$((tried + 1))
    timeout 20 "${@/@/$variant}" >"$W/out" 2>"$W/err" </dev/null
    status=$?
    allowed=$statuses
    [[ $(basename "$variant") == truncate-* ]] && allowed=${allowed/0/}
    if [[ " $allowed " != *" $status "* ]]; then
      bad=$((bad + 1))
      [ $bad -le 3 ] && { echo "  $(basename "$variant"): status $status"; head -5 "$W/err"; cp "$variant" "${TMPDIR:-/tmp}/bad-input-$format-$(basename "$variant")"; }
    elif [ $status -ne 0 ] && ! { grep -qF "$(basename "$variant")" "$W/out" "$W/err" && grep -qE 'error: .{10,}' "$W/err"; }; then
      bad=$((bad + 1))
      [ $bad -le 3 ] && { echo "  $(basename "$variant"): does not name the file and a reason:"; head -5 "$W/err"; }
    fi
  done
  if [ $bad -eq 0 ] && [ $seen -gt 0 ]; then ok "$format: $seen damaged files"; else no "$format: $bad of $seen damaged files"; fi
}
check "a good certificate is shown" v cert show "$W/certificate.der"
damaged certificate-der "$W/certificate.der" 16 both "0 1" "$VOUCH" cert show @
damaged certificate-pem "$W/certificate.pem" 16 both "0 1" "$VOUCH" cert show @
damaged request-der "$W/request.der" 20 both "1" "$VOUCH" --home "$HOME_DIR" --ca "$CA" request submit @ --template WebServer --out "$W/bad.out"
damaged request-pem "$W/request.pem" 12 truncate "1" "$VOUCH" --home "$HOME_DIR" --ca "$CA" request submit @ --template WebServer --out "$W/bad.out"
damaged subordinate-request "$W/sub.csr" 12 truncate "1" "$VOUCH" --home "$HOME_DIR" --ca "$CA" ca sign @ --out "$W/bad.out"
damaged crl-der "$W/crl.der" 20 both "1 4" "$VOUCH" crl show @ --ca "$CA_CERT"
damaged crl-pem "$W/crl.pem" 12 truncate "1 4" "$VOUCH" crl show @ --ca "$CA_CERT"
damaged answer "$W/answer.pem" 12 truncate "1" "$VOUCH" --home "$HOME_DIR" --ca "Waiting CA" ca install @
damaged key-pem "$W/key.pem" 12 truncate "1" "$VOUCH" --home "$W/other" ca init --name "Key CA" --kind root --import-key @
damaged key-der "$W/key.der" 12 truncate "1" "$VOUCH" --home "$W/other" ca init --name "Key CA" --kind root --import-key @
damaged template-toml "$W/template.toml" 12 truncate "1" "$VOUCH" --home "$HOME_DIR" template add --from @

# What is in nobody's format.
head -c 100000 /dev/urandom >"$W/noise"
: >"$W/empty"
printf -- '-----BEGIN CERTIFICATE-----\nnot base64 !\n-----END CERTIFICATE-----\n' >"$W/armour.pem"
head -c 3000 /dev/zero | tr '\0' '(' >"$W/deep.toml"
for file in noise empty armour.pem; do
  for what in "cert show" "crl show"; do
    # shellcheck disable=SC2086 # two words
    expect "$what of $file" 1 "$file" "$VOUCH" $what "$W/$file"
  done
  expect "request submit of $file" 1 "$file" v --ca "$CA" request submit "$W/$file" --template WebServer
done
expect "a folder is no certificate" 1 "received|directory|folder" "$VOUCH" cert show "$W"
expect "a missing file is named" 1 "gone.pem" "$VOUCH" cert show "$W/gone.pem"
expect "a template that is no TOML" 1 "deep.toml" v template add --from "$W/deep.toml"
mkdir "$W/conf"
printf 'database = [\n' >"$W/conf/vouch.toml"
expect "a configuration that is no TOML: file and line" fail "vouch.toml:[0-9]" "$VOUCH" --home "$W/conf" ca list
printf '[database]\ncolour = "blue"\n' >"$W/conf/vouch.toml"
expect "an unknown setting: file and line" fail "vouch.toml:2" "$VOUCH" --home "$W/conf" ca list
mkdir "$W/db"
head -c 8192 /dev/urandom >"$W/db/vouch.db"
expect "a database that is none" 1 "vouch.db" "$VOUCH" --home "$W/db" ca list

[ $tried -ge 100 ] && ok "$tried damaged files were tried" || no "only $tried damaged files were tried"
same "no certificate came of any of it" "$(serials_in_database | wc -l)" "$certificates_before"
same "no CA came of any of it" "$(v ca list --json | sha256sum)" "$cas_before"
[ ! -e "$W/bad.out" ] && ok "no output file" || no "an output file was written"
check "the database is sound" v db check
summary
