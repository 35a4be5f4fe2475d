# How ./test and ./quickstart configure and build. Both use the preset `release`, so that the second of them
# finds the work of the first.

# Warnings are errors with the compilers that the project is kept free of warnings with.
werror_setting() {
  case "$("$1" -dumpversion 2>/dev/null)" in
    12 | 12.* | 19 | 19.*) echo ON ;;
    *) echo OFF ;;
  esac
}

# quietly LOG COMMAND...: the output goes to the file; its end is shown when the command fails.
quietly() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  if ! "$@" >"$log" 2>&1; then
    grep -E -A4 'error:|Error|FAILED' "$log" | head -60 >&2 || true
    tail -15 "$log" >&2
    echo "error: '$*' failed (whole output: $log)" >&2
    return 1
  fi
}

# configure_release with|without tests. Without, an existing configuration stays as it is.
configure_release() {
  local tests=()
  if [ "$1" = with ]; then
    tests=(-DVOUCH_TESTS=ON)
  elif [ ! -f build/release/CMakeCache.txt ]; then
    tests=(-DVOUCH_TESTS=OFF)
  fi
  quietly build/logs/configure-release.log \
    cmake --preset release -DVOUCH_WERROR="$(werror_setting g++)" "${tests[@]}"
}

seconds_since() { echo $(($(date +%s) - $1)); }
