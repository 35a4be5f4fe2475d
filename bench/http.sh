#!/bin/bash
# Server CPU per answer: ours from memory against nginx with a static file of the same size, same client, same
# settings, in turn. `bench/http.sh [--check]`; with --check the status is 1 when ours costs more.
# ROUNDS (5), SECONDS_EACH (3), CONNECTIONS (64), OCTETS (2048), HTTP_SERVER (build/bench/bin/http_server).
set -u
cd "$(dirname "$0")/.." || exit 1
ROUNDS=${ROUNDS:-5} EACH=${SECONDS_EACH:-3} CONNECTIONS=${CONNECTIONS:-64} OCTETS=${OCTETS:-2048}
HTTP_SERVER=${HTTP_SERVER:-build/bench/bin/http_server}
for program in nginx gcc "$HTTP_SERVER"; do
  command -v "$program" >/dev/null || { echo "error: there is no $program" >&2; exit 1; }
done
W=$(mktemp -d "${TMPDIR:-/tmp}/vouch-bench.XXXXXX")
chmod 755 "$W"
pids=()
trap 'for p in "${pids[@]}"; do kill "$p" 2>/dev/null; done; rm -rf "$W"' EXIT
gcc -O2 -w -o "$W/load" bench/http_load.c || exit 1

mkdir "$W/root" && head -c "$OCTETS" /dev/zero | tr '\0' x >"$W/root/file"
port=$((20000 + RANDOM % 20000))
cat >"$W/nginx.conf" <<X
worker_processes 1; error_log $W/error.log; pid $W/nginx.pid; daemon off;
events { worker_connections 1024; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; keepalive_timeout 75s;
  client_body_temp_path $W/t1; proxy_temp_path $W/t2; fastcgi_temp_path $W/t3; uwsgi_temp_path $W/t4; scgi_temp_path $W/t5;
  server { listen 127.0.0.1:$port; root $W/root; } }
X
nginx -c "$W/nginx.conf" 2>"$W/nginx.log" &
pids+=($!)
mkfifo "$W/in"
taskset -c 0 "$HTTP_SERVER" 0 "$OCTETS" <"$W/in" >"$W/port" &
ours=$!
pids+=("$ours")
exec 3>"$W/in"
for ((i = 0; i < 100; i++)); do [ -s "$W/port" ] && [ -s "$W/nginx.pid" ] && break; sleep 0.1; done
our_port=$(cat "$W/port")
worker=$(pgrep -P "$(cat "$W/nginx.pid")" | head -1)
[ -n "$our_port" ] && [ -n "$worker" ] || { cat "$W"/*.log >&2; echo "error: a server did not start" >&2; exit 1; }
taskset -pc 0 "$worker" >/dev/null
printf 'GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n' >"$W/request"

# measure PORT PID: microseconds of server CPU per answer.
measure() {
  local line
  line=$(taskset -c 1 "$W/load" "$1" "$CONNECTIONS" "$EACH" 1 "$W/request" "$2")
  echo "$line" >&2
  case $line in *" bad 0") ;; *) echo "error: bad answers" >&2; return 1 ;; esac
  sed -E 's/.*cpu\/req +([0-9.]+)us.*/\1/' <<<"$line"
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
for ((i = 0; i < ROUNDS; i++)); do
  measure "$our_port" "$ours" >>"$W/ours" || exit 1
  measure "$port" "$worker" >>"$W/nginx" || exit 1
done
a=$(median <"$W/ours") b=$(median <"$W/nginx")
awk -v a="$a" -v b="$b" -v n="$OCTETS" 'BEGIN { printf "server CPU per answer of %d octets: ours %.2f us, nginx %.2f us, ratio %.2f (bar: at most 1)\n", n, a, b, a / b }'
exec 3>&-
[ "${1:-}" != --check ] || awk -v a="$a" -v b="$b" 'BEGIN { exit !(a <= b) }'
