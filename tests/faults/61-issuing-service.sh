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
need openssl curl python3 mount unshare xxd pkcs11-tool mkfs.ext4 e2fsck

DISK=$W/disk
mkdir "$DISK"
must mount -t tmpfs -o size=768m none "$DISK"
at_exit+=("umount -l '$DISK'; umount -l '$W/ext4' 2>/dev/null")
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
  kill -TERM $load 2>/dev/null
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
start_load killed 300
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
sleep 1
end_load "killed"
at_least "killed: certificates were issued" "$(count issued)" 200
at_least "killed: requests were cut off" "$(count cut)" 5
is_whole "killed"
know_urls

# --- reloaded ---
start_load reloaded 300
for ((n = 0; n < 25; n++)); do
  kill -HUP "$service"
  sleep 0.2
done
end_load "reloaded"
same "reloaded: no connection is cut, no answer is an error" "$(count cut) $(count refused)" "0 0"
at_least "reloaded: certificates were issued" "$(count issued)" 200
at_least "reloaded: reloads happened" "$(grep -c '^reloaded' "$W/serve.log")" 5
same "reloaded: none failed" "$(grep -c '^not reloaded' "$W/serve.log")" 0

# --- twice at once ---
check "the same submission twice at once is one certificate" "$LOAD" twice "$socket" pair 100
is_whole "reloaded"

# --- the disk full ---
# refused PREFIX: new requests until one is refused; its answer is in $W/answer.
refused() {
  for ((i = 0; i < 100; i++)); do
    submit "$1-$i" >"$W/answer"
    grep -q '^503 ' "$W/answer" && break
    sleep 0.1
  done
  expect "$1: a request is refused, and the answer says why" 0 "$2" cat "$W/answer"
  expect "$1: as a problem of the service" 0 '^503 application/problem\+json' cat "$W/answer"
}
start_load full 300
cat /dev/zero >"$DISK/filler" 2>/dev/null
kill -HUP "$service" # looks at everything now
until_ready "full: readiness names the database" '"name": "database", "ok": false, "detail": "[^"]*free'
cat /dev/zero >>"$DISK/filler" 2>/dev/null
refused full 'no space'
others_answer "full"
rm "$DISK/filler"
for ((i = 0; i < 60; i++)); do again >"$W/answer" && grep -q '^200' "$W/answer" && break; sleep 0.5; done
expect "with space again: the request that was refused is issued" 0 '^200 application/json' cat "$W/answer"
end_load "with space again"
expect "full: the clients were told, too" 0 'refused .*503 application/problem.json.*no space' cat "$W/load"
until_ready "with space again: all is well" '"ready": true'
is_whole "with space again"
stop_service

# --- the token gone ---
set_up "$DISK/token-home" "$(free_port)" --pkcs11 "$TOKEN_URI&pin-source=file:$W/pin"
must "$VOUCH" config set signer.writable "$W/tokens"
must "$VOUCH" config set signer.readable "$W/softhsm2.conf" # its module is started anew when the token is back
same "no key of the CA lies in the home" "$(find "$VOUCH_HOME/keys" -name 'Load*' | wc -l)" 0
: >"$W/received"
start_service
start_load before 300
sleep 2
end_load "the token there"
know_urls
pids="$service $(signer)"
start_load gone 300
sleep 1
pull_token
kill -HUP "$service" # looks at everything now
until_ready "the token gone: readiness names the key" '"name": "key of Load CA", "ok": false, "detail": "[^"]+'
submit waiting >"$W/answer"
expect "the token gone: a request says what it waits for" 0 "'CA keys' is not there" cat "$W/answer"
expect "the token gone: as a problem of the service" 0 '^503 application/problem\+json' cat "$W/answer"
expect "the token gone: and is kept" 0 '"issuing"' api "http://localhost/api/v1/requests?state=issuing"
again >"$W/answer"
expect "the token gone: asked for again, it waits" 0 '^202 application/json' cat "$W/answer"
expect "the token gone: and says for what" 0 "waits to be signed: .*'CA keys' is not there" cat "$W/answer"
others_answer "the token gone"
expect "the token gone: vouch ca ping names the token" fail "'CA keys' is not there" "$VOUCH" ca ping
plug_token
for ((i = 0; i < 60; i++)); do again >"$W/answer" && grep -q '^200' "$W/answer" && break; sleep 0.5; done
expect "the token back: what waited is issued" 0 '^200 application/json' cat "$W/answer"
sleep 1
end_load "the token back"
expect "the token gone: the clients were told, too" 0 "refused .*503 application/problem.json.*'CA keys' is not there" cat "$W/load"
until_ready "the token back: all is well" '"ready": true'
same "the token back: nothing was started again" "$service $(signer)" "$pids"
is_whole "the token back"
stop_service

# --- the disk read-only ---
# As when a file system finds itself damaged: open files cannot be written any more, either. It has to be mounted anew.
disk_breaks() {
  mkdir "$W/ext4"
  truncate -s 512M "$W/image"
  mkfs.ext4 -q "$W/image" && mount -o loop,errors=remount-ro "$W/image" "$W/ext4" 2>"$W/last" || return 1
  trigger=/sys/fs/ext4/$(basename "$(findmnt -no SOURCE "$W/ext4")")/trigger_fs_error
  [ -w "$trigger" ]
}
if disk_breaks; then
  set_up "$W/ext4/home" "$(free_port)"
  : >"$W/received"
  start_service
  start_load before 300
  sleep 2
  end_load "writable"
  know_urls
  start_load read-only 300
  sleep 1
  echo 1 >"$trigger"
  kill -HUP "$service" # looks at everything now
  until_ready "read-only: readiness names the database" '"name": "database", "ok": false, "detail": "[^"]*([Rr]ead-only|cannot write)'
  refused read-only 'read-only|cannot read or write|cannot be written'
  others_answer "read-only"
  kill -TERM "$service"
  wait "$service"
  same "read-only: the service stops" "$?" 0
  must umount "$W/ext4"
  e2fsck -fy "$W/image" >"$W/last" 2>&1
  must mount -o loop "$W/image" "$W/ext4"
  start_service
  sleep 1
  end_load "writable again"
  is_whole "writable again"
  stop_service
else
  echo "note - no loop devices here: a file system that turns read-only is not tried"
fi
summary
