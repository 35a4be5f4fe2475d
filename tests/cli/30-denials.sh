#!/bin/bash
# Refusals say the rule, what it expected, what it received and what to do.
. "$(dirname "$0")/lib.sh"
need openssl python3
set_up_cas

refused() { # NAME PATTERN FILE [OPTION]...
  local name=$1 pattern=$2 file=$3
  shift 3
  vouch request submit "$file" --ca Issuing "$@" >"$W/out" 2>"$W/err"
  same "$name: ends with 1" $? 1
  same "$name: standard output stays empty" "$(cat "$W/out")" ""
  local what
  for what in "rule:" "expected:" "received:" "mend:" "vouch why" "$pattern"; do
    if grep -qiE -- "$what" "$W/err"; then ok "$name: says $what"; else no "$name: does not say $what" "$W/err"; fi
  done
}
request upn /CN=upn "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:administrator@example.com,DNS:a.example.com"
refused "a logon name in a server request" "upn" "$W/upn.csr" --template WebServer
request small /CN=small DNS:s.example.com -newkey rsa:1024
refused "a small key" "1024" "$W/small.csr" --template WebServer
request plain /CN=plain DNS:p.example.com
refused "an unknown template" "template" "$W/plain.csr" --template NoSuch
refused "a template that is not published" "publish" "$W/plain.csr" --template ClientAuth
refused "a display name in place of the name" "WebServer" "$W/plain.csr" --template "Web Server"

sed -e '3s/^./&/' "$W/plain.csr" >"$W/forged.csr"
openssl req -in "$W/plain.csr" -outform DER -out "$W/plain.der"
python3 - "$W" <<'X'
import sys
w = sys.argv[1]
d = bytearray(open(w + "/plain.der", "rb").read())
d[-1] ^= 1
open(w + "/forged.der", "wb").write(d)
X
vouch request submit "$W/forged.der" --ca Issuing --template WebServer >"$W/out" 2>"$W/err"
same "a request whose signature is broken ends with 1" $? 1
same "and nothing comes out" "$(cat "$W/out")" ""

vouch request submit "$W/plain.csr" --ca Issuing --template WebServer --attr san=dns:evil.example.com --out "$W/plain.pem" >"$W/out" 2>"$W/err"
same "a san attribute does not hinder" $? 0
same "and is never used" "$(openssl x509 -in "$W/plain.pem" -noout -text | grep -c evil)" 0
expect "but kept" 0 "san=dns:evil" vouch request show "$(vouch request list --state issued --json >"$W/l" && json "$W/l" "['requests'][-1]['id']")"
summary
