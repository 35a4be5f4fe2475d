#!/bin/bash
# The SCEP client: a service asked, certificates enrolled, polled and renewed, messages explained and sent again.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../lib/scep_server.sh"
need openssl python3
cd "$W" || exit 1
export no_proxy=127.0.0.1
DATA=$ROOT/testdata/scep

last_says() { if grep -qiE -- "$2" last; then ok "$1"; else no "$1" last; fi; }
last_hides() { if grep -qF -- "$2" last; then no "$1" last; else ok "$1"; fi; }
mode_of() { stat -c %a "$1"; }
serial_of() { openssl x509 -in "$1" -noout -serial; }
issued() { # NAME KEY CERT CN
  expect "$1: openssl verifies it" 0 "$3: OK" openssl verify -CAfile ca.pem "$3"
  expect "$1: for that name" 0 "CN *= *$4" openssl x509 -in "$3" -noout -subject
  same "$1: it is the key's" "$(openssl x509 -in "$3" -noout -pubkey)" "$(openssl pkey -in "$2" -pubout)"
}
echo secret >challenge
echo wrong >bad-challenge
# enroll NAME OPTION...: NAME.key and NAME.pem
enroll() {
  local name=$1
  shift
  vouch scep enroll "$url" --fingerprint "$pin" --key "$name.key" --out "$name.pem" "$@"
}

# --- what a service says ---
serve two
expect "caps: the words" 0 "^POSTPKIOperation" vouch scep caps "$url"
vouch scep caps "$url" --json >caps.json
same "caps: what follows" "$(json caps.json "['post'], d['aes'], d['renewal'], d['next_ca'], d['remarks']")" "(True, True, True, False, [])"
expect "caps: no service there" 1 "HTTP status 404.*" vouch scep caps "${url%devices}nobody"
expect "caps: nobody listens" 1 "unavailable" vouch scep caps http://127.0.0.1:1/scep
expect "caps: no URL" 2 "no http or https URL" vouch scep caps ca.example.test
expect "ca: the certificates and what they are for" 0 "takes messages" vouch scep ca "$url" --out got.pem
last_says "ca: warns when nothing vouches for them" "warning: nothing says"
same "ca: all of them are written" "$(grep -c BEGIN got.pem)" 3
expect "ca: the fingerprint of the CA" 0 "Trusted:.*yes, by a certificate with the given fingerprint" vouch scep ca "$url" --fingerprint "$pin"
expect "ca: spelled as administrators do" 0 "Trusted:.*yes" vouch scep ca "$url" --fingerprint "$(openssl x509 -in ca.pem -noout -fingerprint -sha1 | cut -d= -f2 | tr : ' ' | tr A-F a-f)"
expect "ca: another fingerprint" 1 "none of the service's certificates has the fingerprint" vouch scep ca "$url" --fingerprint "$(printf 'ab%.0s' $(seq 32))"
expect "ca: no fingerprint" 2 "--fingerprint: .*40 digits" vouch scep ca "$url" --fingerprint abcd
expect "ca: a CA file" 0 "Trusted:.*yes, by the given CA certificates" vouch scep ca "$url" --ca-file ca.pem
openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.pem -subj /CN=Other -days 9 2>/dev/null
expect "ca: another CA's file" 1 "nothing that is trusted vouches for CN=MSCEP-RA" vouch scep ca "$url" --ca-file other.pem

# --- enrolling ---
expect "enroll: nobody is trusted unasked" 2 "nothing says which service" vouch scep enroll "$url" --key n.key --out n.pem --subject CN=n
if [ -e n.key ]; then no "enroll: and a key is made"; else ok "enroll: and nothing is made"; fi
expect "enroll: a new key" 0 "certificate .* for CN=router,O=Vouch is in router.pem" \
  enroll router --subject "CN=router,O=Vouch" --san DNS:router.vouch.test --challenge-file challenge
issued "enroll" router.key router.pem router
expect "enroll: with the name that was asked for" 0 "DNS:router.vouch.test" openssl x509 -in router.pem -noout -ext subjectAltName
same "enroll: only the owner reads key and certificate" "$(mode_of router.key) $(mode_of router.pem)" "600 600"
said "enroll: the service has seen it" '^PKCSReq SUCCESS'
first=$(serial_of router.pem)
must enroll router --subject "CN=router,O=Vouch" --san DNS:router.vouch.test --challenge-file challenge
same "enroll: the same key and request again give the same certificate" "$(serial_of router.pem)" "$first"
expect "enroll: a wrong challenge" 1 "refused: badRequest: ChallengePasswordMismatch" enroll thief --subject CN=thief --challenge-file bad-challenge
last_hides "enroll: which is not repeated" "wrong"
expect "enroll: another CA's pin sends nothing" 1 "vouches for" vouch scep enroll "$url" --ca-file other.pem --key p.key --out p.pem --subject CN=p --challenge-file challenge
expect "enroll: the challenge from standard input" 0 "is in stdin.pem" sh -c "echo secret | '$VOUCH' scep enroll '$url' --ca-file ca.pem --key stdin.key --out stdin.pem --subject CN=stdin --challenge-file -"
expect "enroll: on the line it warns" 0 "warning: everybody on this host can read --challenge" enroll line --subject CN=line --challenge secret
enroll refused --subject CN=refused --challenge-file bad-challenge --json >refused.json 2>/dev/null
same "enroll: a refusal as JSON, exit code 1" "$? $(json refused.json "['state'], d['fail_info'], d['hresult'], d['key_made'], d['certificate']")" "1 ('refused', 'badRequest', '0x80070056', True, None)"
enroll fine --subject CN=fine --challenge-file challenge --json >fine.json
same "enroll: a certificate as JSON" "$(json fine.json "['state'], d['file'], d['serial']")" "('issued', 'fine.pem', '$(serial_of fine.pem | cut -d= -f2 | tr A-F a-f)')"
expect "enroll: nothing but the certificate on standard output" 0 "CN *= *out" sh -c "'$VOUCH' scep enroll '$url' --ca-file ca.pem --key out.key --out - --subject CN=out --challenge-file challenge | openssl x509 -noout -subject"
expect "enroll: another request with the same key is refused, with the mend" 1 "TransactionReused.*enrol with a new key" sh -c "'$VOUCH' scep enroll '$url' --ca-file ca.pem --key out.key --out again.pem --subject CN=another --challenge-file challenge 2>&1 | tr '\n' ' '; exit 1"
printf '[req]\nprompt=no\ndistinguished_name=d\nattributes=a\n[d]\nCN=csr\n[a]\nchallengePassword=secret\n' >req.cnf
openssl req -new -newkey rsa:2048 -nodes -keyout csr.key -out csr.csr -config req.cnf 2>/dev/null
expect "enroll: a request that openssl made" 0 "is in csr.pem" enroll csr --request csr.csr
expect "enroll: a request and a subject" 2 "in the request already" enroll csr --request csr.csr --subject CN=x
expect "enroll: a request for another key" 1 "another key than --key" enroll router --request csr.csr
echo "key words" >words
must enroll sealed --subject CN=sealed --challenge-file challenge --key-passphrase-file words
expect "enroll: the key is encrypted where a passphrase is given" 0 "ENCRYPTED" cat sealed.key
expect "enroll: and read again" 0 "is in sealed.pem" enroll sealed --subject CN=sealed --challenge-file challenge --key-passphrase-file words

for how in "--get" "--post --cipher des3" "--cipher aes256 --digest sha512" "--key-transport oaep-sha1" "--key-transport oaep-sha256 --get"; do
  # shellcheck disable=SC2086 # several words
  expect "enroll: $how" 0 "is in how.pem" enroll how --subject CN=how --challenge-file challenge $how
  rm -f how.key how.pem
done
expect "enroll: single DES is refused there, with the mend here" 1 "badAlg.*vouch scep caps" sh -c "'$VOUCH' scep enroll '$url' --ca-file ca.pem --key des.key --out des.pem --subject CN=des --challenge-file challenge --cipher des 2>&1 | tr '\n' ' '; exit 1"
expect "enroll: an unknown cipher" 2 "a cipher is one of aes128" enroll x --subject CN=x --cipher rc4

# --- keys that cannot receive ---
expect "elliptic curves: a challenge is needed" 2 "cannot receive an encrypted answer" enroll ec0 --key-spec ec:P-256 --subject CN=ec
must enroll ec --key-spec ec:P-256 --subject CN=ec --challenge-file challenge
issued "elliptic curves" ec.key ec.pem ec

# --- renewing ---
serve two same-key
must enroll old --subject CN=phone --challenge-file challenge
expect "renew: as RenewalReq" 0 "is in new.pem" enroll new --renew old.pem --old-key old.key
said "renew: the service takes it for one" '^RenewalReq SUCCESS'
issued "renew" new.key new.pem phone
expect "renew: as PKCSReq" 0 "is in third.pem" enroll third --renew new.pem --old-key new.key --renewal pkcs
said "renew: the service takes it for what it says" '^PKCSReq SUCCESS'
expect "renew: with a key that is not the certificate's" 1 "is not the key of" enroll fourth --renew new.pem --old-key old.key
expect "renew: another name" 1 "RenewalNameMismatch" enroll fifth --renew new.pem --old-key new.key --subject CN=other

# --- waiting ---
serve pending
expect "pending: exit code 3" 3 "next: vouch scep poll w.state" enroll w --subject CN=waiting --challenge-file challenge --state w.state
same "pending: only the owner reads the state" "$(mode_of w.state)" 600
if grep -q secret w.state; then no "pending: the state holds the challenge" w.state; else ok "pending: the state holds no challenge"; fi
expect "poll: still pending" 3 "waits for a certificate manager" vouch scep poll w.state
said "poll: a CertPoll" '^CertPoll PENDING request=1'
must order approve 1
vouch scep poll w.state --json >poll.json
same "poll: issued, as JSON" "$? $(json poll.json "['state'], d['message_type']")" "0 ('issued', 'CertPoll')"
issued "poll" w.key w.pem waiting
if [ -e w.state ]; then no "poll: the state is still there"; else ok "poll: the state is gone"; fi
expect "poll: which is said" 1 "w.state" vouch scep poll w.state
expect "poll: no state" 1 "no state of an enrolment" sh -c "echo '{}' >no.state; '$VOUCH' scep poll no.state"
expect "pending: an elliptic-curve key" 3 "poll e.state" enroll e --key-spec ec:P-256 --subject CN=curve --challenge-file challenge --state e.state
(sleep 1.5; echo "approve 2" >&7) &
expect "poll: the answer comes under the challenge" 2 "--challenge-file" vouch scep poll e.state
expect "poll: and waits for it" 0 "is in .*e.pem" vouch scep poll e.state --challenge-file challenge --wait 20s --interval 1s
issued "poll: an elliptic-curve key" e.key e.pem curve
when "PENDING request=3" "deny 3"
expect "enroll: waits, and is denied" 1 "refused: badRequest: RequestDenied" enroll d --subject CN=unwanted --challenge-file challenge --wait 20s --interval 1s

# --- explaining ---
decode() { vouch scep decode "$@"; }
expect "decode: a message of strongSwan" 0 "PKCSReq \(19\)" decode "$DATA/strongswan.der"
last_says "decode: for whom it is" "Encrypted for: .*serial"
last_says "decode: which key opens it" "Not opened: .*key of its recipient"
expect "decode: with that key, the request in it" 0 "Subject: .*CN=router,O=Vouch,C=KR" decode "$DATA/strongswan.der" --key "$DATA/ra.key" --certificate "$DATA/ra.pem"
last_says "decode: has a challenge" "challengePassword .*\(not shown\)"
last_hides "decode: which is not shown" "secret"
expect "decode: what is weak is said" 0 "single DES" decode "$DATA/micromdm.der"
last_says "decode: SHA-1, too" "signed with SHA-1"
expect "decode: the key of another certificate" 1 "is the key of no certificate" decode "$DATA/micromdm.der" --key other.key --certificate "$DATA/ra.pem"
printf '#Fields: date time\n2026-11-26 10:00:00 192.0.2.1 GET /certsrv/mscep/mscep.dll/pkiclient.exe %s 80 - 192.0.2.9 certmonger - 200 0 0 12\n' "$(cat "$DATA/certmonger.query")" >access.log
expect "decode: the line of an access log" 0 "Digest: .*SHA-256" decode access.log
decode access.log --json >found.json
same "decode: where it stood" "$(json found.json "['messages'][0]['where'], d['messages'][0]['message']['message_type'], d['notes']")" "('line 2, the query of a GET', 'PKCSReq', [])"
{ echo "11-26 10:00 OMADM: Signing pkiMessage"; base64 -w 76 "$DATA/strongswan.der"; echo "11-26 10:01 I done"; base64 -w 0 "$DATA/micromdm.der"; echo; } >device.log
decode device.log --json >found.json
same "decode: base64 over several lines, and in one" "$(json found.json "['messages'][0]['where'], d['messages'][1]['where'], len(d['messages'])")" "('line 2', 'line $(($(base64 -w 76 "$DATA/strongswan.der" | wc -l) + 3))', 2)"
head -c 3000 access.log >cut.log
expect "decode: a log that cuts lines" 4 "cut off: [0-9]+ of [0-9]+ octets" decode cut.log
expect "decode: nothing there" 1 "there is no SCEP message" decode challenge
openssl x509 -in ca.pem -outform DER -out ca.der
expect "decode: a certificate is no message" 1 "there is no SCEP message" decode ca.der

# --- again ---
serve
must enroll sent --subject CN=sent --challenge-file challenge --save-message sent.der
expect "replay: the same answer, not opened" 0 "Status: .*SUCCESS" vouch scep replay sent.der "$url"
vouch scep replay sent.der "$url" --get --json >replay.json
same "replay: by GET" "$(json replay.json "['reply']['status'], d['sent']['message_type'], d['reply']['recipient_nonce'] == d['sent']['sender_nonce']")" "('SUCCESS', 'PKCSReq', True)"
same "replay: one request at the authority" "$(grep -c '^PKCSReq SUCCESS request=1 ' said)" 3
expect "replay: what another service was sent" 0 "RecipientUnknown" vouch scep replay "$DATA/strongswan.der" "$url"
expect "replay: there is one message" 2 "no number 2" vouch scep replay sent.der "$url" --number 2

served
summary
