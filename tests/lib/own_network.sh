# Source first: the script goes on in a network namespace of its own, with loopback alone, so that it may use any port
# and reaches nobody else. Mounts are its own, too. Needs root, or a kernel that lets users have namespaces.
if [ -z "${IN_OWN_NETWORK:-}" ]; then
  export IN_OWN_NETWORK=1
  if [ "$(id -u)" -eq 0 ]; then how=-nm; else how=-rnm; fi
  if ! command -v ip >/dev/null || ! unshare $how true 2>/dev/null; then
    echo "FAIL - no network namespace here: run as root, with iproute2 installed"
    echo "0 passed, 1 failed"
    exit 1
  fi
  exec unshare $how -- bash -c 'ip link set lo up && exec "$@"' _ "$0" "$@"
fi
