#!/bin/bash
# Issuance over the administration API: HTTPS with client certificates, keep-alive, each certificate durable before it is
# answered. Beside it, in the same run, with the same load tool (bench/https_load.cpp) and the same machine:
#   step-ca, made from Debian's golang-github-smallstep-certificates-dev (bench/step_ca), with its database's own
#   durability and a token for each request; bar: at most a quarter of its wall time per certificate
#   bare P-256 signatures on one core (openssl speed); bar: at most 10 signatures' time per certificate
# `bench/api.sh [--check]`; with --check the status is 4 when a bar is missed. CERTIFICATES (20000) and PEER_CERTIFICATES
# (4000) a round, WORKERS (16), BUILD (build/bench), and what bench/beside.sh takes, but for CONNECTIONS (256: a fleet; with
# 64 a good part of the time is spent waiting for the disk). PEER=no leaves step-ca out.
set -u
cd "$(dirname "$0")/.." || exit 1
CONNECTIONS=${CONNECTIONS:-256}
. bench/beside.sh
CERTIFICATES=${CERTIFICATES:-20000} PEER_CERTIFICATES=${PEER_CERTIFICATES:-4000} WORKERS=${WORKERS:-16}
BUILD=${BUILD:-build/bench} PEER=${PEER:-yes}
VOUCH=${VOUCH:-$BUILD/bin/vouch} LOAD=$BUILD/bin/https_load
need openssl curl python3 "$VOUCH" "$LOAD"
port=$((20000 + RANDOM % 20000))

# Ticks of a process and of those that it started.
ticks() {
  local child
  awk '{ sum += $14 + $15 } END { print sum + 0 }' /proc/"$1"/task/*/stat
  for child in $(pgrep -P "$1"); do ticks "$child"; done
}
# load NAME PID PORT PATH BODIES COUNT [IDENTITY]: one round; adds microseconds a certificate to $W/NAME.
load() {
  local before after rate
  before=$(($(ticks "$2" | paste -sd+)))
  "$LOAD" "$3" "$4" "$5" "$CONNECTIONS" "$6" ${7:+"$7"} >"$W/load-out" 2>&1 || { cat "$W/load-out" "$W/$1.log" >&2; exit 1; }
  after=$(($(ticks "$2" | paste -sd+)))
  rate=$(cut -d' ' -f1 "$W/load-out")
  echo "$1: $(cat "$W/load-out"), $(((after - before) * 10000 / $6)) us of the server's CPU each" >&2
  awk -v r="$rate" 'BEGIN { print 1e6 / r }' >>"$W/$1"
}

export VOUCH_HOME=$W/home
must "$VOUCH" ca init --name "Bench CA" --kind root --automatic-issuance --key ec:P-256
# One key for all: what is measured is the CA, not a client's making of keys.
must "$VOUCH" template add Load --from WebServer
must "$VOUCH" template set Load key_reuse=true
must "$VOUCH" template publish Load ClientAuth
must "$VOUCH" ca export --out "$W/ca.pem"
key() { # NAME SUBJECT MORE...
  must openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/$1.key" -out "$W/$1.csr" -subj "$2" "${@:3}"
}
key client /CN=bench
"$VOUCH" request submit "$W/client.csr" --template ClientAuth >/dev/null 2>&1
must "$VOUCH" request approve 1 --out "$W/client.pem"
cat "$W/client.pem" "$W/client.key" >"$W/identity.pem"
key www /CN=www.bench.example -addext subjectAltName=DNS:www.bench.example
python3 -c 'import json, sys
print(json.dumps({"template": "Load", "request": open(sys.argv[1]).read()}))' "$W/www.csr" >"$W/bodies"
cat >"$VOUCH_HOME/vouch.toml" <<C
[tls]
issuer = "Bench CA"
names = "localhost"
[listener.http]
enabled = false
[listener.admin]
address = "127.0.0.1:$port"
tls = true
client_certificates = "required"
serves = "api"
[service]
workers = $WORKERS
C
"$VOUCH" serve 2>"$W/vouch.log" &
ours=$!
pids+=("$ours")
ask() { curl -sf --cacert "$W/ca.pem" --cert "$W/client.pem" --key "$W/client.key" "https://localhost:$port/api/v1$1"; }
await ask /caller

if [ "$PEER" = yes ]; then
  [ -d /usr/share/gocode/src/github.com/smallstep/certificates ] ||
    { echo "error: there is no golang-github-smallstep-certificates-dev; PEER=no does without" >&2; exit 1; }
  GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS= must go build -o "$W/step_ca" bench/step_ca/main.go
  mkdir "$W/step"
  must "$W/step_ca" setup "$W/step" $((port + 1)) www.bench.example "$W/www.csr" $((ROUNDS * PEER_CERTIFICATES))
  split -l "$PEER_CERTIFICATES" -d "$W/step/bodies" "$W/step/round-"
  "$W/step_ca" serve "$W/step" >"$W/step-ca.log" 2>&1 &
  theirs=$!
  pids+=("$theirs")
  await curl -sf --cacert "$W/step/root.pem" "https://localhost:$((port + 1))/health"
fi

for ((i = 0; i < ROUNDS; i++)); do
  load vouch "$ours" "$port" /api/v1/requests "$W/bodies" "$CERTIFICATES" "$W/identity.pem"
  [ "$PEER" != yes ] ||
    load step-ca "$theirs" $((port + 1)) /1.0/sign "$W/step/round-$(printf %02d "$i")" "$PEER_CERTIFICATES"
  openssl speed -seconds 2 ecdsap256 2>/dev/null | awk '/nistp256/ { print 1e6 / $(NF - 1) }' >>"$W/signatures"
done
stored=$("$VOUCH" db show --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["counts"]["certificates"])')
echo "$stored certificates in the database" >&2
[ "$stored" -ge $((ROUNDS * CERTIFICATES)) ] || { echo "error: answered certificates are missing" >&2; exit 1; }
# It begins anew every 16 MB or so, unless somebody reads an old state all the time.
log=$(stat -c %s "$VOUCH_HOME/vouch.db-wal")
echo "$log octets of write-ahead log" >&2
[ "$log" -le $((100 << 20)) ] || { echo "error: the write-ahead log never begins anew" >&2; exit 1; }
[ "$PEER" != yes ] || verdict "durable issuance over HTTPS" "$W/vouch" "$W/step-ca" "step-ca" 0.25
verdict "durable issuance over HTTPS" "$W/vouch" "$W/signatures" "one signature" 10
finish "$@"
