#!/bin/bash
# PostgreSQL lets users in by client certificates instead of passwords. It reads CRLs from a file and never fetches one, so
# `vouch crlsync` keeps that file fresh and lets it be read again.
. "$(dirname "$0")/../lib/own_network.sh"
. "$(dirname "$0")/../cli/lib.sh"
. "$(dirname "$0")/../lib/peer_pki.sh"
need openssl psql curl ip setpriv
programs=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)
need "$programs/initdb" "$programs/pg_ctl"
make_peer_pki service
at_exit+=('end ca; as_postgres "$programs/pg_ctl" -D "$D" -m immediate stop >"$W/stop"')
start_peer_ca

# --- the server
D=$W/data
chmod 755 "$W"
as_postgres() { setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@"; }
install -d -o postgres -m 700 "$D"
must as_postgres "$programs/initdb" -D "$D" -A trust -U postgres --no-sync
own() { install -o postgres -m 600 "$1" "$D/$2"; }
own "$PKI/tls-server-chain.pem" server.pem
own "$PKI/tls-server.key" server.key
own "$PKI/root.crt" ca.pem
cat >>"$D/postgresql.conf" <<C
listen_addresses = '127.0.0.1'
port = 15555
unix_socket_directories = '$D'
fsync = off
ssl = on
ssl_cert_file = 'server.pem'
ssl_key_file = 'server.key'
ssl_ca_file = 'ca.pem'
ssl_crl_file = '$W/crls/crl.pem'
C
printf 'local all all trust\nhostssl all all 127.0.0.1/32 cert map=users\n' >"$D/pg_hba.conf"
printf 'users /^(.*)$ \\1\nusers vpn-client alice\n' >"$D/pg_ident.conf"

# --- the file of CRLs, and what makes the server read it
cat >"$W/reload" <<C
#!/bin/bash
[ -f $D/postmaster.pid ] || exit 0
exec setpriv --reuid=postgres --regid=postgres --clear-groups -- $programs/pg_ctl -D $D reload
C
chmod +x "$W/reload"
mkdir "$W/crls" "$W/sync"
crlsync() {
  "$VOUCH" --home "$W/sync" crlsync --once --authority "$PKI/ca.crt" --authority "$PKI/root.crt" --out "$W/crls/crl.pem" --hook "$W/reload" \
    --crl "http://127.0.0.1:18080/pki/${ISSUING// /%20}.crl" --crl http://127.0.0.1:18080/pki/Vouch%20Test%20Root.crl
}
expect "crlsync makes the file" 0 "the hook has run" crlsync
must as_postgres "$programs/pg_ctl" -w -D "$D" -l "$D/log" start
must as_postgres psql -q -h "$D" -p 15555 -U postgres -c 'create role alice login' -c 'create role bob login' -c 'create role carol login' \
  -c 'create role frank login'

logon() { # WHO [ROLE]
  PGCONNECT_TIMEOUT=5 psql -At "host=localhost hostaddr=127.0.0.1 port=15555 user=${2:-$1} dbname=postgres sslmode=verify-full
    sslrootcert=$PKI/root.crt sslcert=$PKI/$1-chain.pem sslkey=$PKI/$1.key" \
    -c "select current_user || ' by ' || s.client_dn from pg_stat_ssl s where pid = pg_backend_pid()"
}
# refused NAME PATTERN WHO [ROLE]: not let in, and the server says why: in its log, or to the client in its alert.
refused() {
  local name=$1 pattern=$2 before
  shift 2
  before=$(wc -l <"$D/log")
  if logon "$@" >"$W/last" 2>&1; then no "$name: $1 is let in" "$D/log"; return; fi
  for _ in $(seq 30); do
    tail -n +$((before + 1)) "$D/log" >"$W/said"
    if [ -s "$W/said" ] && cat "$W/said" "$W/last" | grep -qiE "$pattern"; then ok "$name"; return; fi
    sleep 0.1
  done
  cat "$W/last" >>"$W/said"
  no "$name: nothing said about '$pattern'" "$W/said"
}
expect "alice" 0 "^alice by /CN=alice" logon alice
expect "a client's certificate that is mapped to alice" 0 "^alice by /CN=vpn-client" logon vpn-client alice
refused "bob is revoked" "certificate revoked" bob
refused "carol has expired" "certificate (has )?expired" carol
refused "alice is not bob" "certificate authentication failed for user \"bob\"" alice bob
refused "the foreign CA's alice" "unknown ca|self-signed certificate|unable to get" mallory alice
expect "frank" 0 "^frank by" logon frank
must vouch --ca "$ISSUING" cert revoke "$PKI/frank.crt" --reason cessationOfOperation
publish_crl
expect "crlsync brings the new CRL, and its hook tells the server" 0 "the hook has run" crlsync
for _ in $(seq 50); do grep -q "reloading configuration files" "$D/log" && break; sleep 0.1; done
refused "frank is out" "certificate revoked" frank
expect "alice still comes in" 0 "^alice by" logon alice
summary
