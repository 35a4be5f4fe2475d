#!/bin/bash
# vouch serve meets clients that it should not, and its own end: others are served, the log says what was wrong,
# nothing is lost. CROWD (10000) is the number of idle clients.
. "$(dirname "$0")/../lib/script.sh"
need python3 curl faketime
CROWD=${CROWD:-10000}
clients=$(dirname "$0")/service_clients.py
export VOUCH_HOME=$W/home
must vouch ca init --name "Service CA" --kind root --automatic-issuance
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
must vouch config set listener.http.address "127.0.0.1:$port"
must vouch config set limits.head_time 2s
must vouch config set limits.connections_per_site 20000
must vouch config set access_log.file access.log
ulimit -n "$(ulimit -Hn)"

get() { curl --silent --noproxy '*' --max-time 10 "http://127.0.0.1:$port$1"; }
status() { curl --silent --noproxy '*' --max-time 10 -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port${1:-/healthz}"; }
# start_service [COMMAND...]: in front of vouch.
start_service() {
  "$@" "$VOUCH" serve 2>>"$W/serve.log" &
  service=$!
  for ((i = 0; i < 200; i++)); do [ "$(status)" = 200 ] && return 0; sleep 0.05; done
  no "the service starts" "$W/serve.log"
  summary
  exit 1
}
at_exit+=('kill -9 $(child_of ${service:-0}) ${service:-} 2>/dev/null')
# The processes below the service: the keeper, and below it the signer.
child_of() { cat "/proc/$1/task/$1/children" 2>/dev/null | tr -d ' '; }
signer() { child_of "$(child_of "$service")"; }
ready() { get /readyz; }
# until NAME PATTERN: readiness says it within 30 seconds.
until_ready() {
  for ((i = 0; i < 300; i++)); do
    if ready | grep -qE -- "$2"; then ok "$1"; return; fi
    sleep 0.1
  done
  ready >"$W/last"
  no "$1" "$W/last"
}
# In the background, with its input held open: begin KIND [NUMBER], end.
begin() {
  rm -f "$W/in" "$W/out"
  mkfifo "$W/in"
  python3 "$clients" "$1" "$port" "${2:-}" <"$W/in" >"$W/out" 2>&1 &
  background=$!
  exec 5>"$W/in"
  for ((i = 0; i < 1200; i++)); do [ -s "$W/out" ] && break; sleep 0.05; done
}
end() {
  exec 5>&-
  wait "$background"
  tail -1 "$W/out"
}

start_service
until_ready "the service is ready" '"ready": true'
expect "a second one on the same home is refused" 1 "another vouch serve runs on" "$VOUCH" serve

# --- clients ---
same "a head that drips is cut" "$(python3 "$clients" slow_head "$port")" "HTTP/1.1 408 Request Timeout"
same "garbage is refused" "$(python3 "$clients" garbage "$port" 50 | grep -cE '^400( (closed|ConnectionResetError))*$')" 1
same "and others are served" "$(status)" 200
same "a body without end is not taken" "$(python3 "$clients" endless_body "$port" 100000000)" "refused refused"
same "70,000 octets of path: 414" "$(python3 "$clients" long_url "$port" 70000)" "HTTP/1.1 414 URI Too Long"
sleep 1.2
expect "and the log has length and limit" 0 "70001.*65534" cat "$VOUCH_HOME/access.log"
begin crowd "$CROWD"
same "$CROWD idle clients connect" "$(cat "$W/out")" connected
same "another one is served" "$(status)" 200
memory=$(awk '/^VmRSS/ { print $2 }' "/proc/$service/status")
if [ "$memory" -lt 204800 ]; then ok "with $memory KiB of memory"; else no "$memory KiB of memory, more than 200 MiB"; fi
end >/dev/null

# --- reload under load ---
begin load
for ((n = 0; n < 10; n++)); do
  kill -HUP "$service"
  sleep 0.2
done
end >"$W/load"
expect "reloads under load lose nothing" 0 "^[0-9]{3,} answered, 0 lost$" cat "$W/load"
same "they happened" "$(grep -c '^reloaded' "$W/serve.log")" 10
echo 'idel = 1' >>"$VOUCH_HOME/vouch.toml"
kill -HUP "$service"
sleep 0.5
expect "a mistake in the configuration changes nothing and is told" 0 "not reloaded.*vouch.toml:" cat "$W/serve.log"
same "and the service goes on" "$(status)" 200
sed -i '/^idel/d' "$VOUCH_HOME/vouch.toml"

# --- the signer process ---
before=$(signer)
kill -9 "$before"
kill -HUP "$service" # has the keys looked at
for ((i = 0; i < 100; i++)); do [ -n "$(signer)" ] && [ "$(signer)" != "$before" ] && break; sleep 0.1; done
if [ -n "$(signer)" ] && [ "$(signer)" != "$before" ]; then ok "a killed signer process is replaced"; else no "no signer process" "$W/serve.log"; fi
expect "and its end is told" 0 "signer process was ended by signal 9" cat "$W/serve.log"
until_ready "the service is ready again" '"ready": true'
expect "nobody opens its memory" fail "denied|not permitted" su -s /bin/sh nobody -c "cat /proc/$(signer)/environ"
expect "it has no socket to a network" 1 "^$" sh -c "ls -l /proc/$(signer)/fd | grep -E 'TCP|UDP' || { echo; exit 1; }"

# --- the database ---
mv "$VOUCH_HOME/vouch.db" "$W/vouch.db"
until_ready "a database that is gone is named" '"name": "database", "ok": false'
same "and the service goes on" "$(status)" 200
mv "$W/vouch.db" "$VOUCH_HOME/vouch.db"
until_ready "and when it is back, all is well" '"ready": true'

# --- ends ---
kill -TERM "$service"
wait "$service"
same "it stops cleanly" "$?" 0
expect "the audit log is whole and sealed" 0 "the audit log is in order" vouch audit verify
keepers=$(pgrep -f "$VOUCH serve" | wc -l)
same "no process is left" "$keepers" 0
start_service
keeper=$(child_of "$service") child=$(signer)
kill -9 "$service"
wait "$service" 2>/dev/null
for ((i = 0; i < 100; i++)); do [ -d "/proc/$keeper" ] || [ -d "/proc/$child" ] || break; sleep 0.05; done
same "after kill -9 its children end, too" "$(ls -d "/proc/$keeper" "/proc/$child" 2>/dev/null | wc -l)" 0
start_service
until_ready "and it starts again" '"ready": true'
kill -TERM "$service"
wait "$service"

# --- the clock ---
# faketime stays above the service, and must leave its monotonic clock alone, as a clock that is set does.
start_service env FAKETIME_DONT_FAKE_MONOTONIC=1 faketime -f -3h
until_ready "a clock that was set back is named" '"name": "clock", "ok": false, "detail": "[^"]*the clock shows'
same "and it answers on" "$(status)" 200
kill -TERM "$(child_of "$service")"
wait "$service"
same "and stops cleanly" "$?" 0
summary
