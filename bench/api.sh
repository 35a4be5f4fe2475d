#!/bin/bash
# Issuance over the administration API: HTTPS with client certificates, keep-alive, each certificate durable before it is
# answered. Wall time per certificate beside the time of one bare P-256 signature (openssl speed), both on this machine:
#   bar: at most 10 signatures' time, which is 0.10 of the signing rate of one core
# The load tool (ab, of apache2-utils) has to share the machine. `bench/api.sh [--check]`; with --check the status is 4
# when the bar is missed. CERTIFICATES (20000) a round, WORKERS (64), VOUCH (build/bench/bin/vouch), and what
# bench/beside.sh takes.
set -u
cd "$(dirname "$0")/.." || exit 1
. bench/beside.sh
CERTIFICATES=${CERTIFICATES:-20000} WORKERS=${WORKERS:-64} VOUCH=${VOUCH:-build/bench/bin/vouch}
need ab openssl curl python3 "$VOUCH"
port=$((20000 + RANDOM % 20000))

export VOUCH_HOME=$W/home
must "$VOUCH" ca init --name "Bench CA" --kind root --automatic-issuance --key ec:P-256
# One key for all: what is measured is the CA, not ab's making of keys.
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
print(json.dumps({"template": "Load", "request": open(sys.argv[1]).read()}))' "$W/www.csr" >"$W/body.json"
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
"$VOUCH" serve 2>"$W/serve.log" &
ours=$!
pids+=("$ours")
ask() { curl -sf --cacert "$W/ca.pem" --cert "$W/client.pem" --key "$W/client.key" "https://localhost:$port/api/v1$1"; }
await ask /caller

for ((i = 0; i < ROUNDS; i++)); do
  before=$(($(cat /proc/$ours/task/*/stat | awk '{ sum += $14 + $15 } END { print sum }')))
  ab -q -k -l -E "$W/identity.pem" -p "$W/body.json" -T application/json -c "$CONNECTIONS" -n "$CERTIFICATES" \
    "https://localhost:$port/api/v1/requests" >"$W/ab" 2>&1 || { cat "$W/ab" >&2; exit 1; }
  if grep -q 'Non-2xx\|Failed requests: *[1-9]' "$W/ab"; then cat "$W/ab" "$W/serve.log" >&2; exit 1; fi
  after=$(cat /proc/$ours/task/*/stat | awk '{ sum += $14 + $15 } END { print sum }')
  rate=$(sed -nE 's/^Requests per second: +([0-9.]+).*/\1/p' "$W/ab")
  echo "$rate certificates/s, $(((after - before) * 10000 / CERTIFICATES)) us of the front's CPU each" >&2
  awk -v r="$rate" 'BEGIN { print 1e6 / r }' >>"$W/ours"
  openssl speed -seconds 2 ecdsap256 2>/dev/null | awk '/nistp256/ { print 1e6 / $(NF - 1) }' >>"$W/signatures"
done
stored=$("$VOUCH" db show --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["counts"]["certificates"])')
echo "$stored certificates in the database" >&2
[ "$stored" -ge $((ROUNDS * CERTIFICATES)) ] || { echo "error: answered certificates are missing" >&2; exit 1; }
verdict "durable issuance over HTTPS" "$W/ours" "$W/signatures" "one signature" 10
finish "$@"
