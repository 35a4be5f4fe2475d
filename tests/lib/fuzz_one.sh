#!/bin/bash
# usage: fuzz_one.sh TARGET SECONDS RESULTS
# Runs one fuzz target on its seeds; makes RESULTS/TARGET.passed when it found nothing and did real work.
set -u
target=$1 seconds=$2 results=$3
log=$results/$target.log
rm -f "$results/$target.passed"
mkdir -p "build/fuzz-corpus/$target" build/fuzz-artifacts
seeds=build/fuzz-seeds/${target%_fuzz}
[ -d "$seeds" ] || seeds=build/fuzz-seeds/any

export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
"build/asan/bin/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
  -artifact_prefix="build/fuzz-artifacts/$target-" "build/fuzz-corpus/$target" "$seeds" >"$log" 2>&1
status=$?
runs=$(sed -nE 's/^stat::number_of_executed_units: *([0-9]+)/\1/p' "$log")
covered=$(sed -nE 's/.* cov: ([0-9]+) .*/\1/p' "$log" | tail -1)
echo "$target: ${runs:-0} runs, ${covered:-0} edges, status $status" | tee -a "$log"
if [ "$status" -ne 0 ]; then
  exit 1
fi
# A target that returns at once on everything would pass without a look at anything.
if [ "${runs:-0}" -lt 500 ] || [ "${covered:-0}" -lt 60 ]; then
  echo "$target did too little to mean anything" | tee -a "$log"
  exit 1
fi
touch "$results/$target.passed"
