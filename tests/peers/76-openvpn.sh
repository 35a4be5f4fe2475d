#!/bin/bash
# OpenVPN and our certificates: first it checks them itself, by CRL file; then its tls-verify asks our gateway, and where none
# runs the helper decides by itself. Each reason is read in OpenVPN's own log and in ours.
. "$(dirname "$0")/../lib/own_network.sh"
. "$(dirname "$0")/../cli/lib.sh"
. "$(dirname "$0")/../lib/peer_pki.sh"
need openssl openvpn curl python3 ip
make_peer_pki service
at_exit+=('end ca gateway server client')
server='' client=''
start_peer_ca
start_gateway

start_vpn() { # OPTION...
  openvpn --dev null --local 127.0.0.1 --lport 16100 --rport 16101 --remote 127.0.0.1 --proto udp --tls-server --dh none \
    --data-ciphers AES-256-GCM --ca "$PKI/root.crt" --cert "$PKI/vpn-server.crt" --key "$PKI/vpn-server.key" \
    --extra-certs "$PKI/ca.crt" --remote-cert-tls client --hand-window 8 --verb 4 --tls-exit --single-session "$@" >"$W/server.log" 2>&1 &
  server=$!
  for _ in $(seq 50); do grep -q "UDPv4 link remote" "$W/server.log" && return; sleep 0.1; done
  no "the server did not start" "$W/server.log"
}
# connect NAME in|out WHO PATTERN [SERVER OPTION]...: the outcome, and what the server's log says.
connect() {
  local name=$1 want=$2 who=$3 pattern=$4 found=nothing
  shift 4
  : >"$W/client.log" # what the last one said counts no more
  start_vpn "$@"
  openvpn --dev null --local 127.0.0.1 --lport 16101 --rport 16100 --remote 127.0.0.1 --proto udp --tls-client \
    --data-ciphers AES-256-GCM --ca "$PKI/root.crt" --cert "$PKI/$who.crt" --key "$PKI/$who.key" --extra-certs "$PKI/ca.crt" \
    --remote-cert-tls server --verify-x509-name vpn.vouch.test name --hand-window 8 --verb 4 --tls-exit >"$W/client.log" 2>&1 &
  client=$!
  for _ in $(seq 120); do
    if grep -q "Initialization Sequence Completed" "$W/client.log"; then found=in; break; fi
    if grep -qE "TLS handshake failed|VERIFY ERROR|VERIFY SCRIPT ERROR|VERIFY EKU ERROR|Certificate does not have" "$W/server.log"; then found=out; break; fi
    sleep 0.05
  done
  [ $found = in ] && for _ in $(seq 20); do grep -q "Initialization Sequence Completed" "$W/server.log" && break; sleep 0.05; done
  kill -9 $server $client 2>/dev/null
  wait $server $client 2>/dev/null
  server='' client=''
  if [ $found != "$want" ]; then no "$name: $who is $found" "$W/server.log"; return; fi
  if grep -qE -- "$pattern" "$W/server.log"; then ok "$name"; else no "$name: nothing said about '$pattern'" "$W/server.log"; fi
}

# --- OpenVPN by itself
by_file=(--crl-verify "$PKI/crl-bundle.pem")
connect "by CRL file: alice" in alice "VERIFY OK: depth=0, CN=alice" "${by_file[@]}"
connect "by CRL file: bob" out bob "VERIFY ERROR: depth=0, error=certificate revoked: CN=bob" "${by_file[@]}"
connect "by CRL file: carol" out carol "certificate has expired" "${by_file[@]}"
connect "a server's certificate" out tls-server "unsuitable certificate purpose|VERIFY EKU ERROR" "${by_file[@]}"

# --- our validator decides
mkdir "$W/export"
by_helper=(--script-security 2 --tls-export-cert "$W/export" --tls-verify "$VOUCH helper openvpn --socket $gateway_socket")
connect "helper: alice" in alice "VERIFY SCRIPT OK: depth=0, CN=alice" "${by_helper[@]}"
decided "  by the gateway" accepted=True client=openvpn "subject=CN=alice"
connect "helper: bob" out bob "VERIFY SCRIPT ERROR: depth=0, CN=bob" "${by_helper[@]}"
expect "  with our reason in OpenVPN's log" 0 "vouch: CN=bob: refused: revocation.revoked \(AADSTS500171\)" cat "$W/server.log"
decided "  and in ours" accepted=False client=openvpn code=500171 "subject=CN=bob"

# --- where no gateway runs
end gateway
alone=(--script-security 2 --tls-export-cert "$W/export" --tls-verify "$VOUCH --home $gateway_home helper openvpn")
connect "without a gateway: alice" in alice "VERIFY SCRIPT OK: depth=0, CN=alice" "${alone[@]}"
connect "without a gateway: bob" out bob "vouch: CN=bob: refused: revocation.revoked" "${alone[@]}"
connect "a helper that cannot decide lets nobody in" out alice "VERIFY SCRIPT ERROR: depth=0" --script-security 2 \
  --tls-export-cert "$W/export" --tls-verify "$VOUCH --home $W/nowhere helper openvpn"
connect "and says so where the certificate is not exported" out alice "tls-export-cert" --script-security 2 \
  --tls-verify "$VOUCH --home $gateway_home helper openvpn"
summary
