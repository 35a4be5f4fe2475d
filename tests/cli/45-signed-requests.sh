#!/bin/bash
# Requests that others signed: enrolment agents with and without a right, and what is wrong with a signer.
. "$(dirname "$0")/lib.sh"
need openssl python3
set_up_cas
export VOUCH_CA=Issuing
vouch() { "$VOUCH" --ca Issuing "$@"; }
must vouch template publish ExchangeEnrollmentAgentOffline
agent() { # NAME SUBJECT: an agent's certificate in $W/NAME.pem
  request "$1" "$2"
  vouch request submit "$W/$1.csr" --template ExchangeEnrollmentAgentOffline --json >"$W/agent.json" 2>"$W/err"
  must vouch request approve "$(json "$W/agent.json" "['request']")" --out "$W/$1.pem"
}
agent agent "/O=Example/CN=Agent"
agent other "/O=Example/CN=Other Agent"

# signed NAME BY OPTION...: $W/NAME.p7m, the request signed by BY.
signed() {
  local name=$1 by=$2
  shift 2
  openssl req -in "$W/$name.csr" -outform DER -out "$W/$name.der" &&
    openssl cms -sign -binary -nodetach -in "$W/$name.der" -signer "$W/$by.pem" -inkey "$W/$by.key" \
      -outform PEM -out "$W/$name.p7m" "$@" 2>"$W/cms"
}
# refused NAME RULE WHAT FILE: denied, by this rule.
refused() {
  expect "$1" 1 "$3" vouch request submit "$4" --template WebServer
  vouch request list --state denied --json >"$W/denied.json"
  same "$1: the rule" "$(json "$W/denied.json" "['requests'][-1]['rule']")" "$2"
}

request www "/O=Example/CN=www.example.test" DNS:www.example.test
must signed www agent
refused "an agent without a right" signatures.agent "may not enrol for this" "$W/www.p7m"
expect "the way to give one is said" 1 "vouch enrollment-agent allow \"CN=Agent,O=Example\"" vouch request submit "$W/www.p7m" --template WebServer
expect "there are no rights yet" 0 "no enrolment agent has a right" vouch enrollment-agent list
expect "a right names somebody" 2 "does not say for whom" vouch enrollment-agent allow "CN=Agent,O=Example" --template WebServer
expect "and a template that exists" 1 "not_found" vouch enrollment-agent allow "CN=Agent,O=Example" --template WebSrever --for "*"
check "a right, by the agent's certificate" vouch enrollment-agent allow "$W/agent.pem" --template WebServer \
  --for "CN=*.example.test,O=Example" --for "DNS:*.example.test"
expect "the list shows it" 0 "CN=Agent,O=Example +WebServer +CN=\*.example.test,O=Example; DNS:\*.example.test" vouch enrollment-agent list
expect "within his right he enrols" 0 "issued" vouch request submit "$W/www.p7m" --template WebServer --out "$W/www.pem"
same "for the key of the request" "$(openssl x509 -in "$W/www.pem" -noout -pubkey)" "$(openssl req -in "$W/www.csr" -noout -pubkey)"
vouch request list --state issued --json >"$W/issued.json"
id=$(json "$W/issued.json" "['requests'][-1]['id']")
expect "show names who signed" 0 "Signed by: +issuer CN=Issuing,O=Example" vouch request show "$id"
vouch request show "$id" --json >"$W/show.json"
same "and in JSON" "$(json "$W/show.json" "['signed_by']" | grep -c 'serial')" 1
expect "why names the rule" 0 "passed +signatures.agent" vouch why "$id"

request stream "/O=Example/CN=stream.example.test" DNS:stream.example.test
must signed stream agent -stream -keyid
expect "a streamed message, signer by key identifier" 0 "issued" vouch request submit "$W/stream.p7m" --template WebServer --out "$W/stream.pem"
openssl cms -cmsout -in "$W/stream.p7m" -inform PEM -outform DER -out "$W/stream.ber"
request elsewhere "/O=Elsewhere/CN=www.elsewhere.test" DNS:www.elsewhere.test
must signed elsewhere agent
refused "outside his right" signatures.agent "CN=www.elsewhere.test" "$W/elsewhere.p7m"
request mixed "/O=Example/CN=mixed.example.test" DNS:mixed.example.test,DNS:www.elsewhere.test
must signed mixed agent
refused "with one name too many" signatures.agent "DNS:www.elsewhere.test" "$W/mixed.p7m"
request second "/O=Example/CN=second.example.test" DNS:second.example.test
must signed second other
refused "another agent" signatures.agent "CN=Other Agent" "$W/second.p7m"

# Another valid request in the place of the one that was signed.
request taken "/O=Example/CN=taken.example.test" DNS:taken.example.test -newkey rsa:2048
must signed taken agent
request given "/O=Example/CN=given.example.test" DNS:given.example.test -newkey rsa:2048
openssl req -in "$W/given.csr" -outform DER -out "$W/given.der"
openssl cms -cmsout -in "$W/taken.p7m" -inform PEM -outform DER -out "$W/taken.ber"
python3 - "$W" <<'X'
import sys
folder = sys.argv[1]
message, old, new = (open(f"{folder}/{name}", "rb").read() for name in ("taken.ber", "taken.der", "given.der"))
assert len(old) == len(new) and message.count(old) == 1
open(f"{folder}/tampered", "wb").write(message.replace(old, new))
X
refused "a tampered message" signatures.intact "digest differs" "$W/tampered"
head -c 900 "$W/taken.ber" >"$W/short"
expect "half a message" 1 "malformed" vouch request submit "$W/short" --template WebServer
openssl cms -sign -binary -in "$W/www.der" -signer "$W/agent.pem" -inkey "$W/agent.key" -outform PEM -out "$W/detached.p7m"
expect "a message without its content" 1 "without its content" vouch request submit "$W/detached.p7m" --template WebServer
openssl crl2pkcs7 -nocrl -certfile "$W/agent.pem" -out "$W/bag.p7b"
expect "a message that nobody signed" 1 "signed by nobody" vouch request submit "$W/bag.p7b" --template WebServer

# A template that wants somebody to vouch for each request.
vouch template show WebServer | sed 's/^name = .*/name = "Vouched"/; s/^display_name = .*/display_name = "Vouched Server"/; /^oid = /d' >"$W/vouched.toml"
must vouch template add --from "$W/vouched.toml"
must vouch template set Vouched signatures.count=1 'signatures.application_policies=["certificateRequestAgent"]'
must vouch template publish Vouched
must vouch enrollment-agent allow "$W/agent.pem" --template Vouched --for "*"
must vouch enrollment-agent allow "$W/other.pem" --template Vouched --for "*"
# vouched NAME RULE WHAT FILE
vouched() {
  expect "$1" 1 "$3" vouch request submit "$4" --template Vouched
  vouch request list --state denied --json >"$W/denied.json"
  same "$1: the rule" "$(json "$W/denied.json" "['requests'][-1]['rule']")" "$2"
}
request v1 "/O=Example/CN=v1.example.test" DNS:v1.example.test
vouched "nobody vouches" signatures.count "1 authorized signature" "$W/v1.csr"
must signed v1 www
vouched "somebody whose certificate is for servers" signatures.purpose "may not vouch" "$W/v1.p7m"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$W/foreign.key" -out "$W/foreign.pem" -subj "/O=Example/CN=Agent" \
  -addext extendedKeyUsage=1.3.6.1.4.1.311.20.2.1 2>"$W/foreign"
must signed v1 foreign
vouched "a foreign agent of the same name" signatures.count "not issued by a CA here" "$W/v1.p7m"
must signed v1 agent -nocerts
vouched "an agent without his certificate" signatures.count "no certificate for the signer" "$W/v1.p7m"
must signed v1 agent -md sha1
vouched "an agent who signs with SHA-1" signatures.count "sha1|SHA-1|SHA1" "$W/v1.p7m"
must signed v1 agent
expect "an agent vouches" 0 "issued" vouch request submit "$W/v1.p7m" --template Vouched --out "$W/v1.pem"
must vouch template set Vouched signatures.count=2
request v2 "/O=Example/CN=v2.example.test" DNS:v2.example.test
must signed v2 agent
vouched "one of two" signatures.count "2 authorized signatures" "$W/v2.p7m"
must signed v2 agent -signer "$W/other.pem" -inkey "$W/other.key"
expect "two vouch" 0 "issued" vouch request submit "$W/v2.p7m" --template Vouched --out "$W/v2.pem"
must vouch template set Vouched signatures.count=1
must vouch cert revoke "$W/other.pem" --reason keyCompromise
request v3 "/O=Example/CN=v3.example.test" DNS:v3.example.test
must signed v3 other
vouched "a revoked agent" signatures.count "revoked \(keyCompromise\)" "$W/v3.p7m"

# The earlier certificate stands for the approval that it took.
must vouch template set WebServer approval=true enrollment.renew_without_approval=true
request r1 "/O=Example/CN=r1.example.test" DNS:r1.example.test
expect "a first certificate waits" 3 "pending" vouch request submit "$W/r1.csr" --template WebServer
vouch request list --state pending --json >"$W/pending.json"
must vouch request approve "$(json "$W/pending.json" "['requests'][-1]['id']")" --out "$W/r1.pem"
cp "$W/r1.key" "$W/old.key" && cp "$W/r1.pem" "$W/old.pem"
request r1 "/O=Example/CN=r1.example.test" DNS:r1.example.test
expect "a new request waits too" 3 "pending" vouch request submit "$W/r1.csr" --template WebServer
must signed r1 old
expect "signed by the earlier certificate it does not" 0 "issued" vouch request submit "$W/r1.p7m" --template WebServer --out "$W/new.pem"
same "and is for the new key" "$(openssl x509 -in "$W/new.pem" -noout -pubkey)" "$(openssl req -in "$W/r1.csr" -noout -pubkey)"
request r2 "/O=Example/CN=r1.example.test" DNS:r1.example.test,DNS:r2.example.test
must signed r2 old
expect "with another name it waits" 3 "pending" vouch request submit "$W/r2.p7m" --template WebServer

check "a right is taken back" vouch enrollment-agent forbid "CN=agent,O=example"
refused "without it he may nothing again" signatures.agent "may not enrol" "$W/www.p7m"
expect "nothing more to take back" 1 "has no such right" vouch enrollment-agent forbid "CN=Agent,O=Example"
summary
