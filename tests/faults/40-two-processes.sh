#!/bin/bash
# Several processes on one home at once: two that issue, one that revokes and publishes. All succeed.
. "$(dirname "$0")/../lib/script.sh"
. "$ROOT/tests/lib/authority.sh"
need openssl
HOME_DIR=$W/home
mkdir "$W/received"
setup_authority
count=${1:-60}

for worker in a b; do
  for i in $(seq "$count"); do new_csr "$W/$worker$i.csr" "$worker$i.example.test" || exit 1; done
done
issue_all() { # WORKER
  local i failed=0
  for i in $(seq "$count"); do
    issue_to "$W/$1$i.csr" "$W/received/$1$i.pem" >>"$W/$1.log" 2>&1 || { failed=$((failed + 1)); echo "status $? for $1$i" >>"$W/$1.log"; }
  done
  return $((failed > 0))
}
publish_all() {
  local i failed=0
  for i in $(seq $((count / 4))); do
    "$VOUCH" --home "$HOME_DIR" crl publish >>"$W/p.log" 2>&1 || failed=$((failed + 1))
    crl_is_whole || failed=$((failed + 1))
  done
  return $((failed > 0))
}
begun=$(date +%s%N)
issue_all a & a=$!
issue_all b & b=$!
publish_all & p=$!
wait $a && ok "process a: $count certificates" || no "process a" "$W/a.log"
wait $b && ok "process b: $count certificates" || no "process b" "$W/b.log"
wait $p && ok "process c: $((count / 4)) CRLs, each whole" || no "process c" "$W/p.log"
echo "     ($((($(date +%s%N) - begun) / 1000000)) ms)"

same "as many certificates as were asked for" "$(find "$W/received" -name '*.pem' | wc -l)" $((2 * count))
received_are_kept "every certificate that was received is in the database"
same "and no other" "$(wc -l <"$W/serials")" $((2 * count))
whole=0
for file in "$W"/received/*.pem; do certificate_is_whole "$file" && whole=$((whole + 1)); done
same "each verifies" "$whole" $((2 * count))
same "each CRL had its own number" "$(grep -oE "^CRL [0-9]+" "$W/p.log" | sort -u | wc -l)" $((count / 4))
check "the database is sound" "$VOUCH" --home "$HOME_DIR" db check

# Two at the very same moment, waiting for each other's lock.
for i in 1 2 3 4 5 6 7 8; do new_csr "$W/same$i.csr" "same$i.example.test"; done
pids=()
for i in 1 2 3 4 5 6 7 8; do
  issue_to "$W/same$i.csr" "$W/received/same$i.pem" >"$W/same$i.log" 2>&1 &
  pids+=($!)
done
failed=0
for pid in "${pids[@]}"; do wait "$pid" || failed=$((failed + 1)); done
same "eight processes at once all succeed" "$failed" 0
received_are_kept "and theirs are in the database"
summary
