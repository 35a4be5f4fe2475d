#!/bin/bash
# SCEP messages in every shape: a Go client on Debian's micromdm library, HTTP as old devices speak it, long URLs, one
# message many times at once, many devices at once, certmonger that waits, and NDES's FAILURE octet by octet.
# SCEP_CLIENTS (8) devices at once, SCEP_EACH (60) enrolments each; the full count is SCEP_EACH=2000.
. "$(dirname "$0")/../lib/own_network.sh"
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/scep_server.sh"
. "$(dirname "$0")/../lib/scep_clients.sh"
need openssl curl go getcert dbus-run-session xxd
LOAD=$(readlink -f "$(dirname "$VOUCH")/scep_load")
[ -x "$LOAD" ] || { no "there is no $LOAD: build the tests"; summary; exit 1; }
CLIENTS=${SCEP_CLIENTS:-8} EACH=${SCEP_EACH:-60}
cd "$W" || exit 1
export no_proxy=127.0.0.1

# device NAME OPTION...: vouch's own client, where the shape of HTTP is looked at and not the message
device() { "$VOUCH" scep enroll "$url" --ca-file ca.pem --key "$1.key" --out "$1.pem" --subject "CN=$1" "${@:2}"; }
echo secret >challenge

# --- a Go client on Debian's library ---
export GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$W/go-cache GOFLAGS= HOME=$W
check "the Go client builds" go build -o go_scep "$ROOT/tests/peers/go_scep/main.go"
gone() { # NAME OPTION...
  ./go_scep -url "$url" -key "$1.key" -out "$1.pem" -cn "$1" -challenge secret "${@:2}"
}
for mode in "" two ca; do
  serve $mode same-key
  name="Go, ${mode:-one RA certificate}"
  # The library encrypts for certificates with keyEncipherment, which a CA has only where somebody asked for it.
  everybody=
  [ "$mode" = ca ] && everybody=-everybody
  must gone "go$mode" $everybody
  issued "$name, AES-256 and SHA-256" "go$mode.pem" "go$mode"
  must gone "go-other$mode" -cipher aes128 -digest sha512 -get -everybody
  issued "$name, AES-128, SHA-512, raw GET, for all certificates" "go-other$mode.pem" "go-other$mode"
  must gone "go$mode" -key "new$mode.key" -cert "go$mode.pem" -old-key "go$mode.key" -type 17 -challenge "" -out "new$mode.pem" $everybody
  said "$name: renewal" '^RenewalReq SUCCESS'
  expect "$name: a wrong challenge" fail "failInfo badRequest" gone thief -challenge wrong $everybody
  said "$name: for that reason" 'code=ChallengePasswordMismatch'
done
expect "Go, the library's own message is refused: SHA-1" fail "failInfo badAlg" gone lib -library -everybody
said "Go: for that reason" 'code=AlgorithmRefused .*SHA-1 is too weak'
expect "Go, single DES is refused" fail "failInfo badAlg" gone des -cipher des -everybody
said "Go: for that reason" 'code=AlgorithmRefused .*DES-CBC is too weak'
serve legacy
must gone lib -library -cipher des
issued "Go, the library's own message and DES, legacy profile" lib.pem lib
said "Go: noted as weak" '^PKCSReq SUCCESS .*legacy=true'
# What jscep sends where GetCACaps says nothing; it is for another service, so that it is the digest that is judged.
md5() { "$VOUCH" scep replay "$ROOT/testdata/scep/jscep-md5.query" "$url"; }
expect "MD5 is verified for a legacy profile" 0 "RecipientUnknown" md5
serve
expect "and refused by default" 0 "Fail info: +badAlg" md5
said "for that reason" 'code=AlgorithmRefused .*MD5 is too weak'

# --- HTTP as it comes ---
must device shape --challenge-file challenge --save-message shape.der
answers() { # NAME CURL-OPTION...: with a SUCCESS
  local name=$1
  shift
  if ! curl -sS -o reply.der "$@" 2>curl.err; then no "$name" curl.err; return; fi
  expect "$name" 0 "Status: +SUCCESS" "$VOUCH" scep decode reply.der
}
operation=$url?operation=PKIOperation
answers "POST without Content-Type" -H Content-Type: --data-binary @shape.der "$operation"
answers "POST as a form" -H "Content-Type: application/x-www-form-urlencoded" --data-binary @shape.der "$operation"
answers "POST as text" -H "Content-Type: text/plain; charset=utf-8" --data-binary @shape.der "$operation"
answers "POST in chunks" -H "Transfer-Encoding: chunked" --data-binary @shape.der "$operation"
answers "POST with HTTP/1.0 and without Host" -0 -H Host: --data-binary @shape.der "$operation"
answers "POST where message stands in the URL, too" --data-binary @shape.der "$operation&message=default"
raw=$(base64 -w 0 shape.der)
answers "GET with raw base64" "$operation&message=$raw"
answers "GET with HTTP/1.0 and without Host" -0 -H Host: "$operation&message=$raw"
answers "GET with message first" "$url/pkiclient.exe?message=$raw&operation=PKIOperation"
answers "GET, URL-safe and without padding" "$operation&message=$(tr +/ -_ <<<"$raw" | tr -d =)"
answers "GET with a line end every 64 characters" "$operation&message=$(base64 -w 64 shape.der | sed 's/+/%2B/g; s/=/%3D/g' | tr '\n' '!' | sed 's/!/%0A/g')"
answers "GET, escaped twice" "$operation&message=$(sed 's/+/%252B/g; s:/:%252F:g; s/=/%253D/g' <<<"$raw")"
same "one request at the authority, whatever the spelling" "$(grep -c '^PKCSReq SUCCESS request=1 ' said)" 13
# Blanks behind a challenge do not count, so that it can be as long as Intune's.
for size in 6000 28000; do
  printf 'secret%*s\n' $size '' >long-challenge
  must device "long$size" --get --challenge-file long-challenge --save-message long.der
  issued "a GET of $(($(stat -c %s long.der) * 4 / 3)) octets" "long$size.pem" "long$size"
done
same "so long that 40 kB are reached" "$(($(stat -c %s long.der) * 4 / 3 > 40000))" 1

# --- NDES's FAILURE (the capture of certnanny/sscep issue 59) ---
serve bare
echo wrong >wrong
expect "NDES: refused" 1 ChallengePasswordMismatch device ndes --challenge-file wrong --save-message ndes.der
must curl -sS -o ndes.reply --data-binary @ndes.der "$url?operation=PKIOperation"
openssl asn1parse -inform DER -in ndes.reply >ndes.tree
same "NDES: version 1" "$(grep -m1 INTEGER ndes.tree | sed 's/.*://')" 01
same "NDES: the content is one zero octet" "$(xxd -p ndes.reply | tr -d '\n' | grep -c 06092a864886f70d010701a003040100)" 1
same "NDES: no certificates" "$(openssl pkcs7 -inform DER -in ndes.reply -print_certs 2>/dev/null | grep -c BEGIN)" 0
same "NDES: the HRESULT" "$(grep -A2 '1.3.6.1.4.1.311.21.33' ndes.tree | sed -n 's/.*PRINTABLESTRING *://p')" "-2147024810"
same "NDES: the signature is rsaEncryption" "$(grep -c ':rsaEncryption' ndes.tree)" 1

# --- one message, a hundred times at once ---
serve reuse
must device once --challenge-file challenge --save-message once.der
before=$(grep -c '^PKCSReq' said)
seq 100 | xargs -P 16 -I{} curl -sS -o "once.{}" --data-binary @once.der "$url?operation=PKIOperation" 2>curl.err
same "the same message 100 times: each is answered" "$(($(grep -c '^PKCSReq' said) - before))" 100
same "and with the one certificate" "$(grep -c '^PKCSReq SUCCESS request=1 ' said)" 101
order certificates
same "of which there is one" "$(sed -n 's/^done certificates: //p' said)" 1

# --- many devices at once ---
if "$LOAD" "$url" "$CLIENTS" "$EACH" secret serials >load.out 2>load.err; then
  ok "$CLIENTS devices at once, $EACH enrolments each: $(tail -1 load.out)"
else
  no "$CLIENTS devices at once: $(tail -1 load.out)" load.err
fi
same "no serial number twice" "$(sort -u serials | wc -l)" $((CLIENTS * EACH))
sed '/^done certificates/d' said >said.left
cat said.left >said # in place: the server goes on writing there
order certificates
same "every certificate is in the database" "$(sed -n 's/^done certificates: //p' said)" $((CLIENTS * EACH + 1))

# --- certmonger waits and sends its request again ---
serve pending
certmonger_session "$url/pkiclient.exe" <<'X'
getcert request -s -c vouch -k "$PWD/cm.key" -f "$PWD/cm.pem" -g 2048 -N CN=patient.vouch.test -L secret
for _ in $(seq 100); do getcert list -s | grep -q 'status: CA_WORKING' && break; sleep 0.2; done
getcert list -s | sed -n 's/^.status: /first /p'
echo "approve 1" >&7
for _ in $(seq 20); do
  getcert refresh -s -f "$PWD/cm.pem"
  [ -s cm.pem ] && break
  sleep 0.5
done
X
expect "certmonger waits" 0 "first CA_WORKING" cat certmonger.out
issued "certmonger, after approval" cm.pem patient.vouch.test
same "certmonger: by its request sent again" "$(grep -c '^PKCSReq SUCCESS request=1 ' said)" 1

served
summary
