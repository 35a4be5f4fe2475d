# Source first: the script goes on in a mount namespace of its own, so that the file systems it mounts are seen by
# nobody else and are gone when it ends. Needs root, or a kernel that lets users have namespaces.
if [ -z "${IN_OWN_MOUNTS:-}" ]; then
  export IN_OWN_MOUNTS=1
  if [ "$(id -u)" -eq 0 ]; then how=-m; else how=-rm; fi
  if ! unshare $how true 2>/dev/null; then
    echo "FAIL - no mount namespace here: run as root"
    echo "0 passed, 1 failed"
    exit 1
  fi
  exec unshare $how "$0" "$@"
fi
