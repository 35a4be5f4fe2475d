#!/bin/bash
# nginx and our certificates: first it checks them itself, by CRL, OCSP and stapling; then it asks the gateway, by auth_request
# with the escaped client certificate, and our reason is read in its answer and in our log.
. "$(dirname "$0")/../lib/own_network.sh"
. "$(dirname "$0")/../cli/lib.sh"
. "$(dirname "$0")/../lib/peer_pki.sh"
need openssl nginx curl python3 ip
make_peer_pki service
at_exit+=('end ca gateway nginx')
nginx=''
start_peer_ca
start_gateway

mkdir -p "$W/t" "$W/www" && echo "come in" >"$W/www/index.html"
chmod 755 "$W" "$W/www"
cat >"$W/nginx.conf" <<C
worker_processes 1; daemon off; pid $W/pid; error_log $W/error.log info; user root;
events { worker_connections 64; }
http {
  client_body_temp_path $W/t/b; proxy_temp_path $W/t/p; fastcgi_temp_path $W/t/f; uwsgi_temp_path $W/t/u; scgi_temp_path $W/t/s;
  access_log off;
  ssl_certificate $PKI/tls-server-chain.pem; ssl_certificate_key $PKI/tls-server.key; ssl_client_certificate $PKI/ca-bundle.pem;
  ssl_verify_depth 3; ssl_session_tickets off; ssl_session_cache off;
  root $W/www;
  server { listen 127.0.0.1:18443 ssl; ssl_verify_client on; ssl_crl $PKI/crl-bundle.pem; }
  server { listen 127.0.0.1:18444 ssl; ssl_verify_client on; ssl_ocsp leaf; ssl_ocsp_responder http://127.0.0.1:18080/ocsp; }
  server { listen 127.0.0.1:18446 ssl; ssl_stapling on; ssl_stapling_verify on; ssl_trusted_certificate $PKI/ca-bundle.pem;
           ssl_stapling_responder http://127.0.0.1:18080/ocsp; }
  server {
    listen 127.0.0.1:18445 ssl;
    ssl_verify_client optional_no_ca;   # nginx sees to it that the client has the key; the gateway decides
    location / {
      auth_request /vouch;
      auth_request_set \$vouch_user \$upstream_http_x_vouch_upn;
      auth_request_set \$vouch_name \$upstream_http_x_vouch_name;
      auth_request_set \$vouch_code \$upstream_http_x_vouch_code;
      auth_request_set \$vouch_reason \$upstream_http_x_vouch_reason;
      add_header X-User \$vouch_user;
      error_page 401 403 /refused;
    }
    location = /refused { internal; return 403 "refused: \$vouch_name \$vouch_code \$vouch_reason\n"; }
    location = /vouch {
      internal;
      proxy_pass http://unix:$gateway_socket:/v1/auth/nginx?purpose=client;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header X-Client-Cert \$ssl_client_escaped_cert;
    }
  }
}
C
nginx -e "$W/error.log" -p "$W" -c "$W/nginx.conf" &
nginx=$!
for _ in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/18445) 2>/dev/null && break; sleep 0.1; done
get() { # PORT WHO [CURL OPTION]...
  local port=$1 who=$2
  shift 2
  curl -sS --fail-with-body -m 15 --cacert "$PKI/root.crt" ${who:+--cert "$PKI/$who-chain.pem" --key "$PKI/$who.key"} "$@" "https://localhost:$port/index.html"
}
# refused NAME PATTERN PORT WHO [CURL OPTION]...: no way in, and nginx says why.
refused() {
  local name=$1 pattern=$2 before status=0
  shift 2
  before=$(wc -l <"$W/error.log")
  get "$@" >"$W/last" 2>&1 || status=$?
  tail -n +$((before + 1)) "$W/error.log" >>"$W/last"
  if [ $status -eq 0 ]; then no "$name: let in" "$W/last"; return; fi
  if grep -qiE -- "$pattern" "$W/last"; then ok "$name"; else no "$name: nothing said about '$pattern'" "$W/last"; fi
}

# --- nginx by itself
expect "by CRL: alice" 0 "come in" get 18443 alice
refused "by CRL: bob" "23:certificate revoked" 18443 bob
refused "by CRL: carol" "10:certificate has expired" 18443 carol
refused "by CRL: mallory" "certificate signature failure|unable to get|self-signed" 18443 mallory
refused "by CRL: a server's certificate" "26:unsuitable certificate purpose" 18443 tls-server
expect "by OCSP: alice" 0 "come in" get 18444 alice
refused "by OCSP: bob" "certificate revoked" 18444 bob
get 18446 "" --cert-status >/dev/null 2>&1 # nginx asks at the first client, who goes without
for _ in $(seq 30); do get 18446 "" --cert-status >"$W/last" 2>&1 && break; sleep 0.1; done
expect "stapling: curl sees a good answer of ours" 0 "come in" get 18446 "" --cert-status

# --- the gateway decides
expect "gateway: alice, and whom the certificate names" 0 "X-User: alice@vouch.test" get 18445 alice -i
decided "  our log knows client, subject and where the answer came from" accepted=True client=nginx code=None \
  "subject=CN=alice" "urls=~18080/(ocsp|pki)" cache_hit=False "octets=~[1-9]" "serial=~^[0-9a-f]{36}$"
expect "gateway: alice again" 0 "come in" get 18445 alice
decided "  from the cache" accepted=True cache_hit=True octets=0
refused "gateway: bob" "refused: revocation.revoked 500171 Certificate has been revoked" 18445 bob
decided "  our log says so too" accepted=False client=nginx code=500171 name=revocation.revoked "subject=CN=bob"
refused "carol: nginx needs nobody for that" "10:certificate has expired" 18445 carol
escaped() { python3 -c 'import sys, urllib.parse; print(urllib.parse.quote(open(sys.argv[1]).read()))' "$PKI/$1.crt"; }
# As a proxy asks that looks at nothing but the key.
ask() { curl -s "http://127.0.0.1:18090/v1/auth/nginx?$2" -H "X-Client-Cert: $(escaped "$1")" -w '%{http_code}'; }
expect "carol, asked about directly" 0 "refused: validity.expired \(AADSTS500172\).*|403" ask carol purpose=client
decided "  our log has the times" code=500172 name=validity.expired "message=~NotAfter"
expect "a server's certificate" 0 "refused: purpose.missing" ask tls-server purpose=client
expect "alice is not root" 0 "refused: name.upn_mismatch" ask alice "purpose=client&upn=root@vouch.test"
refused "gateway: mallory" "refused: [a-z_]+\.[a-z_]+" 18445 mallory
decided "  our log has a refusal" accepted=False "subject=CN=alice" "trust=None"
refused "gateway: without a certificate" "refused: certificate.absent" 18445 ""
lines=$(wc -l <"$gateway_log")
refused "gateway: a field that the client made up is not looked at" "refused: certificate.absent" 18445 "" -H "X-Client-Cert: $(escaped alice)" \
  -H "Client-Cert: :AAAA:"
same "  and nothing was decided" "$(wc -l <"$gateway_log")" "$lines"

# --- what its administrator sees
gw() { "$VOUCH" --home "$gateway_home" "$@"; }
expect "decisions, filtered" 0 "CN=bob .*refused +500171 +revocation.revoked" gw gateway decisions --refused --code AADSTS500171
expect "the trace is off" 0 "the trace is off; it holds 0 records" gw gateway trace
expect "and can be switched on" 0 "the trace is on until" gw gateway trace on --for 10m --refused
refused "  bob once more" "500171" 18445 bob
expect "  then it has the whole record" 0 '"outcome"' gw gateway trace show
expect "status names what is cached" 0 "trusted_issuers = 2" gw gateway status
expect "metrics count by code" 0 'vouch_gateway_decisions_total\{result="refused",code="500171",profile="lan"\} 2' curl -s http://127.0.0.1:18090/metrics
expect "others than the administrator see none of it over TCP" 0 "for the administrator" curl -s http://127.0.0.1:18090/v1/decisions
must vouch --ca "$ISSUING" cert revoke "$PKI/grace.crt" --reason cessationOfOperation
refused "revoked a moment ago: OCSP says so at once" "500171" 18445 grace
must gw trust remove "CN=Vouch Test Root,O=Vouch Test"
sleep 6 # it looks every five seconds
refused "a root that is trusted no longer" "50017[0-9]|path\." 18445 alice
expect "config check names a mistake in a profile" 4 "vouch.toml:[0-9]+" bash -c "echo 'x = 1' >>'$gateway_home/vouch.toml'; '$VOUCH' --home '$gateway_home' config check"
end gateway
same "the gateway stops cleanly" $? 0
refused "without a gateway nobody comes in" "502|500|refused" 18445 alice
summary
