#!/bin/bash
# OCSP clients that none of us wrote ask the service: openssl (POST, and GET through a proxy), gnutls, nginx (stapling,
# and the certificates of its own clients), curl --cert-status. Each about good, revoked, unknown and expired. Then nginx as a
# reverse proxy, which may damage the base64 of a GET.
. "$(dirname "$0")/../lib/own_network.sh"
. "$(dirname "$0")/../cli/lib.sh"
need openssl curl ocsptool nginx ip python3

OCSP=http://127.0.0.1:18080/ocsp
must vouch ca init --name "OCSP Root" --kind root --automatic-issuance
must vouch location set --aia "32:$OCSP"
must vouch template publish WebServer
must vouch template publish ClientAuth
must vouch template add BriefServer --from WebServer
must vouch template set BriefServer validity=10s renewal_period=1s
must vouch template publish BriefServer
must vouch ca export --out "$W/root.pem"
get() { # NAME TEMPLATE
  request "$1" "/CN=$1.vouch.test" "DNS:$1.vouch.test"
  vouch request submit "$W/$1.csr" --template "$2" --out "$W/$1.pem" >"$W/submit" 2>&1
  case $? in
    0) ;;
    3) must vouch request approve "$(sed -nE 's/^request ([0-9]+) .*/\1/p' "$W/submit" | head -1)" --out "$W/$1.pem" ;;
    *) no "cannot go on: $1 gets no certificate" "$W/submit"; summary; exit 1 ;;
  esac
}
get expired BriefServer
expires=$(($(date +%s) + 11))
get good WebServer
get revoked WebServer
get good-client ClientAuth
get revoked-client ClientAuth
for name in revoked revoked-client; do
  must vouch cert revoke "$(openssl x509 -in "$W/$name.pem" -noout -serial | cut -d= -f2)" --reason keyCompromise
done
# Signed with the CA's key, and never issued by the CA.
printf '%s\n' "authorityInfoAccess=OCSP;URI:$OCSP" 'extendedKeyUsage=clientAuth,serverAuth' 'subjectAltName=DNS:forged.vouch.test' >"$W/forged.ext"
request forged /CN=forged.vouch.test DNS:forged.vouch.test
must openssl x509 -req -in "$W/forged.csr" -CA "$W/root.pem" -CAkey "$(find "$VOUCH_HOME/keys" -name 'OCSP Root-*')" \
  -set_serial 0x424242 -days 10 -extfile "$W/forged.ext" -out "$W/forged.pem"

must vouch config set listener.http.address 127.0.0.1:18080
start_service() {
  "$VOUCH" serve >>"$W/serve.log" 2>&1 & # not the function: a shell around it would get the signals
  server=$!
  for _ in $(seq 100); do curl -sf http://127.0.0.1:18080/healthz >/dev/null && break; sleep 0.1; done
}
start_service
at_exit+=('end server nginx proxy')
nginx='' proxy=''

# Sends on as a GET what came as a POST.
cat >"$W/proxy.py" <<'P'
import base64, http.server, sys, urllib.parse, urllib.request
class Proxy(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        request = self.rfile.read(int(self.headers["Content-Length"]))
        url = sys.argv[1] + "/" + urllib.parse.quote(base64.b64encode(request).decode(), safe="")
        with urllib.request.urlopen(url) as answer:
            body, kind, control = answer.read(), answer.headers["Content-Type"], answer.headers["Cache-Control"]
        print("GET", len(url), kind, control, flush=True)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(("127.0.0.1", 18082), Proxy).serve_forever()
P
python3 "$W/proxy.py" "$OCSP" >"$W/proxy.log" 2>&1 &
proxy=$!
for _ in $(seq 100); do (exec 9<>/dev/tcp/127.0.0.1/18082) 2>/dev/null && break; sleep 0.1; done

ask() { openssl ocsp -issuer "$W/root.pem" -CAfile "$W/root.pem" "$@" 2>&1; }
for how in "POST -nonce $OCSP" "POST -no_nonce $OCSP" "GET -nonce http://127.0.0.1:18082/" "GET -no_nonce http://127.0.0.1:18082/"; do
  read -r method nonce url <<<"$how"
  expect "openssl, $method $nonce: good" 0 'good.pem: good' ask -cert "$W/good.pem" "$nonce" -url "$url"
  grep -q 'Response verify OK' "$W/last" && ok "  and it verifies the answer" || no "  it does not verify" "$W/last"
  [ "$nonce" = -no_nonce ] || { grep -qi 'nonce' "$W/last" && no "  it complains about the nonce" "$W/last"; }
  expect "openssl, $method $nonce: revoked" 0 'Reason: keyCompromise' ask -cert "$W/revoked.pem" "$nonce" -url "$url"
  expect "openssl, $method $nonce: unknown" 0 'forged.pem: unknown' ask -cert "$W/forged.pem" "$nonce" -url "$url"
done
grep -q 'application/ocsp-response max-age=' "$W/proxy.log" && ok "the GETs came, and may be cached" || no "no GET came" "$W/proxy.log"
expect "openssl, three certificates at once" 0 'forged.pem: unknown' \
  ask -cert "$W/good.pem" -cert "$W/revoked.pem" -cert "$W/forged.pem" -url "$OCSP"
expect "openssl, SHA-256 in the CertID" 0 'good.pem: good' ask -sha256 -cert "$W/good.pem" -url "$OCSP"
expect "openssl, another CA's certificate" 1 'unauthorized' \
  openssl ocsp -issuer "$W/forged.pem" -cert "$W/good.pem" -url "$OCSP" -CAfile "$W/root.pem"

# certtool's ocsptool says how it went in words alone.
for name in good revoked; do
  expect "gnutls: $name" 0 "Certificate Status: $name" ocsptool --ask="$OCSP" --load-issuer "$W/root.pem" \
    --load-cert "$W/$name.pem" --load-trust "$W/root.pem"
  grep -q 'Verifying OCSP Response: Success' "$W/last" && ok "  and it verifies the answer" || no "  it does not verify" "$W/last"
done
expect "gnutls: unknown" 0 "Certificate Status: unknown" ocsptool --ask="$OCSP" --load-issuer "$W/root.pem" \
  --load-cert "$W/forged.pem" --load-trust "$W/root.pem"

for name in good revoked forged expired; do cat "$W/$name.pem" "$W/root.pem" >"$W/$name.chain"; done # curl wants the issuer
# nginx staples for its own certificate, and asks about those of its clients.
server_block() { # PORT CERTIFICATE MORE
  echo "server { listen 127.0.0.1:$1 ssl; server_name $2.vouch.test; ssl_certificate $W/$2.chain; ssl_certificate_key $W/$2.key;
    ssl_trusted_certificate $W/root.pem; error_log $W/nginx-$1.log info; location / { return 200 'served\n'; } $3 }"
}
staples='ssl_stapling on; ssl_stapling_verify on;'
asks="ssl_verify_client on; ssl_client_certificate $W/root.pem; ssl_ocsp leaf;"
{
  echo "daemon off; user root; pid $W/nginx.pid; error_log $W/nginx.log info; events {} http { access_log off;"
  echo "client_body_temp_path $W/nginx-body; proxy_temp_path $W/nginx-proxy; fastcgi_temp_path $W/nginx-f; uwsgi_temp_path $W/nginx-u; scgi_temp_path $W/nginx-s;"
  server_block 18443 good "$staples"
  server_block 18444 revoked "$staples"
  server_block 18445 forged "$staples"
  server_block 18446 expired "$staples"
  server_block 18447 good "$asks"
  echo "log_format path '\$server_port \$status \$request_uri';"
  echo "server { listen 127.0.0.1:18448; access_log $W/nginx-paths.log path; location /ocsp/ { proxy_pass http://127.0.0.1:18080; } }"
  echo "server { listen 127.0.0.1:18449; access_log $W/nginx-paths.log path; location /ocsp/ { proxy_pass http://127.0.0.1:18080/ocsp/; } }"
  echo "server { listen 127.0.0.1:18450; access_log $W/nginx-paths.log path; merge_slashes off; location /ocsp/ { proxy_pass http://127.0.0.1:18080/ocsp/; } }"
  echo "}"
} >"$W/nginx.conf"
while [ "$(date +%s)" -le $expires ]; do sleep 0.3; done
nginx -c "$W/nginx.conf" -p "$W" >"$W/nginx.out" 2>&1 &
nginx=$!
page() { # NAME PORT CURL OPTION...
  local name=$1 port=$2
  shift 2
  curl -sS --cacert "$W/root.pem" --resolve "$name.vouch.test:$port:127.0.0.1" "$@" "https://$name.vouch.test:$port/" 2>&1
}
for _ in $(seq 50); do page good 18443 >/dev/null && break; sleep 0.1; done
# It asks when the first client comes, and staples from then on.
for port in 18443 18444 18445; do
  name=$(case $port in 18443) echo good ;; 18444) echo revoked ;; 18445) echo forged ;; esac)
  for _ in 1 2 3; do page $name $port --cert-status >/dev/null; sleep 0.2; done
done
expect "curl --cert-status: good" 0 'served' page good 18443 --cert-status
expect "curl --cert-status: nginx staples nothing for a revoked one" 91 'OCSP' page revoked 18444 --cert-status
grep -q 'certificate status "revoked"' "$W/nginx.log" && ok "  and says why" || no "  nginx does not say why" "$W/nginx.log"
expect "curl --cert-status: nor for an unknown one" 91 'OCSP' page forged 18445 --cert-status
grep -q 'certificate status "unknown"' "$W/nginx.log" && ok "  and says why" || no "  nginx does not say why" "$W/nginx.log"
expect "curl: an expired one is expired, whatever OCSP says" 60 'expired' page expired 18446 --cert-status
expect "openssl: OCSP still knows the expired one" 0 'expired.pem: good' ask -cert "$W/expired.pem" -url "$OCSP"

as_client() { page good 18447 -o "$W/page" -w '%{http_code}' --cert "$W/$1.pem" --key "$W/$1.key"; }
same "nginx lets a good client in" 200 "$(as_client good-client)"
same "and a revoked one not" 400 "$(as_client revoked-client)"
grep -qi 'revoked' "$W/nginx-18447.log" && ok "  because it is revoked" || no "  nginx does not say why" "$W/nginx-18447.log"
same "nor one that was never issued" 400 "$(as_client forged)"
must vouch cert revoke "$(openssl x509 -in "$W/good-client.pem" -noout -serial | cut -d= -f2)" --reason superseded
expect "a revocation is in the very next answer" 0 'good-client.pem: revoked' ask -cert "$W/good-client.pem" -no_nonce -url "$OCSP"

# Base64 with two slashes in a row, in the path of a GET: nginx merges them where proxy_pass has a path of its own, unless
# it is told not to. What it damaged is refused, never answered about something else.
base64=''
for _ in $(seq 5000); do
  ask -cert "$W/good.pem" -nonce -reqout "$W/double.req" >/dev/null
  base64=$(base64 -w 0 "$W/double.req")
  [[ $base64 == *//* ]] && break
done
encoded=$(sed 's#/#%2F#g; s#+#%2B#g; s#=#%3D#g' <<<"$base64")
by_get() { # PORT PATH: what openssl reads in the answer
  curl -s --path-as-is -o "$W/by-get" "http://127.0.0.1:$1/ocsp/$2"
  ask -no_nonce -cert "$W/good.pem" -reqin "$W/double.req" -respin "$W/by-get" # else it adds another nonce
}
expect "GET through nginx, proxy_pass without a path: good" 0 'good.pem: good' by_get 18448 "$base64"
expect "  with %2F as well" 0 'good.pem: good' by_get 18448 "$encoded"
expect "proxy_pass with a path, merge_slashes off: good" 0 'good.pem: good' by_get 18450 "$base64"
expect "proxy_pass with a path: what is damaged is refused" fail 'malformedrequest' by_get 18449 "$base64"
expect "  with %2F as well" fail 'malformedrequest' by_get 18449 "$encoded"
same "nginx had the same request each time" "$(grep -cF -e " /ocsp/$base64" -e " /ocsp/$encoded" "$W/nginx-paths.log")" 5

# Who keeps connecting and says nothing, or garbage, holds up nobody.
for _ in 1 2 3; do exec 9<>/dev/tcp/127.0.0.1/18080; exec 9>&-; done
printf 'garbage\r\n\r\n' | timeout 5 bash -c 'cat >/dev/tcp/127.0.0.1/18080'
expect "and it answers on" 0 'good.pem: good' ask -cert "$W/good.pem" -url "$OCSP"
end server
same "it stops cleanly" 0 $?
summary
