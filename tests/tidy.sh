#!/bin/bash
# clang-tidy-19 over src, without tests, fuzz targets and benchmarks. The result of a file is kept under
# build/tidy-cache by the content of everything that goes into it: the file, the headers of ours that it
# includes, .clang-tidy and the program's version. Only clean results are kept.
. "$(dirname "$0")/lib/script.sh"
cd "$ROOT" || exit 1
need clang-tidy-19 cmake ninja
cache=build/tidy-cache
mkdir -p "$cache"
version=$(clang-tidy-19 --version | tr -d '\n')

# A configuration in which every source is compiled for itself, with what it includes and nothing else; never built.
cmake --preset clang -B build/tidy -DVOUCH_PRECOMPILED=OFF -DVOUCH_TESTS=OFF >"$W/configure" 2>&1 || {
  cat "$W/configure" >&2
  exit 1
}
declare -A headers
while read -r source list; do headers[$source]=$list; done < <(python3 tests/lib/own_headers.py)

key_of() { # SOURCE
  # shellcheck disable=SC2086 # a list of files
  { echo "$version"; cat .clang-tidy "$1" ${headers[$1]}; } | sha256sum | cut -c1-40
}
tidy_one() { # SOURCE KEY
  if [ -e "$cache/$2" ]; then exit 0; fi
  local out=$W/$2.log
  if clang-tidy-19 --quiet -p build/tidy "$1" >"$out" 2>&1; then
    touch "$cache/$2"
  else
    mv "$out" "$W/$2.failed"
  fi
}
export -f tidy_one
export W cache

mapfile -t sources < <(find src -name '*.cpp' ! -name '*_test.cpp' ! -name '*_fuzz.cpp' ! -name '*_bench.cpp' | LC_ALL=C sort)
: >"$W/work"
waiting=0
for source in "${sources[@]}"; do
  if grep -qxF "$source" tests/tidy-unchecked.txt; then
    waiting=$((waiting + 1))
    continue
  fi
  if ! grep -qF "/$source\"" build/tidy/compile_commands.json; then
    no "$source: the build does not know this file"
    continue
  fi
  echo "$source $(key_of "$source")" >>"$W/work"
done
xargs -P "${VOUCH_JOBS:-$(nproc)}" -L 1 bash -c 'tidy_one "$0" "$1"' <"$W/work"
while read -r source key; do
  if [ -e "$cache/$key" ]; then ok "$source"; else no "$source" "$W/$key.failed"; fi
done <"$W/work"
same "tests/tidy-unchecked.txt names files that exist" "$(grep -vc '^#' tests/tidy-unchecked.txt)" "$waiting"
echo "$waiting files wait for their first check (tests/tidy-unchecked.txt)"
summary
