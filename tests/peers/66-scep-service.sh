#!/bin/bash
# SCEP as the real service has it: set up by one command, then strongSwan's pki, micromdm's scepclient and certmonger
# enrol, renew, wait for approval and are refused, in RA and CA mode, directly and behind nginx. What went wrong is read
# in the service's log, the audit log and the W3C access log.
. "$(dirname "$0")/../lib/own_network.sh"
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/scep_clients.sh"
need openssl pki scepclient curl getcert dbus-run-session nginx
VOUCH=$(readlink -f "$VOUCH")
cd "$W" || exit 1
export no_proxy=127.0.0.1 VOUCH_HOME=$W/home
url=http://127.0.0.1:8080

# --- set up ---
# RSA: micromdm's client encrypts to every certificate that it gets, the root's too.
must vouch ca init --name Root --kind root --key rsa:2048 --no-locations
must vouch ca init --name Devices --kind subordinate --parent Root --key rsa:2048 --no-locations
must vouch config set access_log.file logs/access.log
must vouch template set ScepDevice key_reuse=true
V() { vouch --ca Devices "$@"; }
must V scep setup routers --ndes
password=$(sed -nE 's/.*Challenge: +//p' must)
same "setup prints the URL" "$(sed -nE 's/.*URL: +//p' must)" "$url/certsrv/mscep/mscep.dll"
must V scep setup phones --legacy
legacy=$(sed -nE 's/.*Challenge: +//p' must)
must V scep setup whole --mode ca
of_ca=$(sed -nE 's/.*Challenge: +//p' must)
must V scep setup guests --challenge none
expect "a profile is set up once" fail "there is a SCEP profile 'routers' already" vouch --ca Devices scep setup routers
expect "the configuration is in order" 0 "in order" vouch config check
expect "two certificates of the registration authority" 0 "signing.*MSCEP-RA" vouch --ca Devices scep ra show
same "keys are for the service alone" "$(find home/keys home/scep -type f ! -perm 0600 | wc -l)" 0

start() {
  "$VOUCH" serve >>service.log 2>&1 &
  service=$!
  local i
  for i in $(seq 100); do curl -sS "$url/healthz" >/dev/null 2>&1 && break; sleep 0.1; done
}
stop() { kill "$service" 2>/dev/null && wait "$service"; }
reload() { kill -HUP "$service"; local i; for i in $(seq 50); do [ "$(grep -cE '^(not )?reloaded' service.log)" -ge "$1" ] && break; sleep 0.1; done; }
start
at_exit+=('stop')
logged() { written "$1" service.log "$2"; } # NAME PATTERN
must vouch --ca Root ca export --out root.pem
must V ca export --out ca.pem
anchor=root.pem
status() { curl -sS -o body -w '%{http_code}' "$@"; }
letters() { head -c "$1" /dev/zero | tr '\0' A; }
in_access_log() { written "$1" home/logs/access.log "$2"; } # NAME PATTERN
for i in 1 2 3 4 5; do openssl genrsa -traditional -out k$i.pem 2048 2>/dev/null; done

# --- NDES's paths and habits ---
for path in /certsrv/mscep/mscep.dll /CertSrv/MSCEP/mscep.dll/pkiclient.exe /scep/routers; do
  same "GetCACaps at $path" "$(status "$url$path?operation=GetCACaps&message=0")" 200
done
expect "GetCACert has both certificates of the registration authority" 0 "MSCEP-RA" sh -c "curl -sS '$url/scep/routers?operation=GetCACert' | openssl pkcs7 -inform DER -print_certs -noout"
same "a browser sees the general page" "$(status "$url/certsrv/mscep/mscep.dll")" 200
expect "as NDES's" 0 "Network Device Enrollment" cat body
same "a GET that is too long is 414" "$(status "$url/scep/routers?operation=PKIOperation&message=$(letters 65534)")" 414
in_access_log "with length and limit in the access log" '#Remark: 414: the query has 65[0-9]+ octets, the limit is 65534'
same "what is no message is 400, and neither 401 nor a redirect" "$(status --data-binary rubbish "$url/scep/routers?operation=PKIOperation")" 400
in_access_log "the access log has IIS's fields" '^#Fields: date time s-ip cs-method cs-uri-stem .* sc-status .*time-taken'

# --- strongSwan ---
for profile in routers whole; do
  [ $profile = routers ] && secret=$password || secret=$of_ca
  must strongswan "$url/scep/$profile" k1.pem --dn "C=KR, O=Vouch, CN=router-$profile" --password "$secret"
  cp must $profile-1.pem
  issued "strongSwan, $profile" $profile-1.pem router-$profile
  must strongswan "$url/scep/$profile" k1.pem --dn "C=KR, O=Vouch, CN=router-$profile" --password "$secret"
  same "strongSwan, $profile: the same request again gives the same certificate" "$(openssl x509 -in must -noout -serial)" "$(openssl x509 -in $profile-1.pem -noout -serial)"
  expect "strongSwan, $profile: a wrong password is refused" fail . strongswan "$url/scep/$profile" k2.pem --dn "CN=evil-$profile" --password wrong
  logged "strongSwan, $profile: the log says why, and how to mend it" "scep $profile: PKCSReq of 127.0.0.1 .*was refused: ChallengePasswordMismatch.*mend: "
  must strongswan "$url/scep/$profile" k3.pem --dn "C=KR, O=Vouch, CN=router-$profile" --cert $profile-1.pem --key k1.pem
  issued "strongSwan, $profile, renewal" must router-$profile
done
expect "the audit log has the refusals" 0 "scep.refuse.*ChallengePasswordMismatch" vouch audit show
if grep -rqF -e "$password" -e "$of_ca" service.log home/logs; then no "a password is in a log" service.log; else ok "no password is in a log"; fi
request=$(V request list --json | sed -nE 's/.*"id": ([0-9]+).*/\1/p' | tail -1)
expect "why shows how it came" 0 "SCEP.*(routers|whole)" vouch why "$request"

# --- nobody proves who asks: a person decides ---
expect "a guest waits" fail . strongswan "$url/scep/guests" k2.pem --dn "O=Vouch, CN=guest" --interval 1 --maxpolltime 2
id=$(V request list --state pending --json | sed -nE 's/.*"id": ([0-9]+).*/\1/p' | tail -1)
stop; start # polls are found by another process
must V request approve "$id"
must strongswan "$url/scep/guests" k2.pem --dn "O=Vouch, CN=guest" --interval 1 --maxpolltime 10
issued "strongSwan, approved by a person" must guest
(sleep 2; V request deny "$(V request list --state pending --json | sed -nE 's/.*"id": ([0-9]+).*/\1/p' | tail -1)" --reason "not ours") >denied 2>&1 &
expect "one is denied" fail . strongswan "$url/scep/guests" k4.pem --dn "O=Vouch, CN=unwanted" --interval 1 --maxpolltime 20
logged "by a person" "scep guests: CertPoll .*was refused, request [0-9]+: RequestDenied: .*not ours"

# --- micromdm: single DES and SHA-1 ---
expect "scepclient is refused" fail . micromdm "$url/scep/routers" weak -challenge "$password"
logged "because it is too weak" "scep routers: .*refused: AlgorithmRefused: .*SHA-1 is too weak.*mend: .*legacy"
must micromdm "$url/scep/phones" phone -challenge "$legacy"
issued "scepclient, legacy profile" mm-phone/cert.pem phone
logged "noted as weak" "scep phones: PKCSReq .*succeeded.*too weak today"

# --- certmonger ---
certmonger_session "$url/certsrv/mscep/mscep.dll/pkiclient.exe" "$password" <<'X'
getcert request -s -c vouch -k "$PWD/cm.key" -f "$PWD/cm.pem" -g 2048 -N CN=server.vouch.test -D server.vouch.test -L "$2" -w -v
cp cm.pem cm-first.pem
getcert rekey -s -f "$PWD/cm.pem" -w -v
getcert list -s
X
issued "certmonger, without flags" cm-first.pem server.vouch.test
issued "certmonger, another key" cm.pem server.vouch.test
if cmp -s cm.pem cm-first.pem; then no "certmonger has the same certificate" certmonger.out; else ok "certmonger has another certificate"; fi

# --- behind nginx, as packaging/examples/nginx-scep.conf has it ---
mkdir -p nginx
sed -e "s|/etc/nginx/|$W/nginx/|; s|listen 443 ssl|listen 127.0.0.1:8443 ssl|; s|scep.example.com|127.0.0.1|; s|ra.example.com:8080|127.0.0.1:8080|" \
  "$ROOT/packaging/examples/nginx-scep.conf" >nginx/scep.conf
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout nginx/scep.key -out nginx/scep.crt -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -days 2
printf 'pid %s/nginx/pid;\nerror_log %s/nginx/error.log;\nevents {}\nhttp { access_log off; include %s/nginx/scep.conf; }\n' "$W" "$W" "$W" >nginx/nginx.conf
must nginx -p "$W/nginx" -c "$W/nginx/nginx.conf"
at_exit+=('kill "$(cat nginx/pid)" 2>/dev/null')
must vouch config set proxies.trusted 127.0.0.1
reload 1
tls="--cacert nginx/scep.crt"
same "nginx passes on GetCACaps" "$(status $tls https://127.0.0.1:8443/certsrv/mscep/mscep.dll?operation=GetCACaps)" 200
same "nginx passes on a GET of 40 kB" "$(status $tls "https://127.0.0.1:8443/scep/routers?operation=PKIOperation&message=$(letters 40000)")" 400
same "nginx passes on nothing else" "$(status $tls https://127.0.0.1:8443/metrics)" 404
status $tls -H 'X-Forwarded-For: 192.0.2.7' --data-binary rubbish "https://127.0.0.1:8443/scep/routers?operation=PKIOperation" >/dev/null
in_access_log "the access log has the device's address, not the proxy's" 'PKIOperation.* 192.0.2.7 '

# --- the registration authority's certificates ---
must V scep ra renew
reload 2
must strongswan "$url/scep/routers" k4.pem --dn "CN=after" --password "$password"
issued "after the renewal of the RA's certificates" must after
expect "the old ones open messages still" 0 "opens old messages" vouch --ca Devices scep ra show
must V scep trust routers --out trust
expect "the root for MDMs" 0 "CN *= *Root" openssl x509 -inform DER -in trust/routers-root.cer -noout -subject
expect "the profile for Apple's devices is XML" 0 "com.apple.security.root" python3 -c "import plistlib,sys; print([p['PayloadType'] for p in plistlib.load(open('trust/routers.mobileconfig','rb'))['PayloadContent']])"

# --- another key of the CA: devices are told what comes next (RFC 8894 4.7) ---
must V ca export --out before.pem
must V ca renew --new-key --parent Root
must V ca export --out after.pem
must V crl publish
for i in $(seq 80); do curl -sS "$url/scep/routers?operation=GetCACaps" | grep -q GetNextCACert && break; sleep 0.1; done
expect "GetCACaps says that there is a next one" 0 GetNextCACert curl -sS "$url/scep/routers?operation=GetCACaps"
expect "GetNextCACert has the type of RFC 8894 4.7.1" 0 "application/x-x509-next-ca-cert" curl -sS -o next -w '%{content_type}' "$url/scep/routers?operation=GetNextCACert"
expect "the earlier key signs it" 0 "success" openssl cms -verify -inform DER -in next -certfile before.pem -nointern -noverify -out inner
same "and it is the new certificate" "$(openssl pkcs7 -inform DER -in inner -print_certs | openssl x509 -noout -fingerprint)" "$(openssl x509 -in after.pem -noout -fingerprint)"
cp after.pem ca.pem
reload 3
for i in $(seq 80); do curl -sS "$url/scep/routers?operation=GetCACert" | openssl pkcs7 -inform DER -print_certs | openssl verify -CAfile root.pem -untrusted after.pem 2>&1 | grep -q OK && break; sleep 0.1; done
must strongswan "$url/scep/routers" k5.pem --dn "CN=anew" --password "$password"
issued "devices enrol with the new key, whose registration authority has new certificates too" must anew

must V scep setup apart --challenge none --listen 127.0.0.1:8098
same "a port that was opened for devices is the one in the URL" "$(sed -nE 's/.*URL: +//p' must)" "http://127.0.0.1:8098/scep/apart"

summary
