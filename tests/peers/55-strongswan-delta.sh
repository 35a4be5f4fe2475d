#!/bin/bash
# A strongSwan gateway with strict revocation takes its base CRL from the certificate's URL and its delta CRL from
# where the base says, and lets in or keeps out by both: the reasons are read in its own log.
. "$(dirname "$0")/../lib/own_network.sh"
. "$(dirname "$0")/../cli/lib.sh"
need openssl python3 swanctl ip
charon=/usr/sbin/charon-systemd
[ -x $charon ] || { no "there is no $charon here (packaging/packages.sh lists the packages)"; summary; exit 1; }

# --- a hierarchy whose URLs are served here ---
must vouch ca init --name Root --kind root
folder=$VOUCH_HOME/published
locate() { # CA: files into the folder that is served, URLs to find them
  must vouch --ca "$1" location set --cdp "65:$folder/%3%8%9.crl" "6:http://127.0.0.1:18080/%3%8%9.crl"
  must vouch --ca "$1" location set --aia "1:$folder/%3%4.crt" "2:http://127.0.0.1:18080/%3%4.crt"
}
locate Root
must vouch ca init --name Issuing --kind subordinate --parent Root --automatic-issuance
locate Issuing
must vouch --ca Issuing template publish WebServer
for name in vpn alice bob carol; do
  request "$name" "/CN=$name.vouch.test" "DNS:$name.vouch.test"
  must vouch --ca Issuing request submit "$W/$name.csr" --template WebServer --out "$W/$name.pem"
done
must vouch --ca Root ca export --out "$W/root.pem"
must vouch --ca Issuing ca export --out "$W/issuing.pem"
must vouch --ca Root crl publish
must vouch --ca Issuing crl publish
# shellcheck disable=SC2016
at_exit+=('kill ${pids[@]} 2>/dev/null; wait 2>/dev/null')
pids=()
(cd "$folder" && exec python3 -m http.server --bind 127.0.0.1 18080) >"$W/http.log" 2>&1 &
pids+=($!)

# --- two charons, one on each side ---
side() { # NAME PORT NAT-PORT
  local d=$W/sw-$1
  mkdir -p "$d"/{x509,x509ca,private,rsa,ecdsa,pkcs8,pkcs12,bliss,x509crl,x509ocsp,x509aa,x509ac,pubkey,conf.d} "$W/run-$1"
  cp "$W/root.pem" "$W/issuing.pem" "$d/x509ca/"
  cat >"$W/$1.conf" <<X
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
      timeout = 5s
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
X
  STRONGSWAN_CONF=$W/$1.conf unshare -m bash -c 'mount -t tmpfs t /run && exec "$@"' _ $charon >"$W/$1.out" 2>&1 &
  pids+=($!)
  for _ in $(seq 100); do [ -S "$W/$1.vici" ] && return; sleep 0.1; done
  no "charon did not start" "$W/$1.out"
  summary
  exit 1
}
sw() {
  local n=$1 c=$2
  shift 2
  SWANCTL_DIR=$W/sw-$n swanctl "$c" --uri "unix://$W/$n.vici" "$@"
}
side gw 500 4500
cp "$W/vpn.pem" "$W/sw-gw/x509/"
cp "$W/vpn.key" "$W/sw-gw/private/"
cat >"$W/sw-gw/swanctl.conf" <<'X'
connections {
  gw {
    local_addrs = 127.0.0.1
    childless = force
    mobike = no
    local {
      auth = pubkey
      certs = vpn.pem
      id = vpn.vouch.test
    }
    remote {
      auth = pubkey
      cacerts = issuing.pem
      revocation = strict
    }
  }
}
X
must sw gw --load-all --file "$W/sw-gw/swanctl.conf"
side cl 15500 14500
{
  echo "connections {"
  for user in alice bob carol; do
    cp "$W/$user.pem" "$W/sw-cl/x509/"
    cp "$W/$user.key" "$W/sw-cl/private/"
    cat <<X
  $user {
    local_addrs = 127.0.0.2
    remote_addrs = 127.0.0.1
    childless = force
    mobike = no
    local {
      auth = pubkey
      certs = $user.pem
      id = $user.vouch.test
    }
    remote {
      auth = pubkey
      id = vpn.vouch.test
      revocation = relaxed
    }
  }
X
  done
  echo "}"
} >"$W/sw-cl/swanctl.conf"
must sw cl --load-all --file "$W/sw-cl/swanctl.conf"

# logon NAME in|out USER PATTERN...: the outcome, and what the gateway's log says about it, all of it.
logon() {
  local name=$1 want=$2 user=$3 before status=out pattern
  shift 3
  before=$(wc -l <"$W/gw.log")
  sw gw --flush-certs >/dev/null 2>&1
  sw cl --initiate --ike "$user" --timeout 15 >"$W/logon.log" 2>&1 && status=in
  sw cl --terminate --ike "$user" --timeout 5 >/dev/null 2>&1
  sleep 0.3
  tail -n +$((before + 1)) "$W/gw.log" >"$W/said"
  if [ $status != "$want" ]; then
    grep -E "CFG|IKE" "$W/said" | tail -25 >"$W/short"
    no "$name: $user is $status" "$W/short"
    return
  fi
  for pattern in "$@"; do
    if ! grep -qE "$pattern" "$W/said"; then
      grep CFG "$W/said" | tail -25 >"$W/short"
      no "$name: its log says nothing of '$pattern'" "$W/short"
      return
    fi
  done
  ok "$name"
}
good="certificate status is good"
base_fetched="fetching crl from 'http://127.0.0.1:18080/Issuing.crl'"
delta_fetched="fetching crl from 'http://127.0.0.1:18080/Issuing\+.crl'"
revoke() { must vouch --ca Issuing cert revoke "$W/$1.pem" --reason "$2"; }

logon "base and empty delta: good" in alice "$base_fetched" "$delta_fetched" "$good"
logon "another one" in bob "$base_fetched" "$delta_fetched" "$good"
revoke bob keyCompromise
logon "revoked, and not published yet" in bob "$good"
must vouch --ca Issuing crl publish --delta
logon "revoked in the delta alone: refused" out bob "$base_fetched" "$delta_fetched" \
  "certificate was revoked on .*, reason: key compromise"
logon "whoever is not on it comes in" in alice "$base_fetched" "$delta_fetched" "$good"
revoke carol certificateHold
must vouch --ca Issuing crl publish --delta
logon "on hold in the delta alone: refused" out carol "$delta_fetched" "certificate was revoked on .*, reason: certificate hold"
must vouch --ca Issuing cert release "$(openssl x509 -in "$W/carol.pem" -noout -serial | cut -d= -f2)"
must vouch --ca Issuing crl publish
logon "released, with the next base: comes in" in carol "$base_fetched" "$delta_fetched" "$good"
logon "revoked, now in the base: refused" out bob "$base_fetched" "certificate was revoked on .*, reason: key compromise"
summary
