#!/bin/bash
# kill -9 at a random moment while eight threads issue, revoke and publish; then a start as after a crash. After
# every round: each certificate that anyone received is in the database and the same, each confirmed revocation is
# kept, no serial twice, no orphan, CRL numbers rise.
#   kill9.sh [ROUNDS [CERTIFICATES]]    VOUCH and ISSUE_LOAD name the programs
set -u
ROUNDS=${1:-20} COUNT=${2:-10000}
VOUCH=${VOUCH:-build/release/bin/vouch} LOAD=${ISSUE_LOAD:-$(dirname "$VOUCH")/issue_load}
W=$(mktemp -d); trap 'rm -rf "$W"' EXIT
PASS=0 FAIL=0
ok(){ PASS=$((PASS+1)); echo "ok   - $1"; }
no(){ FAIL=$((FAIL+1)); echo "FAIL - $1"; [ -n "${2:-}" ] && tail -5 "$2"; }
export VOUCH_HOME=$W/home
"$VOUCH" ca init --name "Load CA" --kind root --mode standalone --automatic-issuance >"$W/log" 2>&1 || { cat "$W/log"; echo "0 passed, 1 failed"; exit 1; }
"$VOUCH" template publish WebServer >>"$W/log" 2>&1
"$VOUCH" role grant manager load >>"$W/log" 2>&1  # whom the load acts as
# Half of the rounds have a mirror of the audit log, so that it is killed between mirror and commit, too.
"$VOUCH" audit head --out "$W/kept.head" >>"$W/log" 2>&1
killed=0 finished=0 last=0
for round in $(seq "$ROUNDS"); do
  : >>"$W/received"
  if [ "$round" -eq $((ROUNDS / 2 + 1)) ]; then printf '[audit]\nmirror = "%s/mirror.jsonl"\n' "$W" >>"$VOUCH_HOME/vouch.toml"; fi
  "$LOAD" run "$VOUCH_HOME" "Load CA" 8 "$COUNT" "$W/received" 2>"$W/err" & pid=$!
  # From the first start-up to beyond the end of a round, so that every step is hit.
  sleep "$(awk -v seed="$RANDOM$round" -v count="$COUNT" 'BEGIN { srand(seed); print 0.02 + rand() * count / 3500 }')"
  if kill -9 "$pid" 2>/dev/null; then killed=$((killed+1)); else finished=$((finished+1)); fi
  wait "$pid" 2>/dev/null; code=$?
  if [ $code -ne 0 ] && [ $code -ne 137 ]; then no "round $round: the load failed by itself ($code)" "$W/err"; continue; fi
  if "$LOAD" verify "$VOUCH_HOME" "Load CA" "$W/received" >"$W/verify" 2>&1; then
    number=$(sed -n 's/.*crl=//p' "$W/verify")
    if [ "$number" -gt "$last" ]; then ok "round $round: $(cat "$W/verify")"; else no "round $round: CRL number $number after $last"; fi
    last=$number
  else
    no "round $round" "$W/verify"
  fi
  # The log is whole, and what it was before the crash.
  "$VOUCH" audit verify --head "$W/kept.head" >"$W/verify" 2>&1 || no "round $round: the audit log" "$W/verify"
  "$VOUCH" audit head --out "$W/kept.head" >"$W/verify" 2>&1 || no "round $round: no head" "$W/verify"
done
# Everything that anybody received is in the log.
"$VOUCH" audit export --out "$W/audit.jsonl" >/dev/null
logged=$(grep -c '"action": *"request.submit".*"outcome": *"done"' "$W/audit.jsonl")
issued=$("$VOUCH" db show --json | sed -n 's/.*"certificates": \([0-9]*\).*/\1/p')
[ "$logged" -eq "$issued" ] && ok "each of $issued certificates has its audit entry" || no "$issued certificates, $logged audit entries"
# A drill that never killed anything, or never under way, has shown nothing.
[ $killed -ge $((ROUNDS/2)) ] && ok "$killed of $ROUNDS loads were killed under way" || no "only $killed of $ROUNDS loads were killed"
repaired=$(( $(wc -l <"$W/received") ))
[ "$repaired" -gt 1000 ] && ok "$repaired answers were compared" || no "only $repaired answers were given"
echo "$PASS passed, $FAIL failed"
[ $FAIL -eq 0 ]
