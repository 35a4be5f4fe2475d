#!/bin/bash
# Damaged files of every kind that the program reads: an error that names the file, never a crash, nothing on
# standard output, nothing in the database.
. "$(dirname "$0")/lib.sh"
need openssl python3
set_up_cas
request web /CN=www.example.com DNS:www.example.com
must vouch request submit "$W/web.csr" --ca Issuing --template WebServer --out "$W/web.pem"
openssl x509 -in "$W/web.pem" -outform DER -out "$W/web.der"
openssl req -in "$W/web.csr" -outform DER -out "$W/web.req"
vouch crl list --ca Issuing --json >"$W/l"
cp "$(json "$W/l" "['crls'][0]['files'][0]")" "$W/web.crl"
vouch template show WebServer >"$W/web.toml"
must vouch ca init --name Sub --kind subordinate --request-out "$W/sub.csr"
must vouch ca sign "$W/sub.csr" --ca Root --out "$W/sub.pem"
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$W/ca-key.pem"
openssl pkey -in "$W/ca-key.pem" -outform DER -out "$W/ca-key.der"
vouch ca list --json >"$W/before-cas"
vouch cert list --json >"$W/before-certificates"

python3 - "$W" <<'X'
# 10 truncations and 10 damaged octets of each kind, at places spread over the file.
import os, sys
w = sys.argv[1]
for name in ["web.der", "web.pem", "web.req", "web.csr", "web.crl", "web.toml", "sub.pem", "sub.csr",
             "ca-key.pem", "ca-key.der"]:
    data = open(f"{w}/{name}", "rb").read()
    os.makedirs(f"{w}/bad/{name}")
    for i in range(10):
        at = len(data) * i // 10
        open(f"{w}/bad/{name}/cut-{at}", "wb").write(data[:at])
        broken = bytearray(data)
        at = 1 + (len(data) - 2) * (2 * i + 1) // 20
        broken[at] ^= 1 << (i % 8)
        open(f"{w}/bad/{name}/flip-{at}", "wb").write(bytes(broken))
X
tried=0 wrong=0
# Damage that leaves a file readable may end with 0, 1, 3 or 4; never a signal, never 2, and never silence.
damaged() {
  local kind=$1 file status
  shift
  for file in "$W/bad/$kind"/*; do
    "$@" "$file" >"$W/out" 2>"$W/err"
    status=$?
    tried=$((tried + 1))
    case $status in
      0 | 3 | 4) ;;
      1)
        if [ -s "$W/out" ] || ! grep -q '^error: ' "$W/err" || grep -q '\[internal\]' "$W/err"; then
          wrong=$((wrong + 1))
          no "$kind ${file##*/}: not a proper error" "$W/err"
        elif ! grep -qF "$file" "$W/err"; then
          wrong=$((wrong + 1))
          no "$kind ${file##*/}: the file is not named" "$W/err"
        fi
        ;;
      *)
        wrong=$((wrong + 1))
        no "$kind ${file##*/}: status $status" "$W/err"
        ;;
    esac
    if [[ $file == *cut-* ]] && [ $status -eq 0 ] && [[ $kind == *.der || $kind == *.req || $kind == *.crl || $kind == *-key.* ]]; then
      wrong=$((wrong + 1))
      no "$kind ${file##*/}: a truncated file was accepted" "$W/out"
    fi
  done
}
# A signature over what was damaged does not fit: such a file never passes.
refused() {
  local kind=$1 file
  shift
  for file in "$W/bad/$kind"/*; do
    tried=$((tried + 1))
    "$@" "$file" >"$W/out" 2>"$W/err"
    case $? in
      1 | 4) ;;
      *) wrong=$((wrong + 1)); no "$kind ${file##*/}: not refused" "$W/err" ;;
    esac
  done
}
check_crl() { vouch crl show --ca "$W/issuing.pem" "$1"; }
import_key() { vouch --home "$W/other" ca init --name Other --kind root --import-key "$1"; }
submit() { vouch request submit --ca Issuing --template WebServer --out "$W/never" "$1"; }
sign() { vouch ca sign --ca Root --out "$W/never" "$1"; }
install() { vouch ca install --ca Sub "$1"; }
add() { vouch template add --replace --from "$1"; }
damaged web.der vouch cert show
damaged web.pem vouch cert show
damaged web.crl vouch crl show
damaged web.req submit
damaged web.csr submit
damaged web.csr sign
damaged sub.csr sign
must vouch ca export --ca Issuing --out "$W/issuing.pem"
must check_crl "$W/web.crl"
refused web.crl check_crl
refused web.req submit
damaged ca-key.pem import_key
damaged ca-key.der import_key
damaged web.toml add
damaged sub.pem install
[ $wrong -eq 0 ] && ok "$tried damaged files: none crashes, none passes for good, each is named"
check "the database is in order afterwards" vouch db check
vouch ca list --json >"$W/after-cas"
check "no CA came of it" cmp "$W/before-cas" "$W/after-cas"
vouch cert list --json >"$W/after-certificates"
check "no certificate came of it" cmp "$W/before-certificates" "$W/after-certificates"

expect "a folder is no file" 1 "$W" vouch cert show "$W"
expect "an empty file is named" 1 "empty" vouch cert show <(:) 
: >"$W/empty"
expect "an empty file is refused" 1 "$W/empty" vouch crl show "$W/empty"
expect "a key is not shown as a certificate" 1 "PRIVATE KEY" vouch cert show "$W/web.key"
expect "a home that is a file is refused" fail "error" vouch --home "$W/empty" ca list
mkdir -p "$W/odd"
head -c 8192 /dev/urandom >"$W/odd/vouch.db"
expect "a database that is none is named" 1 "vouch.db" vouch --home "$W/odd" ca list
printf '[issuance]\nnode = "many"\n' >"$VOUCH_HOME/vouch.toml"
expect "a wrong setting is named with its line" 1 "vouch.toml:2" vouch ca list
expect "config check ends with 4" 4 "vouch.toml:2" vouch config check
rm "$VOUCH_HOME/vouch.toml"
expect "a certificate cannot be written into nowhere" 1 "$W/no/where" vouch cert export "$W/web.pem" --out "$W/no/where.pem"

# What a subject carries must not reach the terminal as it is.
python3 - "$W" <<'X'
import subprocess, sys
w = sys.argv[1]
open(f"{w}/evil.cnf", "wb").write(b"[req]\ndistinguished_name=d\nprompt=no\nutf8=yes\nstring_mask=utf8only\n[d]\nCN=\"evil\x1b]0;owned\x07\xc2\x9b31m\xe2\x80\xaefdp.exe\"\n")
X
openssl req -new -config "$W/evil.cnf" -key "$W/web.key" -out "$W/evil.csr" -addext subjectAltName=DNS:evil.example.com 2>"$W/err"
{
  submit "$W/evil.csr"
  vouch request list
  vouch request show "$(vouch request list --json >"$W/l" && json "$W/l" "['requests'][-1]['id']")"
  vouch cert list
  vouch cert list --json
  vouch cert show "$W/never"
} >"$W/seen" 2>&1
same "a hostile name is shown" "$(($(grep -c evil "$W/seen") > 0))" 1
same "without its control characters" "$(LC_ALL=C grep -cP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae' "$W/seen")" 0
summary
