#!/bin/bash
# Ten thousand clients that say nothing: the others are served, memory stays small, and so it does with ten thousand
# halves of a request. IDLE_CONNECTIONS (10000).
. "$(dirname "$0")/../lib/script.sh"
need python3 curl
HTTP_SERVER=${HTTP_SERVER:-$(dirname "$VOUCH")/http_server}
COUNT=${IDLE_CONNECTIONS:-10000}
ulimit -n "$(ulimit -Hn)"
if [ "$(ulimit -n)" != unlimited ] && [ "$(ulimit -n)" -lt $((COUNT + 100)) ]; then
  no "cannot go on: $((COUNT + 100)) descriptors are needed, ulimit -n gives $(ulimit -n)"
  summary
  exit 1
fi
mkfifo "$W/in"
"$HTTP_SERVER" 0 2048 <"$W/in" >"$W/port" 2>"$W/log" &
server=$!
exec 3>"$W/in"
at_exit+=("kill $server 2>/dev/null")
for ((i = 0; i < 100; i++)); do [ -s "$W/port" ] && break; sleep 0.05; done
port=$(cat "$W/port")
[ -n "$port" ] || { no "the server starts" "$W/log"; summary; exit 1; }
url=http://127.0.0.1:$port
status() { curl --silent --noproxy '*' --max-time 10 -o /dev/null -w '%{http_code}' "$url/file"; }
resident() { awk '/^VmRSS/ { print $2 }' "/proc/$server/status"; }

cat >"$W/clients.py" <<'X'
import socket, sys
port, count, text = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode().decode("unicode_escape").encode()
clients = []
for _ in range(count):
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    if text:
        client.sendall(text)
    clients.append(client)
print("connected", flush=True)
sys.stdin.read()
X
# crowd NAME TEXT: COUNT clients that send TEXT and wait; then a request, the count and the memory are checked.
crowd() {
  local name=$1 text=$2
  rm -f "$W/clients.in" "$W/clients.out"
  mkfifo "$W/clients.in"
  python3 "$W/clients.py" "$port" "$COUNT" "$text" <"$W/clients.in" >"$W/clients.out" 2>&1 &
  local clients=$!
  exec 4>"$W/clients.in"
  for ((i = 0; i < 600; i++)); do [ -s "$W/clients.out" ] && break; sleep 0.05; done
  same "$name: $COUNT clients connect" "$(cat "$W/clients.out")" connected
  same "$name: another client is served" "$(status)" 200
  local open
  open=$(curl --silent --noproxy '*' --max-time 10 "$url/metrics" | sed -n 's/^vouch_http_connections //p')
  if [ "${open:-0}" -ge "$COUNT" ]; then ok "$name: the server has $open connections"; else no "$name: only $open connections"; fi
  local memory
  memory=$(resident)
  if [ "$memory" -lt 102400 ]; then ok "$name: $memory KiB of memory"; else no "$name: $memory KiB of memory, more than 100 MiB"; fi
  exec 4>&-
  wait "$clients"
}
crowd "idle" ""
crowd "half a request" 'GET /file HTTP/1.1\r\nHost: x\r\n'
same "afterwards a client is served" "$(status)" 200
exec 3>&-
wait "$server"
same "the server stops cleanly" "$?" 0
summary
