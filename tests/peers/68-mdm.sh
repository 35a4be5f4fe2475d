#!/bin/bash
# Device management around SCEP, with the real service: strongSwan enrols with challenges of the simulator of Intune's
# interface, whose records are read by Python and openssl; a webhook service in Python decides; the page of the NDES
# administrator is read as Fleet reads it.
. "$(dirname "$0")/../lib/own_network.sh"
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/scep_clients.sh"
need openssl pki curl
VOUCH=$(readlink -f "$VOUCH")
HERE=$(cd "$(dirname "$0")" && pwd)
cd "$W" || exit 1
export no_proxy=127.0.0.1 VOUCH_HOME=$W/home
url=http://127.0.0.1:8080
V() { vouch --ca Devices "$@"; }

# --- set up ---
must vouch ca init --name Devices --kind root --key rsa:2048 --no-locations
for profile in phones hooked slow wrong broken; do
  must V scep setup $profile --challenge webhook
done
must V scep setup pages
must V scep setup once --challenge one-time
must V scep setup bound --challenge bound
sed -i '/^\[scep\.once\]/a admin_paths = ["/certsrv/once"]' home/vouch.toml
sed -i '/^\[scep\.bound\]/a admin_paths = ["/certsrv/bound"]' home/vouch.toml
sed -i '/^\[scep\.pages\]/a admin_paths = ["/certsrv/mscep_admin"]' home/vouch.toml
change() { sed -i "/^\[scep\.$1\]/,/^\[/{s/^challenge = .*/$2/}" home/vouch.toml; } # PROFILE LINES
change phones 'challenge = "intune"'
change hooked 'challenge = "webhook"\nwebhook = "hooked"\nnotify = ["notify"]'
for profile in slow wrong broken; do change $profile "challenge = \"webhook\"\\nwebhook = \"$profile\""; done
openssl rand -hex 32 >home/hook.secret
openssl rand -hex 16 >home/intune.secret
chmod 600 home/*.secret
/usr/bin/python3 "$HERE/webhook_service.py" home/hook.secret hooks.jsonl >hook.port 2>hook.err &
hook=$!
"$VOUCH" scep simulate-intune --listen 127.0.0.1:0 --secret-file home/intune.secret --json >simulator.json 2>simulator.err &
simulator=$!
at_exit+=('kill $hook $simulator')
for i in $(seq 100); do [ -s hook.port ] && [ -s simulator.json ] && break; sleep 0.1; done
intune=$(sed -nE 's/.*"url": "(.*)".*/\1/p' simulator.json)
application=$(sed -nE 's/.*"application": "(.*)".*/\1/p' simulator.json)
[ -n "$intune" ] || { no "the simulator does not run" simulator.err; summary; exit 1; }
{
  printf '\n[intune.contoso]\ntenant = "contoso.test"\napplication = "%s"\nsecret_file = "intune.secret"\n' "$application"
  printf 'login_url = "%s"\ngraph_url = "%s"\ninterval = "1s"\n' "$intune" "$intune"
  for name in hooked:decide notify:notify slow:slow wrong:wrong broken:broken; do
    printf '\n[webhook.%s]\nurl = "http://127.0.0.1:%s/%s"\nsecret_file = "hook.secret"\npatience = "2s"\n' \
      "${name%:*}" "$(cat hook.port)" "${name#*:}"
  done
} >>home/vouch.toml
expect "the configuration is in order" 0 "in order" vouch config check
printf 'correct horse battery\n' >page.password
must vouch scep user add mdm --password-file page.password
"$VOUCH" serve >service.log 2>&1 &
service=$!
at_exit+=('kill $service; wait $service')
for i in $(seq 100); do curl -sS "$url/healthz" >/dev/null 2>&1 && break; sleep 0.1; done
must V ca export --out ca.pem

enrol() { strongswan "$url/scep/$1" "${@:2}"; } # PROFILE KEY OPTION...
new_key() { openssl genrsa -traditional -out key.pem 2048 2>/dev/null; }
logged() { written "$1" service.log "$2"; } # NAME PATTERN
# simulate WHAT JSON: something under /simulator
simulate() { curl -sS -f -d "$2" "$intune/simulator/$1"; }
challenge() { simulate challenges "$1" | sed -nE 's/.*"challenge": "([^"]*)".*/\1/p'; }
# recorded EXPRESSION: of the simulator's state `s`, in Python
recorded() { curl -sS "$intune/simulator/state" | /usr/bin/python3 -c "import json,sys; s=json.load(sys.stdin); print($1)"; }
# until NAME COMMAND WANTED: within ten seconds
until_same() {
  local i got
  for i in $(seq 100); do got=$($2); [ "$got" = "$3" ] && { ok "$1"; return; }; sleep 0.1; done
  no "$1: '$got' is not '$3'" service.log
}

# --- Intune: validate, issue, tell ---
same "a browser sees 403: a policy module decides" "$(curl -sS -o /dev/null -w '%{http_code}' "$url/scep/phones")" 403
new_key
must enrol phones key.pem --dn "O=Vouch, CN=phone-1" --san phone-1.vouch.test \
  --password "$(challenge '{"subject": "CN=phone-1,O=Vouch", "alternative_names": ["DNS:phone-1.vouch.test"], "key_bits": 2048}')"
cp must phone-1.pem
expect "strongSwan gets its certificate" 0 "phone-1.pem: OK" openssl verify -CAfile ca.pem phone-1.pem
serial=$(openssl x509 -in phone-1.pem -noout -serial | cut -d= -f2)
same "the service was told the thumbprint" "$(recorded "s['successes'][-1]['certificateThumbprint']")" \
  "$(openssl x509 -in phone-1.pem -noout -fingerprint -sha1 | cut -d= -f2 | tr -d :)"
same "and the serial number" "$(recorded "s['successes'][-1]['certificateSerialNumber']")" "$serial"
same "and the end" "$(date -u -d "$(recorded "s['successes'][-1]['certificateExpirationDateUtc']")" +%s)" \
  "$(date -u -d "$(openssl x509 -in phone-1.pem -noout -enddate | cut -d= -f2)" +%s)"
recorded "s['successes'][-1]['certificateRequest']" | openssl base64 -d -A >told.csr
expect "and the request, as openssl reads it" 0 "CN *= *phone-1" openssl req -inform DER -in told.csr -noout -subject
same "with these members, no more" "$(recorded "' '.join(sorted(s['successes'][-1]))")" \
  "caConfiguration callerInfo certificateAuthority certificateExpirationDateUtc certificateRequest certificateSerialNumber certificateThumbprint issuingCertificateAuthority transactionId"

new_key
expect "another subject is refused" fail . enrol phones key.pem --dn "CN=admin" --password "$(challenge '{"subject": "CN=phone-2"}')"
logged "with Intune's code, expected and received" "scep phones: PKCSReq .*was refused: SubjectNameMismatch; .*received expected CN=phone-2, received CN=admin"
expect "another name is refused" fail . enrol phones key.pem --dn "CN=phone-2" --san admin.vouch.test --password "$(challenge '{"subject": "CN=phone-2"}')"
logged "with that code" "was refused: SubjectAltNameMismatch"
expect "an old challenge is refused" fail . enrol phones key.pem --dn "CN=phone-2" --password "$(challenge '{"flaw": "expired"}')"
logged "with that code" "was refused: ChallengeExpired"
simulate next '{"operation": "validateRequest", "status": 503}' >/dev/null
expect "without a verdict nobody enrols" fail . enrol phones key.pem --dn "CN=phone-2" --password x
logged "and the log says that the service is out of reach" "ScepRequestValidationFEService ScepActions/validateRequest: status 503"

simulate next '{"operation": "successNotification", "code": "Unknown"}' >/dev/null
expect "a certificate that the service does not take is not handed out" fail . enrol phones key.pem --dn "CN=phone-3" --password "$(challenge '{}')"
logged "for that reason" "was refused, request [0-9]+: NotificationRefused"
expect "but revoked" 0 "revoked .*CN=phone-3" V cert list --revoked
until_same "and the service hears of that" "recorded s['failures'][-1]['hResult']" -2147020576

# --- Intune: revocation ---
queue() { simulate revocations "{\"serialNumber\": \"$1\"}" >/dev/null; }
waiting() { recorded "s['revocations_waiting']"; }
queue "$serial"
until_same "a revocation is taken" waiting 0
same "the account may not yet" "$(recorded "s['results'][-1]['errorCode'] + ' ' + str(s['results'][-1]['succeeded'])")" "AuthenticationException False"
must V role grant manager intune:contoso --requesters 'scep:*'
queue "$serial"
queue "$serial"
queue 0102030405060708
until_same "and more are" waiting 0
same "revoked, revoked already, unknown" "$(recorded "' '.join(r['errorCode'] for r in s['results'][-3:])")" "None ConflictError CertificateNotFoundError"
expect "the certificate is revoked" 0 "revoked" V cert show "$serial"
expect "by that account" 0 "cert.revoke.*intune:contoso|intune:contoso.*cert.revoke" vouch audit show

# --- a webhook decides ---
new_key
must enrol hooked key.pem --dn "O=Vouch, CN=hooked-1" --password "let me in"
expect "the webhook lets one in" 0 "CN *= *hooked-1" openssl x509 -in must -noout -subject
new_key
expect "and another not" fail . enrol hooked key.pem --dn "CN=hooked-2" --password "open sesame"
logged "with the service's code" "scep hooked: PKCSReq .*was refused: DeviceUnknown; .*received no such device"
for profile in slow wrong broken; do
  new_key
  expect "a service that is $profile lets nobody in" fail . enrol $profile key.pem --dn "CN=hooked-3" --password "let me in"
done
logged "slow: the log says so" "webhook 'slow': .*(time|patience)"
logged "wrong: the log says so" "webhook 'wrong': its answer is no JSON"
logged "broken: the log says so" "webhook 'broken': it answered with 500"
hooks() { /usr/bin/python3 -c "import json; h=[json.loads(l) for l in open('hooks.jsonl')]; print($1)"; }
notified() { hooks "sum(x['path'] == '/notify' for x in h)"; }
until_same "the issue and the refusal are told" notified 2
same "the certificate, by its subject" "$(hooks "[x['body']['x509Certificate']['subject']['commonName'] for x in h if 'x509Certificate' in x['body']]")" "['hooked-1']"
same "the refusal, with NDES's number" "$(hooks "[x['body']['scepErrorCode'] for x in h if 'scepErrorCode' in x['body']]")" "[-2147024810]"
same "every body was signed" "$(hooks "all(x['signed'] for x in h)")" True

# --- the page of the NDES administrator ---
page=$url/certsrv/mscep_admin
ask_page() { curl -sS -o page.html -w '%{http_code}' "$@"; }
same "nobody signed in: 401" "$(ask_page "$page/")" 401
same "a wrong password: 401" "$(ask_page -u mdm:wrong "$page")" 401
expect "which is in the audit log" 0 "scep.page.*denied|denied.*scep.page" vouch audit show
same "with the password: the page" "$(ask_page -u "mdm:$(cat page.password)" "$url/CertSrv/mscep_admin/")" 200
# Fleet, ee/server/service/scep/scep_proxy.go: decoded as UTF-16LE, then this expression.
secret=$(/usr/bin/python3 -c '
import re
page = open("page.html", "rb").read().decode("utf-16-le")
print(re.search(r"(?i)The enrollment challenge password is: <B> (?P<password>\S*)", page).group("password"))')
same "Fleet's expression finds the password" "$secret" "$(head -1 home/scep/pages.password)"
new_key
must enrol pages key.pem --dn "O=Vouch, CN=paged" --password "$secret"
expect "with which strongSwan enrols" 0 "CN *= *paged" openssl x509 -in must -noout -subject
same "the thumbprint is MD5, as Windows asks for it" "$(curl -sS -u "mdm:$(cat page.password)" "$page?operation=NDESGetCACertThumbprint")" \
  "$(openssl x509 -in ca.pem -noout -fingerprint -md5 | cut -d= -f2 | tr -d :)"

# Passwords that are good once, minted by the authority: NDES's five at a time.
admin=$url/certsrv/once
ask_once() { curl -sS -u "mdm:$(cat page.password)" "$admin" "$@"; }
expect "without the right: NDES's sentence" 0 "You do not have sufficient permission to enroll with SCEP" sh -c "curl -sS -u 'mdm:$(cat page.password)' '$admin' | iconv -f utf-16le -t utf-8"
must V challenge minter add page --account page:mdm --profile once --profile bound --template ScepDevice --names 'CN=*' --passwords yes
once=$(ask_once -H 'Accept: application/json' | sed -nE 's/.*"challenge": "([^"]*)".*/\1/p')
same "a password of 16 characters" "${#once}" 16
new_key
must enrol once key.pem --dn "CN=once-1" --password "$once"
expect "is good" 0 "CN *= *once-1" openssl x509 -in must -noout -subject
new_key
expect "once" fail . enrol once key.pem --dn "CN=once-2" --password "$once"
for i in 1 2 3 4 5; do ask_once -o page.html; done
ask_once -o page.html
expect "five wait: NDES's sentence" 0 "The password cache is full" iconv -f utf-16le -t utf-8 page.html

# NDESGenerateChallenge gives one that is bound to a device.
bound=$(curl -sS -u "mdm:$(cat page.password)" "$url/certsrv/bound" --data-urlencode 'Params={"device": "d-8", "subjects": ["CN=bound-1"]}' -d 'operation=NDESGenerateChallenge&keyUsage=0xa0')
expect "a bound challenge" 0 "^VC1" echo "$bound"
new_key
expect "another subject is refused" fail . enrol bound key.pem --dn "CN=bound-2" --password "$bound"
must enrol bound key.pem --dn "CN=bound-1" --password "$bound"
expect "the device's own is issued" 0 "CN *= *bound-1" openssl x509 -in must -noout -subject

for i in 1 2 3 4 5 6 7 8 9 10; do ask_page -u mdm:wrong "$page" >/dev/null; done
same "who guesses has to wait" "$(ask_page -u "mdm:$(cat page.password)" "$page")" 429
if grep -rqF -e "$secret" -e "let me in" -e "$(cat home/intune.secret)" service.log; then no "a secret is in the log" service.log; else ok "no secret is in the log"; fi

# --- what is down ---
kill "$simulator"
new_key
expect "without the service nobody enrols" fail . enrol phones key.pem --dn "CN=phone-9" --password x
not_ready() { curl -sS "$url/readyz" | grep -c "intune 'contoso'"; }
until_same "and readyz says which" not_ready 1
summary
