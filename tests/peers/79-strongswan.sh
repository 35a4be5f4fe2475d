#!/bin/bash
# strongSwan with strict revocation fetches CRLs and OCSP answers from us: good in, revoked out, OCSP down, and the case of an
# expired CRL in its cache. Reasons are read in its own log, what it fetched in ours.
. "$(dirname "$0")/../lib/own_network.sh"
. "$(dirname "$0")/../cli/lib.sh"
. "$(dirname "$0")/../lib/peer_pki.sh"
need openssl swanctl curl ip
charon=/usr/sbin/charon-systemd
[ -x $charon ] || { no "there is no $charon here (packaging/packages.sh lists the packages)"; summary; exit 1; }
make_peer_pki service
# shellcheck disable=SC2016
at_exit+=('end ca; kill ${pids[@]}; wait')
pids=()
must vouch config set listener.http.address 127.0.0.1:18080
must vouch config set access_log.file access.log
start_peer_ca
log=$VOUCH_HOME/access.log

side() { # NAME PORT NAT-PORT
  local d=$W/sw-$1
  mkdir -p "$d"/{x509,x509ca,private,rsa,ecdsa,pkcs8,pkcs12,bliss,x509crl,x509ocsp,x509aa,x509ac,pubkey,conf.d}
  cp "$PKI/root.crt" "$PKI/ca.crt" "$d/x509ca/"
  cat >"$W/$1.conf" <<C
charon-systemd {
  port = $2
  port_nat_t = $3
  install_routes = no
  install_virtual_ip = no
  retransmit_tries = 1
  retransmit_timeout = 2.0
  load = random nonce aes sha1 sha2 hmac kdf pem pkcs1 pkcs8 x509 revocation constraints pubkey gmp openssl curl kernel-netlink socket-default vici
  plugins {
    vici {
      socket = unix://$W/$1.vici
    }
    revocation {
      timeout = 3s
    }
  }
  filelog {
    log {
      path = $W/$1.log
      default = 1
      cfg = 2
      flush_line = yes
    }
  }
}
C
  STRONGSWAN_CONF=$W/$1.conf unshare -m bash -c 'mount -t tmpfs t /run && exec "$@"' _ $charon >"$W/$1.out" 2>&1 &
  pids+=($!)
  for _ in $(seq 100); do [ -S "$W/$1.vici" ] && return; sleep 0.1; done
  no "charon did not start" "$W/$1.out"
  summary
  exit 1
}
sw() { # SIDE COMMAND...
  local n=$1 c=$2
  shift 2
  SWANCTL_DIR=$W/sw-$n swanctl "$c" --uri "unix://$W/$n.vici" "$@"
}
side gw 500 4500
cp "$PKI/vpn-server.crt" "$W/sw-gw/x509/"
cp "$PKI/vpn-server.key" "$W/sw-gw/private/"
cat >"$W/sw-gw/swanctl.conf" <<'C'
connections { gw {
  local_addrs = 127.0.0.1
  childless = force
  mobike = no
  local { auth = pubkey
    certs = vpn-server.crt
    id = vpn.vouch.test
  }
  remote { auth = pubkey
    cacerts = ca.crt
    revocation = strict
  }
} }
C
must sw gw --load-all --file "$W/sw-gw/swanctl.conf"
side cl 15500 14500
{
  echo "connections {"
  for user in alice bob carol; do
    cp "$PKI/$user.crt" "$W/sw-cl/x509/"
    cp "$PKI/$user.key" "$W/sw-cl/private/"
    cat <<C
 $user { local_addrs = 127.0.0.2
 remote_addrs = 127.0.0.1
 childless = force
 mobike = no
 local { auth = pubkey
  certs = $user.crt
  id = $user@vouch.test
 }
 remote { auth = pubkey
  id = vpn.vouch.test
  revocation = relaxed
 }
 }
C
  done
  echo "}"
} >"$W/sw-cl/swanctl.conf"
must sw cl --load-all --file "$W/sw-cl/swanctl.conf"

# logon NAME in|out WHO PATTERN: the outcome, and what strongSwan's log says.
logon() {
  local name=$1 want=$2 who=$3 pattern=$4 before status=out
  before=$(wc -l <"$W/gw.log")
  sw cl --initiate --ike "$who" --timeout 15 >"$W/logon.log" 2>&1 && status=in
  sw cl --terminate --ike "$who" --timeout 5 >/dev/null 2>&1
  sleep 0.2
  tail -n +$((before + 1)) "$W/gw.log" | grep -E "CFG|IKE" >"$W/said"
  if [ $status != "$want" ]; then no "$name: $who is $status" "$W/said"; return; fi
  if grep -qE "$pattern" "$W/said"; then ok "$name"; else no "$name: nothing said about '$pattern'" "$W/said"; fi
}
forget() { sw gw --flush-certs >/dev/null 2>&1; sw cl --flush-certs >/dev/null 2>&1; }
# served NAME PATTERN: our access log has it, since the last time.
seen=0
served() {
  tail -n +$((seen + 1)) "$log" >"$W/served"
  seen=$(wc -l <"$log")
  if grep -qE "$2" "$W/served"; then ok "$1"; else no "$1: our log has nothing of '$2'" "$W/served"; fi
}

logon "OCSP: alice" in alice "ocsp response is valid"
served "  answered by us" "POST /ocsp .* 200 "
forget
logon "OCSP: bob" out bob "certificate was revoked on .*, reason: key compromise"
served "  answered by us" "POST /ocsp .* 200 "
forget
logon "carol has expired" out carol "subject certificate invalid|not valid|expired"
ocsp off
seen=$(wc -l <"$log")
forget
logon "OCSP is down: alice by the CRL" in alice "crl is valid"
served "  the responder was tried, the CRL handed out" "GET /pki/.*\.crl .* 200 "
forget
logon "OCSP is down: bob by the CRL" out bob "certificate was revoked on .*, reason: key compromise"
forget

# What the gateway has is an expired CRL, a fresh one lies at the distribution point, and the responder is down.
expired_crl "$W/expired.pem"
must openssl crl -in "$W/expired.pem" -outform DER -out "$W/sw-gw/x509crl/expired.crl"
must sw gw --load-creds
seen=$(wc -l <"$log")
logon "OCSP down, cached CRL expired, a fresh one published: alice" in alice "crl is valid"
served "  it was fetched from us" "GET /pki/.*\.crl .* 200 "
forget
logon "and bob stays out" out bob "certificate was revoked"
end ca
forget
logon "nothing of ours can be reached: strict denies alice" out alice "certificate status is not available|constraint check failed"
summary
