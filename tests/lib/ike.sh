# strongSwan on both sides of a tunnel: a gateway with strict revocation, and users who log on. Source after
# own_network.sh and script.sh.
#   ike_peers FOLDER SERVER ID-TAIL USER...   both sides run
#   logon NAME in|out USER PATTERN...         the outcome, and what the gateway's log says about it, all of it
#   forget                                    neither side knows a CRL or an answer any more
#   sw gw|cl COMMAND...                       swanctl
# FOLDER has root.crt, ca.crt (which issued the others) and NAME.crt, NAME.key for SERVER and every USER. The gateway is
# vpn.vouch.test, a user NAME and ID-TAIL.
charon=/usr/sbin/charon-systemd
ike_pids=()
# shellcheck disable=SC2016
at_exit+=('kill "${ike_pids[@]}" 2>/dev/null; wait "${ike_pids[@]}" 2>/dev/null')

# Each charon has a /run of its own, for its lock is always at the same place.
start_charon() { # SIDE PORT NAT-PORT FOLDER
  local d=$W/sw-$1
  mkdir -p "$d"/{x509,x509ca,private,rsa,ecdsa,pkcs8,pkcs12,bliss,x509crl,x509ocsp,x509aa,x509ac,pubkey,conf.d}
  cp "$4/root.crt" "$4/ca.crt" "$d/x509ca/"
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
C
  STRONGSWAN_CONF=$W/$1.conf unshare -m bash -c 'mount -t tmpfs t /run && exec "$@"' _ $charon >"$W/$1.out" 2>&1 &
  ike_pids+=($!)
  local i
  for i in $(seq 100); do [ -S "$W/$1.vici" ] && return; sleep 0.1; done
  no "charon did not start" "$W/$1.out"
  summary
  exit 1
}

sw() { # SIDE COMMAND...
  local side=$1 command=$2
  shift 2
  SWANCTL_DIR=$W/sw-$side swanctl "$command" --uri "unix://$W/$side.vici" "$@"
}

ike_gateway() { # CERTIFICATE
  cat <<C
connections {
  gw {
    local_addrs = 127.0.0.1
    childless = force
    mobike = no
    local {
      auth = pubkey
      certs = $1
      id = vpn.vouch.test
    }
    remote {
      auth = pubkey
      cacerts = ca.crt
      revocation = strict
    }
  }
}
C
}
ike_user() { # NAME IDENTITY
  cat <<C
connections {
  $1 {
    local_addrs = 127.0.0.2
    remote_addrs = 127.0.0.1
    childless = force
    mobike = no
    local {
      auth = pubkey
      certs = $1.crt
      id = $2
    }
    remote {
      auth = pubkey
      id = vpn.vouch.test
      revocation = relaxed
    }
  }
}
C
}

ike_peers() { # FOLDER SERVER ID-TAIL USER...
  local folder=$1 server=$2 tail=$3 user
  shift 3
  [ -x $charon ] || { no "there is no $charon here (packaging/packages.sh lists the packages)"; summary; exit 1; }
  start_charon gw 500 4500 "$folder"
  cp "$folder/$server.crt" "$W/sw-gw/x509/"
  cp "$folder/$server.key" "$W/sw-gw/private/"
  ike_gateway "$server.crt" >"$W/sw-gw/swanctl.conf"
  must sw gw --load-all --file "$W/sw-gw/swanctl.conf"
  start_charon cl 15500 14500 "$folder"
  for user in "$@"; do
    cp "$folder/$user.crt" "$W/sw-cl/x509/"
    cp "$folder/$user.key" "$W/sw-cl/private/"
    ike_user "$user" "$user$tail"
  done >"$W/sw-cl/swanctl.conf"
  must sw cl --load-all --file "$W/sw-cl/swanctl.conf"
}

forget() {
  local side
  for side in gw cl; do sw $side --flush-certs >/dev/null 2>&1; done
}

logon() { # NAME in|out USER PATTERN...
  local name=$1 want=$2 user=$3 before status=out pattern
  shift 3
  before=$(wc -l <"$W/gw.log")
  sw cl --initiate --ike "$user" --timeout 15 >"$W/logon.log" 2>&1 && status=in
  sw cl --terminate --ike "$user" --timeout 5 >/dev/null 2>&1
  sleep 0.3
  tail -n +$((before + 1)) "$W/gw.log" >"$W/said"
  grep -E "CFG|IKE" "$W/said" >"$W/short"
  if [ $status != "$want" ]; then no "$name: $user is $status" "$W/short"; return; fi
  for pattern in "$@"; do
    grep -qE "$pattern" "$W/said" || { no "$name: its log says nothing of '$pattern'" "$W/short"; return; }
  done
  ok "$name"
}
