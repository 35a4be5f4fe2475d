#!/bin/bash
# SCEP enrolments beside Debian's micromdm scepserver: the same load program (bench/scep_load), the same messages
# (RSA-2048 keys, AES-256, SHA-256, POST on kept connections), both on this machine, in turn. Two bars:
#   at least 3 times micromdm's enrolments per second (its better rate, of one device at once and of CLIENTS)
#   CPU of the service per enrolment, durable before it is answered, at most 1.6 times its private-key operations: three
#   of RSA-2048 (the envelope opened, the certificate signed, the reply signed), each as `openssl speed` measures it here
# `bench/scep.sh [--check]`; with --check the status is 4 when a bar is missed. CLIENTS (8), ENROLMENTS (250) of one
# device, VOUCH and LOAD (build/bench/bin), and ROUNDS of bench/beside.sh.
set -u
cd "$(dirname "$0")/.." || exit 1
ROUNDS=${ROUNDS:-3}
. bench/beside.sh
VOUCH=$(readlink -f "${VOUCH:-build/bench/bin/vouch}") LOAD=$(readlink -f "${LOAD:-build/bench/bin/scep_load}")
CLIENTS=${CLIENTS:-8} ENROLMENTS=${ENROLMENTS:-250}
need scepserver openssl "$VOUCH" "$LOAD"
port=$((20000 + RANDOM % 20000))

# --- ours: the whole service, with its database on disk and its signer process ---
export VOUCH_HOME=$W/home no_proxy=127.0.0.1
must "$VOUCH" ca init --name "Bench Devices" --kind root --key rsa:2048 --no-locations
must "$VOUCH" template set ScepDevice key_reuse=true
must "$VOUCH" scep setup load
challenge=$(sed -nE 's/.*Challenge: +//p' "$W/must")
must "$VOUCH" config set listener.http.address "127.0.0.1:$port"
"$VOUCH" serve >"$W/serve.log" 2>&1 &
ours=$!
pids+=("$ours")
url=http://127.0.0.1:$port/scep/load
await curl -sf "$url?operation=GetCACaps"

# --- micromdm's: it has no option for the address, and listens on all ---
(cd "$W" && must scepserver ca -init -depot depot -keySize 2048)
(cd "$W" && exec scepserver -depot depot -port $((port + 1)) -challenge secret -allowrenew 0 >micromdm.log 2>&1) &
peer=$!
pids+=("$peer")
peer_url=http://127.0.0.1:$((port + 1))/scep
await curl -sf "$peer_url?operation=GetCACaps"

# cpu PROCESS: clock ticks of it and its children so far.
cpu() {
  local each sum=0
  for each in "$1" $(pgrep -P "$1"); do
    sum=$((sum + $(sed 's/.*) //' "/proc/$each/stat" | awk '{ print $12 + $13 }')))
  done
  echo $sum
}
# enrol WHOSE PROCESS URL CLIENTS CHALLENGE: $rate, and $each_cpu in microseconds.
enrol() {
  local before after line count=$((ENROLMENTS * CLIENTS / $4))
  before=$(cpu "$2")
  line=$("$LOAD" "$3" "$4" "$count" "$5" 2>"$W/load.err" | tail -1)
  after=$(cpu "$2")
  rate=$(sed -nE 's/.* ([0-9.]+) per second$/\1/p' <<<"$line")
  enrolled=$(sed -nE 's/^([0-9]+) enrolled.*/\1/p' <<<"$line")
  [ "${enrolled:-0}" -gt 0 ] || { echo "error: nothing was enrolled with $1: $line" >&2; cat "$W/load.err" >&2; exit 1; }
  each_cpu=$(((after - before) * 1000000 / $(getconf CLK_TCK) / enrolled))
  echo "$1, $4 at once: $line, $each_cpu us of CPU each" >&2
}
for ((i = 0; i < ROUNDS; i++)); do
  enrol ours "$ours" "$url" "$CLIENTS" "$challenge"
  [ "$enrolled" -eq $((ENROLMENTS * CLIENTS)) ] || { cat "$W/load.err" "$W/serve.log" >&2; exit 1; }
  awk -v r="$rate" 'BEGIN { print 1e6 / r }' >>"$W/ours"
  echo "$each_cpu" >>"$W/ours.cpu"
  best=0
  for clients in 1 "$CLIENTS"; do
    enrol micromdm "$peer" "$peer_url" "$clients" secret
    best=$(awk -v a="$best" -v b="$rate" 'BEGIN { print (a > b ? a : b) }')
  done
  awk -v r="$best" 'BEGIN { print 1e6 / r }' >>"$W/micromdm"
  openssl speed -seconds 1 rsa2048 2>/dev/null | awk '/^rsa 2048/ { print 3e6 / $6 }' >>"$W/keys"
done
verdict "time between enrolments" "$W/ours" "$W/micromdm" micromdm 0.3333
verdict "CPU per enrolment" "$W/ours.cpu" "$W/keys" "three private-key operations" 1.6
finish "$@"
