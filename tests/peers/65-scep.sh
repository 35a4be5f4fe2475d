#!/bin/bash
# SCEP with other programs' clients: strongSwan's pki, micromdm's scepclient and certmonger enrol, wait, renew and are
# refused. The reason of a refusal is read in the service's words; what was issued is verified with openssl.
. "$(dirname "$0")/../lib/own_network.sh"
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/scep_server.sh"
. "$(dirname "$0")/../lib/scep_clients.sh"
need openssl pki scepclient curl getcert dbus-run-session
cd "$W" || exit 1
export no_proxy=127.0.0.1
for i in 1 2 3 4; do openssl genrsa -traditional -out k$i.pem 2048 2>/dev/null; done

# --- what is asked before anything is sent ---
serve
expect "GetCACaps says AES and POST" 0 "POSTPKIOperation" curl -sS "$url?operation=GetCACaps"
expect "and has the word that strongSwan 5.9.8 looks for" 0 "SHA-384" curl -sS "$url/pkiclient.exe?operation=GetCACaps&message=0"
expect "GetCACert has the type of RFC 8894 4.2.1.2" 0 "application/x-x509-ca-ra-cert" curl -sS -o p7 -w '%{content_type}' "$url?operation=GetCACert&message=default"
expect "openssl reads two certificates there" 0 "MSCEP-RA" openssl pkcs7 -inform DER -in p7 -print_certs -noout
expect "NDES's path in any case" 0 "SCEPStandard" curl -sS "${url%/scep/*}/CertSrv/MSCEP/mscep.dll?OPERATION=getcacaps"
expect "a browser sees NDES's page" 0 "Network Device Enrollment" curl -sS "$url"
expect "an unknown operation is 400" 0 "no operation 'Nonsense'.*400" sh -c "curl -sS -w ' %{http_code}' '$url?operation=Nonsense' | tr '\n' ' '"
expect "octets that are no message are 400" 0 "400" curl -sS -o /dev/null -w '%{http_code}' --data-binary rubbish "$url?operation=PKIOperation"

status() { curl -sS -o /dev/null -w '%{http_code}' "$@"; }
letters() { head -c "$1" /dev/zero | tr '\0' A; }
same "HTTP/1.0 without Host" "$(status -0 -H Host: "$url?operation=GetCACaps")" 200
same "a GET of 40 kB is read, and is no message" "$(status "$url?operation=PKIOperation&message=$(letters 40000)")" 400
same "one that is too long is 414" "$(status "$url?operation=PKIOperation&message=$(letters 65534)")" 414
same "a POST of 300 kB is 413" "$(letters 300000 >big; status --data-binary @big "$url?operation=PKIOperation")" 413

# --- strongSwan ---
for mode in "" two ca; do
  serve $mode same-key
  name="strongSwan, ${mode:-one RA certificate}"
  must strongswan "$url" k1.pem --dn "C=KR, O=Vouch, CN=router" --san router.vouch.test --password secret
  cp must r1.pem
  issued "$name" r1.pem router
  said "$name: the service says so" '^PKCSReq SUCCESS'
  must strongswan "$url" k1.pem --dn "C=KR, O=Vouch, CN=router" --san router.vouch.test --password secret
  same "$name: the same key and request again give the same certificate" "$(openssl x509 -in must -noout -serial)" "$(openssl x509 -in r1.pem -noout -serial)"
  expect "$name: a wrong password is refused" fail "." strongswan "$url" k2.pem --dn "O=Vouch, CN=evil" --password wrong
  said "$name: for that reason" '^PKCSReq FAILURE request=0 code=ChallengePasswordMismatch'
  expect "$name: no password is refused" fail "." strongswan "$url" k2.pem --dn "O=Vouch, CN=evil"
  said "$name: for that reason" '^PKCSReq FAILURE request=0 code=ChallengePasswordMissing'
  must strongswan "$url" k3.pem --dn "C=KR, O=Vouch, CN=router" --san router.vouch.test --cert r1.pem --key k1.pem
  cp must r2.pem
  issued "$name, renewal" r2.pem router
  said "$name: as RenewalReq" '^RenewalReq SUCCESS'
  expect "$name: a renewal for another name is refused" fail "." strongswan "$url" k4.pem --dn "C=KR, O=Vouch, CN=other" --cert r1.pem --key k1.pem
  said "$name: for that reason" '^RenewalReq FAILURE request=0 code=RenewalNameMismatch .*expected=CN=router,.* received=CN=other'
  must order revoke "$(openssl x509 -in r2.pem -noout -serial | cut -d= -f2)"
  expect "$name: a revoked certificate renews nothing" fail "." strongswan "$url" k4.pem --dn "C=KR, O=Vouch, CN=router" --cert r2.pem --key k3.pem
  said "$name: for that reason" '^RenewalReq FAILURE request=0 code=RenewalCertificateRevoked'
done

serve pending
expect "strongSwan waits for approval" fail "." strongswan "$url" k1.pem --dn "O=Vouch, CN=waiting" --password secret --interval 1 --maxpolltime 2
said "and has polled" '^CertPoll PENDING request=1'
(sleep 2; echo "approve 1" >&7) &
must strongswan "$url" k1.pem --dn "O=Vouch, CN=waiting" --password secret --interval 1 --maxpolltime 20
cp must waited.pem
issued "strongSwan, after approval" waited.pem waiting
said "by a poll" '^CertPoll SUCCESS request=1'
when "PENDING request=2" "deny 2"
expect "strongSwan is denied" fail "." strongswan "$url" k2.pem --dn "O=Vouch, CN=unwanted" --password secret --interval 1 --maxpolltime 20
said "by a person" '^CertPoll FAILURE request=2 code=RequestDenied .*not ours'

# --- micromdm's scepclient: DES and SHA-1, whatever the service says ---
serve
expect "scepclient is refused: SHA-1 and DES are too weak" fail "." micromdm "$url" weak -challenge secret
said "for that reason" '^PKCSReq FAILURE request=0 code=AlgorithmRefused legacy=false .*SHA-1 is too weak'
for mode in "" two ca; do
  serve $mode legacy same-key
  rm -rf mm-*
  name="scepclient, ${mode:-one RA certificate}, legacy profile"
  must micromdm "$url" phone -challenge secret
  issued "$name" mm-phone/cert.pem phone
  said "$name: noted as weak" '^PKCSReq SUCCESS .*legacy=true'
  first=$(openssl x509 -in mm-phone/cert.pem -noout -serial)
  must micromdm "$url" phone
  issued "$name, renewal" mm-phone/cert.pem phone
  said "$name: as RenewalReq" '^RenewalReq SUCCESS'
  if [ "$first" != "$(openssl x509 -in mm-phone/cert.pem -noout -serial)" ]; then ok "$name: another certificate"; else no "$name: the same certificate"; fi
  expect "$name: a wrong password is refused" fail "." micromdm "$url" thief -challenge wrong
  said "$name: for that reason" '^PKCSReq FAILURE request=0 code=ChallengePasswordMismatch'
done

# --- certmonger: always GET, checks nonces and content types ---
serve two
certmonger_session "${url%/scep/*}/certsrv/mscep/mscep.dll/pkiclient.exe" <<'X'
request() { # NAME PASSWORD
  getcert request -s -c vouch -k "$PWD/cm-$1.key" -f "$PWD/cm-$1.pem" -g 2048 -N "CN=$1.vouch.test" -D "$1.vouch.test" -L "$2" -w -v
}
request good secret
request bad wrong
cp cm-good.pem cm-first.pem
getcert rekey -s -f "$PWD/cm-good.pem" -w -v
getcert list -s
X
issued "certmonger" cm-first.pem good.vouch.test
expect "certmonger reads the refusal" 0 "CA_REJECTED" cat certmonger.out
if grep -q '^PKCSReq FAILURE request=0 code=ChallengePasswordMismatch' said; then ok "certmonger: for that reason"; else no "certmonger: for that reason" said; fi
issued "certmonger, another key" cm-good.pem good.vouch.test
if cmp -s cm-first.pem cm-good.pem; then no "certmonger: the same certificate" certmonger.out; else ok "certmonger: another certificate"; fi
same "certmonger: both are PKCSReq" "$(grep -c '^PKCSReq SUCCESS' said)" 2

served
summary
