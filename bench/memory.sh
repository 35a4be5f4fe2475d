#!/bin/bash
# Memory of `vouch serve` and its signer process with a million certificates in the database, a tenth of them revoked:
# it publishes the CRL, answers about many certificates, and issues over its API. The bar: 200 MB together, at the peak.
#   bench/memory.sh [--check]    with --check the status is 4 when it is missed
# CERTIFICATES (1000000), ASKED (20000), VOUCH and ISSUANCE_BENCH (build/bench/bin/…), SERVICE_LOAD
# (build/release/bin/service_load); HOME_FOLDER: a home that `issuance_bench --fill` made, which is used as it is.
set -u
cd "$(dirname "$0")/.." || exit 1
. bench/beside.sh
CERTIFICATES=${CERTIFICATES:-1000000} ASKED=${ASKED:-20000} VOUCH=${VOUCH:-build/bench/bin/vouch}
ISSUANCE_BENCH=${ISSUANCE_BENCH:-build/bench/bin/issuance_bench} SERVICE_LOAD=${SERVICE_LOAD:-build/release/bin/service_load}
BAR=200000000
need openssl curl python3 "$VOUCH" "$ISSUANCE_BENCH" "$SERVICE_LOAD"
port=$((20000 + RANDOM % 20000)) account=$(id -un)

export VOUCH_HOME=${HOME_FOLDER:-$W/home}
if [ -z "${HOME_FOLDER:-}" ]; then
  echo "issuing $CERTIFICATES certificates" >&2
  must "$ISSUANCE_BENCH" --fill "$CERTIFICATES" "$VOUCH_HOME" "$account"
fi
must "$VOUCH" role grant manager "$account"
must "$VOUCH" config set listener.http.address "127.0.0.1:$port"
must "$VOUCH" ca export --out "$W/ca.pem"

"$VOUCH" serve 2>"$W/serve.log" &
front=$!
pids+=("$front")
await curl --noproxy '*' -sf "http://127.0.0.1:$port/healthz"
keeper=$(tr -d ' ' <"/proc/$front/task/$front/children")
signer=$(tr -d ' ' <"/proc/$keeper/task/$keeper/children")
kib() { awk -v field="$2:" '$1 == field { print $2 }' "/proc/$1/status"; }
# say WHAT: of front, keeper and signer, now and at the peak.
say() {
  printf '%-34s' "$1"
  local name
  for name in front keeper signer; do
    printf '  %s %6d KiB (peak %6d)' "$name" "$(kib "${!name}" VmRSS)" "$(kib "${!name}" VmHWM)"
  done
  echo
}
api() { curl --noproxy '*' -sf --unix-socket "$VOUCH_HOME/run/vouch.sock" -H 'Content-Type: application/json' "$@"; }

say "started"
must api --max-time 300 --data '{}' http://localhost/api/v1/crls
say "CRL of $(stat -c %s "$VOUCH_HOME/published/Bench Root.crl") octets published"
sleep 2 # until it is distributed
python3 - "$VOUCH_HOME/vouch.db" "$ASKED" >"$W/serials" <<'P'
import sqlite3, sys
database = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
for (serial,) in database.execute("SELECT serial FROM certificates ORDER BY request LIMIT ?", (int(sys.argv[2]),)):
    print("0x" + serial.hex())
P
must openssl ocsp -issuer "$W/ca.pem" -serial "$(head -1 "$W/serials")" -no_nonce -reqout "$W/request"
# The same request with each of the serials in its place: all of them have the same length.
must python3 - "$W" <<'P'
import sys
folder = sys.argv[1]
request = open(f"{folder}/request", "rb").read()
serials = [bytes.fromhex(line[2:]) for line in open(f"{folder}/serials").read().split()]
at = request.index(serials[0])
head = b"POST /ocsp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/ocsp-request\r\nContent-Length: %d\r\n\r\n" % len(request)
posts = [head + request[:at] + s + request[at + len(s):] for s in serials if len(s) == len(serials[0])]
open(f"{folder}/posts", "wb").write(b"\n%%\n".join(posts))
P
answers=$(taskset -c 1 "$W/load" "$port" "$CONNECTIONS" 10 1 "$W/posts" "$front") || exit 1
case $answers in *" bad 0") ;; *) echo "error: bad answers: $answers" >&2; exit 1 ;; esac
say "$(wc -l <"$W/serials") certificates asked about"
must curl --noproxy '*' -sf -o "$W/crl" "http://127.0.0.1:$port/pki/Bench%20Root.crl"
"$SERVICE_LOAD" run "$VOUCH_HOME/run/vouch.sock" "memory-$$" 32 10 "$W/received" >"$W/issued" || { cat "$W/issued" >&2; exit 1; }
say "$(sed -n 's/^issued=\([0-9]*\).*/\1/p' "$W/issued") more issued over the API"

peak=$((($(kib "$front" VmHWM) + $(kib "$keeper" VmHWM) + $(kib "$signer" VmHWM)) * 1024))
echo "peak together: $((peak / 1000000)) MB, with $CERTIFICATES certificates (bar: under $((BAR / 1000000)) MB)" "$([ $peak -lt $BAR ] && echo met || echo MISSED)"
[ $peak -lt $BAR ] || met=no
finish "$@"
