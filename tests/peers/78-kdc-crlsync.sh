#!/bin/bash
# Smart-card logon at MIT's KDC (PKINIT). It reads CRLs at its start and never fetches one, so `vouch crlsync` keeps its folder
# fresh and restarts it: whoever is revoked is out as soon as the CA has published. The reasons are read in the KDC's own log.
. "$(dirname "$0")/../lib/own_network.sh"
. "$(dirname "$0")/../cli/lib.sh"
. "$(dirname "$0")/../lib/peer_pki.sh"
need openssl krb5kdc kdb5_util kadmin.local kinit curl ip
make_peer_pki service
at_exit+=('end ca sync; kill $(cat "$W/kdc.pid")')
sync=''
start_peer_ca

# --- the KDC, and what restarts it ---
cat >"$W/krb5.conf" <<C
[libdefaults]
 default_realm = $REALM
 dns_lookup_realm = false
 dns_lookup_kdc = false
 rdns = false
 udp_preference_limit = 1
[realms]
 $REALM = {
  kdc = 127.0.0.1:10088
  pkinit_anchors = FILE:$PKI/root.crt
  pkinit_pool = FILE:$PKI/ca.crt
 }
C
cat >"$W/kdc.conf" <<C
[kdcdefaults]
 kdc_listen = 127.0.0.1:10088
 kdc_tcp_listen = 127.0.0.1:10088
[realms]
 $REALM = {
  database_name = $W/principal
  key_stash_file = $W/stash
  pkinit_identity = FILE:$PKI/kdc.crt,$PKI/kdc.key
  pkinit_anchors = FILE:$PKI/root.crt
  pkinit_pool = FILE:$PKI/ca.crt
  pkinit_revoke = DIR:$W/crls
  pkinit_require_crl_checking = true
  pkinit_allow_upn = true
  pkinit_eku_checking = kpClientAuth
 }
[logging]
 kdc = FILE:$W/kdc.log
C
export KRB5_CONFIG=$W/krb5.conf KRB5_KDC_PROFILE=$W/kdc.conf KRB5CCNAME=FILE:$W/cc
must kdb5_util create -s -r "$REALM" -P masterpw
for user in alice bob grace; do must kadmin.local -q "addprinc +requires_preauth -randkey $user"; done
cat >"$W/restart-kdc" <<C
#!/bin/bash
export KRB5_CONFIG=$W/krb5.conf KRB5_KDC_PROFILE=$W/kdc.conf
[ -f $W/kdc.pid ] && kill \$(cat $W/kdc.pid) 2>/dev/null
for _ in \$(seq 50); do kill -0 \$(cat $W/kdc.pid 2>/dev/null) 2>/dev/null || break; sleep 0.05; done
[ -e $W/broken ] && { echo "the unit is masked" >&2; exit 3; }
krb5kdc -r $REALM -P $W/kdc.pid && echo "restarted for \$VOUCH_CRLSYNC_NAME" >>$W/restarts
C
chmod +x "$W/restart-kdc"

# --- the home of crlsync on the KDC's host ---
sync_home=$W/sync
mkdir "$sync_home"
cp "$PKI/ca.crt" "$PKI/root.crt" "$sync_home/"
url=http://127.0.0.1:18080/pki
cat >"$sync_home/vouch.toml" <<C
[crlsync.kdc]
authorities = ["ca.crt", "root.crt"]
crls = ["$url/${ISSUING// /%20}.crl", "$url/Vouch%20Test%20Root.crl"]
output = "$W/crls"
form = "directory"
hook = ["$W/restart-kdc"]
refresh = "1s"
C
crlsync() { "$VOUCH" --home "$sync_home" crlsync "$@"; }
restarts() { wc -l <"$W/restarts"; }
expect "the configuration is in order" 0 "in order" "$VOUCH" --home "$sync_home" config check

logon() { # NAME: a ticket by the user's certificate
  rm -f "$W/cc"
  KRB5_TRACE=$W/trace timeout 15 kinit -X "X509_user_identity=FILE:$PKI/$1.crt,$PKI/$1.key" "$1@$REALM" </dev/null
}
# refused NAME WHO PATTERN: no ticket, and what the KDC's log says about it.
refused() {
  local before
  before=$(wc -l <"$W/kdc.log")
  if logon "$2" >"$W/last" 2>&1; then no "$1: $2 got a ticket"; return; fi
  tail -n +$((before + 1)) "$W/kdc.log" >"$W/said"
  if cat "$W/said" "$W/last" "$W/trace" | grep -qiE "$3"; then ok "$1"; else no "$1: nothing said about '$3'" "$W/said"; fi
}

expect "the first look fills the folder and starts the KDC" 0 "the hook has run" crlsync --once
same "two CRLs, named as OpenSSL finds them" "$(ls "$W/crls")" "$( (openssl crl -in "$PKI/ca.crl" -noout -hash; openssl crl -in "$PKI/root.crl" -noout -hash) | sort | sed 's/$/.r0/')"
check "alice gets a ticket" logon alice
check "so does grace" logon grace
refused "bob is revoked" bob "revoked"
before=$(restarts)
expect "nothing new: nothing is replaced" 0 "unchanged" crlsync --once
same "and the KDC is left alone" "$(restarts)" "$before"

must vouch --ca "$ISSUING" cert revoke "$PKI/grace.crt" --reason affiliationChanged
check "revoked, and not published: grace gets one still" logon grace
publish_crl
expect "the next look brings the new CRL" 0 "replaced" crlsync --once
refused "grace is out" grace "revoked"
check "alice gets a ticket still" logon alice

# What must not be taken, and what happens to the KDC then: nothing.
expired_crl "$W/expired.crl"
sed "s#^crls = .*#crls = [\"$W/expired.crl\", \"$url/Vouch%20Test%20Root.crl\"]#" "$sync_home/vouch.toml" >"$W/good.toml"
cp "$sync_home/vouch.toml" "$W/keep.toml" && cp "$W/good.toml" "$sync_home/vouch.toml"
expect "an expired CRL is refused" 4 "it has expired at 2025-01-02" crlsync --once
cp "$W/keep.toml" "$sync_home/vouch.toml"
check "  and the KDC goes on with what it has" logon alice
expect "back to the good place" 0 "unchanged" crlsync --once
expect "status tells what there is" 0 "CRL 0x" crlsync --status

# A hook that fails is told, and is owed.
publish_crl
touch "$W/broken"
expect "a hook that fails is told, with its last line" 1 "ended with status 3: the unit is masked" crlsync --once
rm "$W/broken"
expect "and is run again" 0 "the hook has run" crlsync --once
check "the KDC is there again" logon alice

# As a service.
"$VOUCH" --home "$sync_home" crlsync >"$W/sync.log" 2>&1 &
sync=$!
for _ in $(seq 50); do crlsync --status >/dev/null 2>&1 && break; sleep 0.1; done
before=$(restarts)
must vouch --ca "$ISSUING" cert revoke "$PKI/alice.crt" --reason cessationOfOperation
must vouch --ca "$ISSUING" crl publish
for _ in $(seq 50); do [ "$(restarts)" -gt "$before" ] && break; sleep 0.1; done
refused "the service sees it by itself: alice is out" alice "revoked"
expect "its log has number, issuer, URL, size and time" 0 \
  "crlsync kdc: CRL 0x[0-9a-f]+ of CN=$ISSUING,O=Vouch Test, valid until .*, from http.*\.crl \([0-9]+ octets in [0-9]+ ms\)" cat "$W/sync.log"
end ca
for _ in $(seq 50); do grep -q "crlsync kdc: http" "$W/sync.log" && break; sleep 0.1; done
expect "a CA that does not answer is told once" 0 "^crlsync kdc: http" cat "$W/sync.log"
end sync
same "it stops cleanly" $? 0
summary
