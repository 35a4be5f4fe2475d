#!/bin/bash
# Server CPU per answer: ours from memory against nginx with a static file of the same size, same client, same
# settings, in turn. `bench/http.sh [--check]`; with --check the status is 4 when ours costs more.
# OCTETS (2048), HTTP_SERVER (build/bench/bin/http_server), and what bench/beside.sh takes.
set -u
cd "$(dirname "$0")/.." || exit 1
. bench/beside.sh
OCTETS=${OCTETS:-2048} HTTP_SERVER=${HTTP_SERVER:-build/bench/bin/http_server}
need nginx "$HTTP_SERVER"

head -c "$OCTETS" /dev/zero | tr '\0' x >"$W/content"
nginx_port=$((20000 + RANDOM % 20000))
start_nginx $nginx_port "$W/content"
mkfifo "$W/in"
taskset -c 0 "$HTTP_SERVER" 0 "$OCTETS" <"$W/in" >"$W/port" &
ours=$!
pids+=("$ours")
exec 3>"$W/in"
await test -s "$W/port"
port=$(cat "$W/port")

for ((i = 0; i < ROUNDS; i++)); do
  measure "$port" "$W/get-file" "$ours" >>"$W/ours" || exit 1
  measure $nginx_port "$W/get-file" "$nginx" >>"$W/nginx" || exit 1
done
verdict "$OCTETS octets from memory" "$W/ours" "$W/nginx" nginx 1
exec 3>&-
finish "$@"
