#!/bin/bash
# The pending queue of a stand-alone CA: exit codes, approve, deny, retrieve.
. "$(dirname "$0")/lib.sh"
need openssl python3
must vouch ca init --name Root --kind root
must vouch template publish WebServer

request one /CN=one.example.com DNS:one.example.com
vouch request submit "$W/one.csr" --template WebServer >"$W/out" 2>"$W/err"
same "a request that waits ends with 3" $? 3
same "standard output stays empty" "$(cat "$W/out")" ""
same "and the message says how to go on" "$(grep -c "vouch request approve 1" "$W/err")" 1
expect "retrieve ends with 3 while it waits" 3 "pending" vouch request retrieve 1
expect "the queue shows it" 0 "^1 +pending +WebServer +$(id -un)" vouch request list --state pending
expect "show tells what it asks for" 0 "one.example.com" vouch request show 1
expect "why tells why it waits" 0 "pended" vouch why 1
vouch request approve 1 >"$W/one.pem" 2>"$W/err"
same "approve ends with 0" $? 0
check "and prints the certificate" openssl x509 -in "$W/one.pem" -noout
same "retrieve prints the same" "$(vouch request retrieve 1 2>"$W/err")" "$(cat "$W/one.pem")"
expect "nobody approves twice" 1 "conflict" vouch request approve 1
expect "nor denies what is issued" 1 "conflict" vouch request deny 1 --reason late

request two /CN=two.example.com DNS:two.example.com
expect "another waits" 3 "pending" vouch request submit "$W/two.csr" --template WebServer
check "and is denied" vouch request deny 2 --reason "not our domain"
expect "retrieve says so, with the reason" 1 "not our domain" vouch request retrieve 2
expect "deny wants a reason" 2 "reason TEXT is missing" vouch request deny 2
expect "the queue is empty now" 0 "no requests" vouch request list --state pending
expect "an unknown request is not found" 1 "not_found" vouch request retrieve 77
expect "a request number is a number" 2 "not a request number" vouch request show seven

request der /CN=der.example.com DNS:der.example.com
openssl req -in "$W/der.csr" -outform DER -out "$W/der.der"
expect "a request in DER is read" 3 "pending" vouch request submit "$W/der.der" --template WebServer
expect "and one from standard input" 3 "pending" bash -c '"$1" request submit - --template WebServer <"$2"' - "$VOUCH" "$W/one.csr"
check "DER comes out with --der" vouch request approve 3 --der --out "$W/out.der"
check "and is DER" openssl x509 -inform DER -in "$W/out.der" -noout
summary
