#!/bin/bash
# --json read by another program, and what goes where.
. "$(dirname "$0")/lib.sh"
need openssl python3
set_up_cas
request web /CN=www.example.com DNS:www.example.com
vouch request submit "$W/web.csr" --ca Issuing --template WebServer --out "$W/web.pem" --json >"$W/o" 2>"$W/err"
same "the outcome is JSON on standard output" "$(json "$W/o" "['state']")" issued
same "with the serial that openssl sees" "$(json "$W/o" "['serial'].lstrip('0').upper()")" \
  "$(openssl x509 -in "$W/web.pem" -noout -serial | cut -d= -f2 | sed 's/^0*//')"
json "$W/o" "['certificate']" >"$W/from-json.pem"
check "and the certificate itself" openssl x509 -in "$W/from-json.pem" -noout
serial=$(json "$W/o" "['serial']")

list_commands=(
  "ca list" "ca show --ca Root" "template list" "template show WebServer" "template show WebServer --history"
  "request list" "request show $(json "$W/o" "['request']")" "why $serial" "cert list" "cert show $serial" "cert show $W/web.pem"
  "cert find www" "crl list" "db show" "db check" "config show" "config check" "config get issuance.node"
  "version" "explain denied"
)
for line in "${list_commands[@]}"; do
  # shellcheck disable=SC2086 # words
  vouch $line --json >"$W/o" 2>"$W/err"
  same "$line: ends with 0" $? 0
  check "$line: JSON that Python reads" python3 -m json.tool "$W/o"
  same "$line: nothing on standard error" "$(cat "$W/err")" ""
done

vouch cert show "$W/none.pem" --json >"$W/o" 2>"$W/err"
same "a failure ends with 1" $? 1
same "standard output stays empty" "$(cat "$W/o")" ""
same "the error is JSON too" "$(json "$W/err" "['error']['code']")" not_found
vouch cert shwo x --json >"$W/o" 2>"$W/err"
same "wrong usage ends with 2" $? 2
same "and is JSON" "$(json "$W/err" "['error']['code']")" usage
vouch ca list >/dev/full 2>"$W/err"
same "a full device is an error" $? 1
same "--quiet says nothing about success" "$(vouch crl publish --ca Issuing --quiet 2>&1)" ""
summary
