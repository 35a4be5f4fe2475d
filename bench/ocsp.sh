#!/bin/bash
# Server CPU per OCSP answer from the service's cache, in turn with two peers on the same core, same client:
#   GET   nginx with a static file of the answer's size   (bar: at most 1 of nginx)
#   POST  cfssl ocspserve with the same answer            (bar: at most a quarter of cfssl)
# `bench/ocsp.sh [--check]`; with --check the status is 4 when a bar is missed.
# ROUNDS (5), SECONDS_EACH (3), CONNECTIONS (64), CERTIFICATES (200), VOUCH (build/bench/bin/vouch).
set -u
cd "$(dirname "$0")/.." || exit 1
ROUNDS=${ROUNDS:-5} EACH=${SECONDS_EACH:-3} CONNECTIONS=${CONNECTIONS:-64} CERTIFICATES=${CERTIFICATES:-200}
VOUCH=${VOUCH:-build/bench/bin/vouch}
for program in nginx cfssl gcc openssl curl python3 "$VOUCH"; do
  command -v "$program" >/dev/null || { echo "error: there is no $program (Debian: nginx golang-cfssl)" >&2; exit 1; }
done
W=$(mktemp -d "${TMPDIR:-/tmp}/vouch-bench.XXXXXX")
chmod 755 "$W"
pids=()
trap 'for p in "${pids[@]}"; do kill "$p" 2>/dev/null; done; wait; rm -rf "$W"' EXIT
must() { "$@" >"$W/must" 2>&1 || { cat "$W/must" >&2; echo "error: $*" >&2; exit 1; }; }
gcc -O2 -w -o "$W/load" bench/http_load.c || exit 1
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
python3 - "$W" "$CERTIFICATES" <<'X2'
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
X2

taskset -c 0 "$VOUCH" serve 2>"$W/serve.log" &
ours=$!
pids+=("$ours")
for ((i = 0; i < 100; i++)); do curl -sf "http://127.0.0.1:$port/healthz" >/dev/null && break; sleep 0.1; done
must curl -sf -o "$W/answer" -H 'Content-Type: application/ocsp-request' --data-binary "@$W/n0.req" "http://127.0.0.1:$port/ocsp"
octets=$(stat -c %s "$W/answer")

mkdir "$W/root" && cp "$W/answer" "$W/root/file"
cat >"$W/nginx.conf" <<X
worker_processes 1; error_log $W/error.log; pid $W/nginx.pid; daemon off;
events { worker_connections 1024; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; keepalive_timeout 75s;
  client_body_temp_path $W/t1; proxy_temp_path $W/t2; fastcgi_temp_path $W/t3; uwsgi_temp_path $W/t4; scgi_temp_path $W/t5;
  server { listen 127.0.0.1:$nginx_port; root $W/root; } }
X
nginx -c "$W/nginx.conf" 2>"$W/nginx.log" &
pids+=($!)
base64 -w0 "$W/answer" >"$W/responses" && echo >>"$W/responses"
taskset -c 0 cfssl ocspserve -address 127.0.0.1 -port "$cfssl_port" -responses "$W/responses" -loglevel 5 >"$W/cfssl.log" 2>&1 &
cfssl=$!
pids+=("$cfssl")
for ((i = 0; i < 100; i++)); do [ -s "$W/nginx.pid" ] && (exec 3<>"/dev/tcp/127.0.0.1/$cfssl_port") 2>/dev/null && break; sleep 0.1; done
worker=$(pgrep -P "$(cat "$W/nginx.pid")" | head -1)
[ -n "$worker" ] || { cat "$W"/*.log >&2; echo "error: a server did not start" >&2; exit 1; }
taskset -pc 0 "$worker" >/dev/null
printf 'GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n' >"$W/get-nginx"

# measure PORT REQUESTS PID: microseconds of server CPU per answer.
measure() {
  local line
  line=$(taskset -c 1 "$W/load" "$1" "$CONNECTIONS" "$EACH" 1 "$2" "$3")
  echo "$line" >&2
  case $line in *" bad 0") ;; *) echo "error: bad answers" >&2; return 1 ;; esac
  sed -E 's/.*cpu\/req +([0-9.]+)us.*/\1/' <<<"$line"
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
for ((i = 0; i < ROUNDS; i++)); do
  measure "$port" "$W/gets" "$ours" >>"$W/our-gets" || exit 1
  measure "$nginx_port" "$W/get-nginx" "$worker" >>"$W/nginx-gets" || exit 1
  measure "$port" "$W/posts" "$ours" >>"$W/our-posts" || exit 1
  measure "$cfssl_port" "$W/post-cfssl" "$cfssl" >>"$W/cfssl-posts" || exit 1
done
met=yes
verdict() { # WHAT OURS PEER NAME BAR
  awk -v what="$1" -v a="$2" -v b="$3" -v peer="$4" -v bar="$5" 'BEGIN {
    printf "%s: ours %.2f us, %s %.2f us, ratio %.2f (bar: at most %.2f) %s\n", what, a, peer, b, a / b, bar, a / b <= bar ? "met" : "MISSED"
    exit a / b > bar }' || met=no
}
verdict "OCSP by GET, $octets octets" "$(median <"$W/our-gets")" "$(median <"$W/nginx-gets")" nginx 1
verdict "OCSP by POST" "$(median <"$W/our-posts")" "$(median <"$W/cfssl-posts")" "cfssl ocspserve" 0.25
[ "${1:-}" != --check ] || [ $met = yes ] || exit 4
