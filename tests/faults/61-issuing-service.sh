#!/bin/bash
# vouch serve with its signer process, while many clients ask it for certificates over its API, each on a connection
# that it keeps: the service killed, the signer process killed, the configuration reloaded five times a second, the
# token with the CA's key gone, the disk full, the disk read-only. What was answered is kept, to the octet; what was not
# is finished or can be asked for again; everything else goes on answering; the cause has a name.
#   61-issuing-service.sh [ROUNDS]    of kill -9
. "$(dirname "$0")/../lib/own_mounts.sh"
. "$(dirname "$0")/../lib/script.sh"
. "$ROOT/tests/lib/softhsm.sh"
ROUNDS=${1:-6}
LOAD=${SERVICE_LOAD:-$(dirname "$VOUCH")/service_load}
need openssl curl python3 mount unshare pkcs11-tool

DISK=$W/disk
mkdir "$DISK"
must mount -t tmpfs -o size=256m none "$DISK"
at_exit+=("umount -l '$DISK'")
softhsm_set_up "CA keys"

# set_up FOLDER PORT [OPTION...]: a home with a CA that issues at once; the account that runs this manages it.
set_up() {
  export VOUCH_HOME=$1
  socket=$VOUCH_HOME/run/vouch.sock port=$2
  shift 2
  must "$VOUCH" ca init --name "Load CA" --kind root --mode standalone --automatic-issuance --key ec:P-256 "$@"
  must "$VOUCH" template publish WebServer
  must "$VOUCH" role grant manager "$(id -un)"
  must "$VOUCH" config set listener.http.address "127.0.0.1:$port"
  must "$VOUCH" ca export --out "$W/ca.pem"
}
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
get() { curl --silent --noproxy '*' --max-time 10 "http://127.0.0.1:$port$1"; }
status() { curl --silent --noproxy '*' --max-time 10 -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port$1"; }
api() { curl --silent --noproxy '*' --max-time 60 --unix-socket "$socket" -H 'Content-Type: application/json' -w '\n%{http_code} %{content_type}' "$@"; }
# submit TRANSACTION: one new request; its body stays in $W/body, so that `again` asks for the same.
submit() { "$LOAD" body "$1" >"$W/body" && again; }
again() { api --data-binary "@$W/body" http://localhost/api/v1/requests; }

start_service() {
  "$VOUCH" serve 2>>"$W/serve.log" &
  service=$!
  for ((i = 0; i < 200; i++)); do [ "$(status /healthz)" = 200 ] && return 0; sleep 0.05; done
  no "the service starts" "$W/serve.log"
  summary
  exit 1
}
child_of() { cat "/proc/$1/task/$1/children" 2>/dev/null | tr -d ' '; }
signer() { child_of "$(child_of "$service")"; }
at_exit+=('kill -9 ${load:-} $(signer) $(child_of ${service:-0}) ${service:-} 2>/dev/null')
stop_service() {
  kill -TERM "$service"
  wait "$service"
  same "the service stops cleanly" "$?" 0
}
# until_ready NAME PATTERN: readiness says it within a minute.
until_ready() {
  for ((i = 0; i < 300; i++)); do
    if get /readyz | grep -qE -- "$2"; then ok "$1"; return; fi
    sleep 0.2
  done
  get /readyz >"$W/last"
  no "$1" "$W/last"
}
pause() { sleep "$(awk -v seed="$RANDOM$RANDOM" -v from="$1" -v to="$2" 'BEGIN { srand(seed); print from + rand() * (to - from) }')"; }

# start_load PREFIX SECONDS; end_load: its summary is in $W/load.
start_load() {
  "$LOAD" run "$socket" "$1" 12 "$2" "$W/received" >"$W/load" 2>&1 &
  load=$!
}
end_load() {
  wait $load
  same "$1: every client got every certificate" "$?" 0
  sed 's/^/  /' "$W/load"
}
count() { sed -n "s/.*\b$1=\([0-9]*\).*/\1/p" "$W/load" | head -1; }
at_least() { if [ "${2:-0}" -ge "$3" ]; then ok "$1: $2"; else no "$1: only ${2:-none}" "$W/load"; fi; }
is_whole() {
  check "$1: what was answered is there, and nothing is unfinished" "$LOAD" whole "$VOUCH_HOME" "Load CA" "$W/received"
  check "$1: the database is sound" "$VOUCH" db check --full
  check "$1: the same transactions give the same certificates" "$LOAD" again "$socket" "$W/received"
  check "$1: the audit log is whole" "$VOUCH" audit verify
}
# Those that need neither key nor writing.
others_answer() {
  same "$1: the process answers" "$(status /healthz)" 200
  same "$1: OCSP answers" "$(status "/ocsp/$ocsp")" 200
  same "$1: the CRL is there" "$(status "$crl_path")" 200
  same "$1: certificates are shown" "$(api "http://localhost/api/v1/certificates?limit=1" | tail -1)" "200 application/json"
}
know_urls() {
  sed -n 's/^issued [^ ]* \([0-9a-f]*\) .*/\1/p' "$W/received" | head -1 | xxd -r -p | openssl x509 -inform der -out "$W/first.pem"
  openssl ocsp -issuer "$W/ca.pem" -cert "$W/first.pem" -no_nonce -reqout "$W/first.req" 2>/dev/null
  ocsp=$(base64 -w0 "$W/first.req" | python3 -c 'import sys, urllib.parse; print(urllib.parse.quote(sys.stdin.read(), safe=""))')
  crl_path=$(openssl x509 -in "$W/first.pem" -noout -ext crlDistributionPoints | sed -n 's,.*URI:http://[^/]*\(/.*\),\1,p' | head -1)
  same "the answer about a certificate comes" "$(status "/ocsp/$ocsp")" 200
  same "the CRL is where its certificates say" "$(status "$crl_path")" 200
}

# --- killed ---
set_up "$DISK/home" "$(free_port)"
: >"$W/received"
start_service
start_load killed $((ROUNDS * 3))
for round in $(seq "$ROUNDS"); do
  pause 0.5 2
  if [ $((round % 3)) -eq 0 ]; then
    kill -9 "$(signer)"
  else
    kill -9 "$service"
    wait "$service" 2>/dev/null
    start_service
  fi
  "$LOAD" compare "$VOUCH_HOME" "Load CA" "$W/received" >"$W/last" 2>&1 && ok "round $round: $(cat "$W/last")" || no "round $round" "$W/last"
done
end_load "killed"
at_least "killed: certificates were issued" "$(count issued)" 200
at_least "killed: requests were cut off" "$(count cut)" 5
is_whole "killed"
know_urls

# --- reloaded ---
start_load reloaded 6
for ((n = 0; n < 25; n++)); do
  kill -HUP "$service"
  sleep 0.2
done
before=$(grep -c '^reloaded' "$W/serve.log")
end_load "reloaded"
same "reloaded: no connection is cut, no answer is an error" "$(count cut) $(count refused)" "0 0"
at_least "reloaded: certificates were issued" "$(count issued)" 200
at_least "reloaded: reloads happened" "$before" 15
same "reloaded: none failed" "$(grep -c '^not reloaded' "$W/serve.log")" 0

# --- twice at once ---
check "the same submission twice at once is one certificate" "$LOAD" twice "$socket" pair 100
is_whole "reloaded"

# --- the disk full ---
taken() { df --output=used -k "$DISK" | tail -1; }
must mount -o "remount,size=$(($(taken) + 600))k" "$DISK"
start_load full 30
until_ready "full: readiness names the database" '"name": "database", "ok": false, "detail": "[^"]*free'
for ((i = 0; i < 100; i++)); do
  submit "full-$i" >"$W/last"
  grep -q '^503 application/problem+json' "$W/last" && break
  sleep 0.1
done
expect "full: a request is refused, and the answer says why" 0 'no space|full' cat "$W/last"
expect "full: as a problem of the service" 0 '^503 application/problem\+json' cat "$W/last"
others_answer "full"
must mount -o remount,size=256m "$DISK"
end_load "full"
expect "full: the clients were told, too" 0 'refused .*503 application/problem.json.*(no space|full)' cat "$W/load"
expect "full: the request that was refused is issued now" 0 '^200 application/json' again
until_ready "full: and all is well" '"ready": true'
is_whole "full"
stop_service

# --- the token gone ---
set_up "$DISK/token-home" "$(free_port)" --pkcs11 "$TOKEN_URI&pin-source=file:$W/pin"
must "$VOUCH" config set signer.writable "$W/tokens"
same "no key of the CA lies in the home" "$(find "$VOUCH_HOME/keys" -name 'Load*' | wc -l)" 0
: >"$W/received"
start_service
start_load before 2
end_load "the token there"
know_urls
pids="$service $(signer)"
pull_token
start_load gone 30
until_ready "the token gone: readiness names the key" '"name": "key of Load CA", "ok": false, "detail": "[^"]+'
submit waiting >"$W/last"
expect "the token gone: a request says what it waits for" 0 "is not there|token" cat "$W/last"
expect "the token gone: as a problem of the service" 0 '^503 application/problem\+json' cat "$W/last"
expect "the token gone: and is kept" 0 '"issuing"' api "http://localhost/api/v1/requests?state=issuing"
again >"$W/last"
expect "the token gone: asked for again, it waits" 0 '^202 application/json' cat "$W/last"
expect "the token gone: and says for what" 0 'key' cat "$W/last"
others_answer "the token gone"
expect "the token gone: vouch status names the key" 4 'key of Load CA|key' "$VOUCH" status
plug_token
end_load "the token back"
at_least "the token back: what waited is issued" "$(count issued)" 12
expect "the token back: the one that waited, too" 0 '^200 application/json' again
until_ready "the token back: all is well" '"ready": true'
same "the token back: nothing was started again" "$service $(signer)" "$pids"
is_whole "the token"
stop_service
summary
