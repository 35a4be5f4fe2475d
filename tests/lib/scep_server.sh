# The SCEP service of the tests (tests/peers/scep_server.cpp). Source after script.sh, in a folder of the script's own.
#   serve OPTION...      a service with this behaviour; $url, ca.pem, its fingerprint $pin, and its words in `said`
#   order LINE           carried out when the service says so
#   when PATTERN LINE    the same in the background, as soon as its words have that
#   said NAME PATTERN    its words about the last message
#   served               no more: the service ends
SERVER=$(readlink -f "${SCEP_SERVER:-$(dirname "$VOUCH")/scep_server}")
[ -x "$SERVER" ] || { no "there is no $SERVER: build the tests"; summary; exit 1; }
at_exit+=('exec 7>&-')

served() {
  exec 7>&-
  wait "$server"
}
serve() { # OPTION...
  [ -n "${server:-}" ] && served
  rm -f orders said
  mkfifo orders
  "$SERVER" "$@" <orders >>said 2>server.err &
  server=$!
  exec 7>orders
  local i
  for i in $(seq 100); do grep -q '^port' said && break; sleep 0.1; done
  url=http://127.0.0.1:$(sed -n 's/^port //p' said)/scep/devices
  openssl x509 -in said -out ca.pem || { no "the service did not start" server.err; summary; exit 1; }
  pin=$(openssl x509 -in ca.pem -noout -fingerprint -sha256 | cut -d= -f2)
}
order() { # LINE
  echo "$*" >&7
  local i
  for i in $(seq 50); do grep -qE "^(done|failed|unknown) $*" said && break; sleep 0.1; done
  grep -q "^done $*" said
}
when() { # PATTERN LINE
  (
    for _ in $(seq 300); do grep -qE -- "$1" said && break; sleep 0.1; done
    echo "$2" >&7
  ) &
}
said() { # NAME PATTERN
  if grep -E '^[A-Z][A-Za-z]+ [A-Z]+ request=' said | tail -1 | grep -qE -- "$2"; then ok "$1"; else no "$1" said; fi
}
