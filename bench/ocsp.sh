#!/bin/bash
# Server CPU per OCSP answer from the service's cache, in turn with two peers on the same core, same client:
#   GET   nginx with a static file of the answer's size   (bar: at most 1 of nginx)
#   POST  cfssl ocspserve with the same answer            (bar: at most a quarter of cfssl)
# `bench/ocsp.sh [--check]`; with --check the status is 4 when a bar is missed. Debian: nginx, golang-cfssl.
# CERTIFICATES (200), VOUCH (build/bench/bin/vouch), and what bench/beside.sh takes.
set -u
cd "$(dirname "$0")/.." || exit 1
. bench/beside.sh
CERTIFICATES=${CERTIFICATES:-200} VOUCH=${VOUCH:-build/bench/bin/vouch}
need nginx cfssl openssl curl python3 "$VOUCH"
port=$((20000 + RANDOM % 20000)) nginx_port=$((port + 1)) cfssl_port=$((port + 2))

export VOUCH_HOME=$W/home
must "$VOUCH" ca init --name "Bench CA" --kind root --automatic-issuance --key ec:P-256
must "$VOUCH" template publish WebServer
must "$VOUCH" ca export --out "$W/ca.pem"
must "$VOUCH" config set listener.http.address "127.0.0.1:$port"
must "$VOUCH" config set service.threads 1
echo "issuing $CERTIFICATES certificates" >&2
for ((i = 0; i < CERTIFICATES; i++)); do
  must openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/key" -out "$W/csr" -subj "/CN=n$i.example" \
    -addext "subjectAltName=DNS:n$i.example"
  must "$VOUCH" request submit "$W/csr" --template WebServer --out "$W/n$i.pem"
  must openssl ocsp -issuer "$W/ca.pem" -cert "$W/n$i.pem" -no_nonce -reqout "$W/n$i.req"
done
must python3 - "$W" "$CERTIFICATES" <<'P'
import base64, sys, urllib.parse
folder, count = sys.argv[1], int(sys.argv[2])
gets, posts = [], []
for i in range(count):
    request = open(f"{folder}/n{i}.req", "rb").read()
    path = urllib.parse.quote(base64.b64encode(request).decode(), safe="")
    gets.append(f"GET /ocsp/{path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    posts.append(b"POST /ocsp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/ocsp-request\r\nContent-Length: %d\r\n\r\n"
                 % len(request) + request)
open(f"{folder}/gets", "wb").write(b"\n%%\n".join(gets))
open(f"{folder}/posts", "wb").write(b"\n%%\n".join(posts))
open(f"{folder}/post-cfssl", "wb").write(posts[0].replace(b"/ocsp", b"/", 1))
P

taskset -c 0 "$VOUCH" serve 2>"$W/serve.log" &
ours=$!
pids+=("$ours")
await curl -sf "http://127.0.0.1:$port/healthz"
must curl -sf -o "$W/answer" -H 'Content-Type: application/ocsp-request' --data-binary "@$W/n0.req" "http://127.0.0.1:$port/ocsp"
start_nginx $nginx_port "$W/answer"
{ base64 -w0 "$W/answer" && echo; } >"$W/responses"
taskset -c 0 cfssl ocspserve -address 127.0.0.1 -port $cfssl_port -responses "$W/responses" -loglevel 5 >"$W/cfssl.log" 2>&1 &
cfssl=$!
pids+=("$cfssl")
await listens_on $cfssl_port

for ((i = 0; i < ROUNDS; i++)); do
  measure "$port" "$W/gets" "$ours" >>"$W/our-gets" || exit 1
  measure $nginx_port "$W/get-file" "$nginx" >>"$W/nginx-gets" || exit 1
  measure "$port" "$W/posts" "$ours" >>"$W/our-posts" || exit 1
  measure $cfssl_port "$W/post-cfssl" "$cfssl" >>"$W/cfssl-posts" || exit 1
done
verdict "OCSP by GET, $(stat -c %s "$W/answer") octets" "$W/our-gets" "$W/nginx-gets" nginx 1
verdict "OCSP by POST" "$W/our-posts" "$W/cfssl-posts" "cfssl ocspserve" 0.25
finish "$@"
