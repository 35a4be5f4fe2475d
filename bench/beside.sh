# shellcheck shell=bash
# For benches that put a server beside its peers: server on core 0, load tool on core 1, in turn, CPU of the server per
# answer. Sourced from the project's folder; makes $W, which is gone at the end with the processes in `pids`.
# ROUNDS (5), SECONDS_EACH (3), CONNECTIONS (64) come from the environment.
ROUNDS=${ROUNDS:-5} EACH=${SECONDS_EACH:-3} CONNECTIONS=${CONNECTIONS:-64}
W=$(mktemp -d "${TMPDIR:-/tmp}/vouch-bench.XXXXXX")
chmod 755 "$W"
pids=()
trap 'for p in "${pids[@]}"; do kill "$p" 2>/dev/null; done; wait; rm -rf "$W"' EXIT
must() { "$@" >"$W/must" 2>&1 || { cat "$W/must" >&2; echo "error: $*" >&2; exit 1; }; }
need() {
  local program
  for program in gcc taskset "$@"; do
    command -v "$program" >/dev/null || { echo "error: there is no $program" >&2; exit 1; }
  done
  must gcc -O2 -w -o "$W/load" bench/http_load.c
}
await() { # COMMAND...: until it succeeds, ten seconds at most
  for ((i = 0; i < 100; i++)); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
  cat "$W"/*.log >&2
  echo "error: a server did not start: $*" >&2
  exit 1
}
listens_on() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# start_nginx PORT FILE: one worker that serves /file; its process is $nginx.
start_nginx() {
  mkdir "$W/pages" && cp "$2" "$W/pages/file"
  cat >"$W/nginx.conf" <<C
worker_processes 1; error_log $W/error.log; pid $W/nginx.pid; daemon off;
events { worker_connections 1024; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; keepalive_timeout 75s;
  client_body_temp_path $W/t1; proxy_temp_path $W/t2; fastcgi_temp_path $W/t3; uwsgi_temp_path $W/t4; scgi_temp_path $W/t5;
  server { listen 127.0.0.1:$1; root $W/pages; } }
C
  nginx -c "$W/nginx.conf" 2>"$W/nginx.log" &
  pids+=($!)
  await listens_on "$1"
  nginx=$(pgrep -P "$(cat "$W/nginx.pid")" | head -1)
  must taskset -pc 0 "$nginx"
  printf 'GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n' >"$W/get-file"
}

# measure PORT REQUESTS PID: microseconds of that process per answer.
measure() {
  local line
  line=$(taskset -c 1 "$W/load" "$1" "$CONNECTIONS" "$EACH" 1 "$2" "$3")
  echo "$line" >&2
  case $line in *" bad 0") ;; *) echo "error: bad answers" >&2; return 1 ;; esac
  sed -E 's/.*cpu\/req +([0-9.]+)us.*/\1/' <<<"$line"
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# verdict WHAT OURS PEER NAME BAR: files of measurements; `finish --check` ends with status 4 when a bar was missed.
met=yes
verdict() {
  awk -v what="$1" -v a="$(median <"$2")" -v b="$(median <"$3")" -v peer="$4" -v bar="$5" 'BEGIN {
    printf "%s: ours %.2f us, %s %.2f us, ratio %.2f (bar: at most %.2f) %s\n", what, a, peer, b, a / b, bar, a / b <= bar ? "met" : "MISSED"
    exit a / b > bar }' || met=no
}
finish() { [ "${1:-}" != --check ] || [ $met = yes ] || exit 4; }
