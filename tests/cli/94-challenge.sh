#!/bin/bash
# Challenges from the command line and over the service's API: minted, used once, refused with a code, and
# never to be read in what is kept.
. "$(dirname "$0")/lib.sh"
need openssl python3 curl
me=$(id -un)
set_up_cas
must vouch challenge minter add mdm --ca Issuing --account "$me" --profile phones --template WebServer \
  --names "CN=*,O=Example" --names "DNS:*.example.com" --sids yes --passwords yes
expect "minters are listed" 0 "^mdm +$me +phones +WebServer" vouch challenge minter list --ca Issuing

order=(--ca Issuing --profile phones --template WebServer --subject "CN=p7.example.com,O=Example"
  --name DNS:p7.example.com)
# submit NAME CHALLENGE-FILE [OPTION]...: as a device of the profile phones.
submit() {
  local name=$1 file=$2
  shift 2
  vouch request submit "$W/$name.csr" --ca Issuing --template WebServer --profile phones --challenge-file "$file" "$@"
}

# One challenge, one certificate, the same one again.
request p7 /O=Example/CN=p7.example.com DNS:p7.example.com
must vouch challenge mint "${order[@]}" --device phone-7 --sid S-1-5-21-1-2-3-1105 --out "$W/c7"
same "a challenge is one line of printable characters" "$(grep -cxE 'VC1\.[A-Za-z0-9+/]{200,1200}' "$W/c7")" 1
check "the request it was made for gets a certificate" submit p7 "$W/c7" --out "$W/p7.pem"
expect "with the SID of the challenge" 0 "1\.3\.6\.1\.4\.1\.311\.25\.2" openssl x509 -in "$W/p7.pem" -noout -text
submit p7 "$W/c7" --out "$W/p7-again.pem" 2>"$W/out"
same "the same request again gets the same one" "$(cksum <"$W/p7-again.pem")" "$(cksum <"$W/p7.pem")"
request copy /O=Example/CN=p7.example.com DNS:p7.example.com
expect "another request does not" 1 "ChallengeReused" submit copy "$W/c7"
expect "which is an alert in the audit log" 0 "challenge.reuse.*challenge 1" vouch audit show
expect "the list shows what became of it" 0 "bound +issued +phones +phone-7" vouch challenge list

# Refusals name what differed, for the administrator.
must vouch challenge mint "${order[@]}" --device phone-7 --out "$W/c8"
request p8 /O=Example/CN=p8.example.com DNS:p7.example.com
expect "another subject is refused" 1 "SubjectNameMismatch" submit p8 "$W/c8"
submit p8 "$W/c8" --json >"$W/refused.json" 2>"$W/out"
same "with what was expected" "$(json "$W/refused.json" "['expected']")" "CN=p7.example.com,O=Example"
same "and what came" "$(json "$W/refused.json" "['received']")" "CN=p8.example.com,O=Example"
expect "why says it too" 0 "SubjectNameMismatch" vouch why "$(json "$W/refused.json" "['request']")"
request extra /O=Example/CN=p7.example.com DNS:p7.example.com,DNS:dc1.example.com
expect "a further name is refused" 1 "SubjectAltNameMismatch" submit extra "$W/c8"
echo "VC1.AAAA" >"$W/junk"
expect "what is no challenge is refused" 1 "ChallengeDecodingError" submit p7 "$W/junk"
expect "a profile without a challenge is refused" 1 "ChallengePasswordMissing" \
  vouch request submit "$W/copy.csr" --ca Issuing --template WebServer --profile phones
must vouch challenge mint "${order[@]}" --device other --out "$W/c9"
expect "cancelled by device" 0 "1 challenge cancelled" vouch challenge cancel --device other --ca Issuing
expect "it is good for nothing" 1 "ScepProfileNoLongerTargetedToTheClient" submit copy "$W/c9"

# A minter stays within its rights.
expect "not for other names" 1 "minter 'mdm' may not mint this: expected names" vouch challenge mint --ca Issuing \
  --profile phones --template WebServer --subject "CN=x,O=Other"
expect "not for other profiles" 1 "profile servers" vouch challenge mint --ca Issuing --profile servers \
  --template WebServer --subject "CN=x,O=Example"
expect "never for anybody" 2 "does not say for whom" vouch challenge mint --ca Issuing --profile phones --template WebServer
expect "an Android device that waits for a PIN is worth a warning" 0 "warning: the device will probably not ask" \
  vouch challenge mint "${order[@]}" --device phone-7 --android-version 9 --android-encryption full-disk --pin-set no --out "$W/android"

# Passwords.
vouch challenge password phones --ca Issuing >"$W/otp" 2>"$W/out"
same "a one-time password looks like NDES's" "$(grep -cxE '[0-9A-F]{16}' "$W/otp")" 1
check "it is good once" submit copy "$W/otp" --out "$W/copy.pem"
request second /O=Example/CN=second.example.com DNS:second.example.com
expect "and no more" 1 "ChallengeReused" submit second "$W/otp"
echo "correct horse battery" >"$W/single"
must vouch challenge password phones --single-file "$W/single" --ca Issuing
check "the single password serves every device" submit second "$W/single" --out "$W/second.pem"
echo "a wrong password" >"$W/wrong"
for _ in 1 2 3 4 5 6 7 8 9 10; do submit second "$W/wrong" >"$W/out" 2>&1; done
request third /O=Example/CN=third.example.com DNS:third.example.com
expect "who guesses waits" 1 "ChallengeGuessLimit" submit third "$W/single"

# An account that is bound to challenges.
must vouch challenge account bind "$me" --profile phones --ca Issuing
expect "hands in nothing without one" 1 "ChallengePasswordMissing" \
  vouch request submit "$W/third.csr" --ca Issuing --template WebServer
request renewed /O=Example/CN=p7.example.com DNS:p7.example.com
check "a renewal is proved by its certificate" vouch request submit "$W/renewed.csr" --ca Issuing \
  --template WebServer --profile phones --renews "$W/p7.pem" --out "$W/renewed.pem"
must vouch cert revoke "$(openssl x509 -in "$W/p7.pem" -noout -serial | cut -d= -f2)" --reason keyCompromise
request again /O=Example/CN=p7.example.com DNS:p7.example.com
expect "by one that is good" 1 "RenewalCertificateRevoked" vouch request submit "$W/again.csr" --ca Issuing \
  --template WebServer --profile phones --renews "$W/p7.pem"

# Over the service: the same commands, and the API.
must vouch challenge mint "${order[@]}" --device phone-7 --out "$W/before"
must vouch config set listener.http.enabled false
socket=$VOUCH_HOME/run/vouch.sock
"$VOUCH" serve >"$W/serve.log" 2>&1 &
service=$!
at_exit+=("kill $service 2>/dev/null")
for _ in $(seq 100); do curl -sf --unix-socket "$socket" http://x/healthz >/dev/null && break; sleep 0.1; done
api() { curl -sS --unix-socket "$socket" -H 'Content-Type: application/json' "$@"; }
python3 - "$W/again.csr" "$W/before" >"$W/submission.json" <<'PY'
import json, sys
print(json.dumps({"ca": "Issuing", "template": "WebServer", "request": open(sys.argv[1]).read(),
                  "challenge": {"secret": open(sys.argv[2]).read().strip(), "profile": "phones",
                                "client": "192.0.2.7", "transaction": "t-1"}}))
PY
api http://localhost/api/v1/requests -d @"$W/submission.json" >"$W/issued.json"
same "a device's request comes with its challenge over the API" "$(json "$W/issued.json" "['state']")" issued
api http://localhost/api/v1/challenges -d '{"ca": "Issuing", "profile": "phones", "template": "WebServer",
  "subjects": ["CN=p7.example.com,O=Example"], "names": ["DNS:p7.example.com"], "device": "phone-7"}' >"$W/minted.json"
same "the API mints" "$(json "$W/minted.json" "['text'][:4]")" VC1.
api http://localhost/api/v1/challenges -d '{"ca": "Issuing", "profil": "phones"}' >"$W/problem.json"
expect "and says what it does not understand" 0 "did you mean profile" cat "$W/problem.json"
api http://localhost/api/v1/challenges/cancel -d '{"ca": "Issuing", "device": "phone-7"}' >"$W/cancelled.json"
same "and cancels" "$(($(json "$W/cancelled.json" "['cancelled']") > 0))" 1
expect "the command line goes through the service" 0 "cancelled" vouch challenge list --device phone-7
kill "$service"
wait "$service" 2>/dev/null

# What was secret is nowhere in the home and in no log; the keys of challenges are for the owner alone.
secrets=("$(cut -c5-60 "$W/c7")" "$(cut -c5-60 "$W/before")" "$(cat "$W/otp")" "correct horse" "a wrong password")
for secret in "${secrets[@]}"; do
  if grep -rqF -- "$secret" "$VOUCH_HOME" "$W/serve.log"; then no "a challenge can be read in the home or the log"; fi
done
[ $FAIL -eq 0 ] && ok "no challenge can be read in the home or the log"
same "secrets are readable by their owner alone" "$(find "$VOUCH_HOME/keys" -name '*challenge*' ! -perm 600 | wc -l)" 0
check "the audit log holds" vouch audit verify
summary
