#!/bin/bash
# Wi-Fi by certificate (EAP-TLS): FreeRADIUS with eapol_test as the client. First FreeRADIUS checks our certificates itself, by
# the CRL file that `vouch crlsync` keeps; then its verify client asks our gateway: good in, revoked out with our reason in our
# log, also when the OCSP responder is down and the cached CRL has expired.
. "$(dirname "$0")/../lib/own_network.sh"
. "$(dirname "$0")/../cli/lib.sh"
. "$(dirname "$0")/../lib/peer_pki.sh"
need openssl freeradius eapol_test curl python3 ip
make_peer_pki service
at_exit+=('end ca gateway radius www')
radius='' www=''
start_peer_ca
start_gateway

# --- FreeRADIUS, as its administrator would write it, without what is not about certificates
radius_configuration() { # CA-FILE CHECK-CRL VERIFY
  cat <<C
prefix = /usr
libdir = /usr/lib/freeradius
logdir = $W/radius
raddbdir = $W/radius
db_dir = $W/radius
run_dir = $W/radius
name = freeradius
max_requests = 1024
log { destination = files
 file = $W/radius/radius.log
 auth = yes
}
security { reject_delay = 0
 status_server = no
 allow_vulnerable_openssl = yes
}
client lo { ipaddr = 127.0.0.1
 secret = testing123
 require_message_authenticator = no
}
modules {
 eap { default_eap_type = tls
  timer_expire = 60
  tls-config common {
   private_key_file = $PKI/eap-server.key
   certificate_file = $PKI/eap-server-chain.pem
   ca_file = $1
   auto_chain = no
   check_crl = $2
   tls_min_version = "1.2"
   tls_max_version = "1.2"
   cipher_list = "DEFAULT"
   ecdh_curve = ""
   cache { enable = no
   }
   $3
  }
  tls { tls = common
  }
 }
 exec {
  wait = yes
  input_pairs = request
  shell_escape = yes
 }
 expr {
 }
 always reject { rcode = reject
 }
}
server default {
 listen { type = auth
  ipaddr = 127.0.0.1
  port = 11812
 }
 authorize {
  eap
 }
 authenticate {
  eap
 }
}
C
}
start_radius() { # CA-FILE CHECK-CRL VERIFY
  end radius
  rm -rf "$W/radius" && mkdir -p "$W/radius/tmp"
  radius_configuration "$@" >"$W/radius/radiusd.conf"
  : >"$W/radius/dictionary"
  freeradius -d "$W/radius" -D /usr/share/freeradius -f -l "$W/radius/radius.log" >"$W/radius/out" 2>&1 &
  radius=$!
  for _ in $(seq 100); do grep -q "Ready to process requests" "$W/radius/radius.log" 2>/dev/null && return; sleep 0.1; done
  no "FreeRADIUS did not start" "$W/radius/radius.log"
  cat "$W/radius/out"
}
join() { # WHO IDENTITY
  cat >"$W/supplicant.conf" <<C
network={
 ssid="x"
 key_mgmt=IEEE8021X
 eap=TLS
 eapol_flags=0
 identity="$2"
 ca_cert="$PKI/root.crt"
 client_cert="$PKI/$1-chain.pem"
 private_key="$PKI/$1.key"
 domain_suffix_match="radius.vouch.test"
}
C
  timeout 25 eapol_test -c "$W/supplicant.conf" -a 127.0.0.1 -p 11812 -s testing123 -t 12
}
# refused NAME WHO IDENTITY PATTERN: the RADIUS server says Access-Reject, and its log why.
refused() {
  local before status=0
  before=$(wc -l <"$W/radius/radius.log")
  join "$2" "$3" >"$W/last" 2>&1 || status=$?
  tail -n +$((before + 1)) "$W/radius/radius.log" >"$W/said"
  if [ $status -eq 0 ]; then no "$1: $2 is let in" "$W/said"; return; fi
  if ! grep -q "code=3 (Access-Reject)" "$W/last"; then no "$1: no Access-Reject" "$W/last"; return; fi
  if grep -aqiE "$4" "$W/said"; then ok "$1"; else no "$1: nothing said about '$4'" "$W/said"; fi
}

# --- FreeRADIUS by itself, with the file that crlsync keeps
must "$VOUCH" --home "$gateway_home" crlsync --once --authority "$PKI/ca.crt" --authority "$PKI/root.crt" --with-certificates \
  --crl "http://127.0.0.1:18080/pki/${ISSUING// /%20}.crl" --crl http://127.0.0.1:18080/pki/Vouch%20Test%20Root.crl --out "$W/ca-with-crl.pem"
start_radius "$W/ca-with-crl.pem" yes ""
expect "by CRL file: alice" 0 "^SUCCESS" join alice alice@vouch.test
refused "by CRL file: bob" bob bob@vouch.test "certificate revoked"
refused "by CRL file: carol" carol carol@vouch.test "certificate has expired"
refused "by CRL file: mallory" mallory alice@vouch.test "certificate signature failure|unable to get|self.signed"

# --- our validator decides
verify="verify {
    tmpdir = $W/radius/tmp
    client = \"$VOUCH helper freeradius --socket $gateway_socket --upn %{User-Name} %{TLS-Client-Cert-Filename}\"
   }"
start_radius "$PKI/ca-bundle.pem" no "$verify"
expect "helper: alice" 0 "^SUCCESS" join alice alice@vouch.test
decided "  by the gateway" accepted=True client=freeradius "subject=CN=alice"
refused "helper: bob" bob bob@vouch.test "external verification"
decided "  with our reason in our log" accepted=False client=freeradius code=500171 name=revocation.revoked "subject=CN=bob"
refused "helper: alice with another's identity" alice root@vouch.test "external verification"
decided "  she is not root" accepted=False name=name.upn_mismatch "message=~alice@vouch.test"

# --- the responder is down, and the CRL that is cached expires: the fresh one is fetched in the same decision
must vouch --ca "$ISSUING" crl schedule --delta off # a delta that is announced would have to be there, too
must vouch --ca "$ISSUING" crl publish
end ca
mkdir -p "$W/www/pki"
openssl crl -in "$PKI/root.crl" -outform DER -out "$W/www/pki/Vouch Test Root.crl"
brief_crl "$W/www/pki/$ISSUING.crl" 5
expires=$(($(date +%s) + 6))
(cd "$W/www" && exec python3 -m http.server --bind 127.0.0.1 18080) >"$W/www.log" 2>&1 &
www=$!
for _ in $(seq 50); do curl -sf http://127.0.0.1:18080/ >"$W/last" && break; sleep 0.1; done
expect "OCSP is down: frank by the CRL" 0 "^SUCCESS" join frank frank@vouch.test
decided "  which was fetched" accepted=True cache_hit=False "urls=~\.crl" "octets=~[1-9]"
end www
must vouch config set listener.http.serves distribution,health
start_peer_ca
while [ "$(date +%s)" -le "$expires" ]; do sleep 0.2; done
expect "OCSP down, cached CRL expired, a fresh one published: grace comes in at the first try" 0 "^SUCCESS" join grace grace@VOUCH.TEST
decided "  by the fresh CRL" accepted=True client=freeradius cache_hit=False "urls=~\.crl" "subject=CN=grace"
refused "  and bob stays out" bob bob@vouch.test "external verification"
decided "  with our reason" accepted=False code=500171 "subject=CN=bob"
summary
