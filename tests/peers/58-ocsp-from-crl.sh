#!/bin/bash
# A responder away from the CA: a second home with a configuration, CA certificates, and responder certificates that were
# had as docs/mechanisms/ocsp.md says. It answers for a CA of ours, whose base and delta CRL it fetches over HTTP, and for
# a CA that openssl alone makes, whose CRL is a file. openssl and gnutls ask it.
. "$(dirname "$0")/../lib/own_network.sh"
. "$(dirname "$0")/../cli/lib.sh"
need openssl curl ocsptool ip

CRLS=http://127.0.0.1:18080/pki OCSP=http://127.0.0.1:18081/ocsp AWAY=$W/responder
mkdir "$AWAY"
must vouch ca init --name "Far Root" --kind root --automatic-issuance
must vouch location set --cdp "65:$VOUCH_HOME/published/%3%8%9.crl" "6:$CRLS/%3%8%9.crl"
must vouch template publish WebServer
must vouch crl schedule --delta 24h
must vouch ca export --out "$W/root.pem"
get() { # NAME TEMPLATE
  request "$1" "/CN=$1.vouch.test" "DNS:$1.vouch.test"
  must vouch request submit "$W/$1.csr" --template "$2" --out "$W/$1.pem"
}
serial() { openssl x509 -in "$W/$1.pem" -noout -serial | cut -d= -f2; }
for name in good revoked held late; do get $name WebServer; done
must vouch cert revoke "$(serial revoked)" --reason keyCompromise
must vouch cert revoke "$(serial held)" --reason certificateHold
must vouch crl publish

# The responder's certificate: the key is made over there, and the request is brought to the CA.
must vouch template publish OcspResponseSigning
certify() { # SUBJECT
  must openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$1" -keyout "$AWAY/far.key" -out "$W/far.csr"
  vouch request submit "$W/far.csr" --template OcspResponseSigning >"$W/submit" 2>&1 # a certificate manager decides
  must vouch request approve "$(sed -nE 's/^request ([0-9]+) .*/\1/p' "$W/submit" | head -1)" --out "$AWAY/far.pem"
}
certify "/CN=Far OCSP"
cp "$W/root.pem" "$AWAY/far-ca.pem"

# openssl's CA, whose CRL lives for some seconds.
must openssl req -x509 -new -newkey rsa:2048 -nodes -subj "/CN=Peer CA" -keyout "$W/peer-ca.key" -out "$AWAY/peer-ca.pem" -days 30 \
  -addext keyUsage=critical,cRLSign,keyCertSign
cat >"$W/peer.cnf" <<C
[ca]
default_ca = peer
[peer]
dir = $W
database = $W/peer.index
serial = $W/peer.serial
crlnumber = $W/peer.crlnumber
certificate = $AWAY/peer-ca.pem
private_key = $W/peer-ca.key
new_certs_dir = $W
default_md = sha256
default_days = 20
policy = any
crl_extensions = crl
unique_subject = no
[any]
commonName = supplied
[crl]
authorityKeyIdentifier = keyid
[ocsp]
extendedKeyUsage = OCSPSigning
keyUsage = digitalSignature
noCheck = ignored
C
touch "$W/peer.index"
echo 1000 >"$W/peer.serial" && echo 01 >"$W/peer.crlnumber"
peer_issue() { # NAME EXTENSION...
  local name=$1
  shift
  must openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" -keyout "$W/$name.key" -out "$W/$name.csr"
  must openssl ca -batch -config "$W/peer.cnf" -in "$W/$name.csr" -out "$W/$name.pem" -notext "$@"
}
peer_crl() { # SECONDS
  must openssl ca -config "$W/peer.cnf" -gencrl -crlsec "$1" -out "$W/peer.crl.new"
  mv "$W/peer.crl.new" "$AWAY/peer.crl"
}
peer_issue peer-good
peer_issue peer-revoked
peer_issue peer-ocsp -extensions ocsp
cp "$W/peer-ocsp.pem" "$AWAY/peer.pem" && cp "$W/peer-ocsp.key" "$AWAY/peer.key"
must openssl ca -config "$W/peer.cnf" -revoke "$W/peer-revoked.pem" -crl_reason superseded
peer_crl 3600
# A CA of which nobody has told the responder.
must openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=Nobody" -keyout "$W/nobody.key" -out "$W/nobody.pem" -days 3

cat >"$AWAY/vouch.toml" <<C
[listener.http]
address = "127.0.0.1:18081"
[ocsp_source.far]
ca_certificate = "far-ca.pem"
crls = ["$CRLS/Far%20Root.crl", "$CRLS/Far%20Root+.crl"]
certificate = "far.pem"
key = "far.key"
refresh = "1s"
[ocsp_source.peer]
ca_certificate = "peer-ca.pem"
crls = ["peer.crl"]
certificate = "peer.pem"
key = "peer.key"
refresh = "1s"
C
expect "the configuration is in order" 0 'in order' vouch --home "$AWAY" config check
must vouch config set listener.http.address 127.0.0.1:18080
at_exit+=('end ca away')
ca='' away=''
start_ca() {
  "$VOUCH" serve >>"$W/ca.log" 2>&1 & # not the function: a shell around it would get the signals
  ca=$!
  for _ in $(seq 100); do curl -sf http://127.0.0.1:18080/healthz >/dev/null && break; sleep 0.1; done
}
start_away() {
  "$VOUCH" --home "$AWAY" serve --ocsp-from-crl >>"$W/away.log" 2>&1 &
  away=$!
  for _ in $(seq 100); do curl -sf http://127.0.0.1:18081/healthz >/dev/null && break; sleep 0.1; done
}
ready() { curl -s http://127.0.0.1:18081/readyz; }
# becomes NAME PATTERN COMMAND...: within ten seconds.
becomes() {
  local name=$1 pattern=$2
  shift 2
  for _ in $(seq 50); do "$@" >"$W/last" 2>&1; grep -qi -- "$pattern" "$W/last" && { ok "$name"; return; }; sleep 0.2; done
  no "$name (nothing said about '$pattern')" "$W/last"
}
start_ca
start_away
same "there is no database over there" 0 "$(find "$AWAY" -name '*.db' | wc -l)"
becomes "everything is well" '"status": *"ok"\|"ready": *true' ready

ask() { # CA CERTIFICATE [MORE]
  local ca=$1 name=$2
  shift 2
  openssl ocsp -issuer "$ca" -CAfile "$ca" -cert "$W/$name.pem" -url "$OCSP" "$@" 2>&1
}
far() { ask "$W/root.pem" "$@"; }
peer() { ask "$AWAY/peer-ca.pem" "$@"; }
for nonce in -nonce -no_nonce; do
  expect "openssl, $nonce: good" 0 'good.pem: good' far good $nonce
  grep -q 'Response verify OK' "$W/last" && ok "  and it verifies the answer" || no "  it does not verify" "$W/last"
  expect "openssl, $nonce: revoked" 0 'Reason: keyCompromise' far revoked $nonce
  expect "openssl, $nonce: on hold" 0 'Reason: certificateHold' far held $nonce
done
expect "the answer's times are the CRL's" 0 \
  "This Update: $(openssl crl -inform DER -in "$VOUCH_HOME/published/Far Root+.crl" -noout -lastupdate | cut -d= -f2)" far good
for name in good revoked; do
  expect "gnutls: $name" 0 "Certificate Status: $name" ocsptool --ask="$OCSP" --load-issuer "$W/root.pem" \
    --load-cert "$W/$name.pem" --load-trust "$W/root.pem"
  grep -q 'Verifying OCSP Response: Success' "$W/last" && ok "  and it verifies the answer" || no "  it does not verify" "$W/last"
done
expect "a CA of openssl's: good" 0 'peer-good.pem: good' peer peer-good
expect "a CA of openssl's: revoked" 0 'Reason: superseded' peer peer-revoked
expect "a CA that it does not know" 1 'unauthorized' ask "$W/nobody.pem" good
expect "gnutls: a CA that it does not know" fail 'unauthorized' ocsptool --ask="$OCSP" --load-issuer "$W/nobody.pem" \
  --load-cert "$W/nobody.pem" --load-trust "$W/nobody.pem"

# A delta revokes one and releases another.
must vouch cert revoke "$(serial late)" --reason superseded
must vouch cert release "$(serial held)"
expect "before the delta it cannot know" 0 'late.pem: good' far late -no_nonce
must vouch crl publish --delta
becomes "revoked by the delta" 'Reason: superseded' far late -no_nonce
becomes "openssl: released by the delta" 'held.pem: good' far held -no_nonce
expect "gnutls: released by the delta" 0 "Certificate Status: good" ocsptool --ask="$OCSP" --load-issuer "$W/root.pem" \
  --load-cert "$W/held.pem" --load-trust "$W/root.pem"

# The CA is gone; the responder is started anew, and has what it had.
end ca
becomes "the state names what cannot be fetched" 'ocsp source far' ready
end away
same "it stops cleanly" 0 $?
start_away
expect "after a restart without the CA: revoked" 0 'Reason: superseded' far late
expect "after a restart without the CA: released" 0 'held.pem: good' far held
start_ca
becomes "the CA is back" '"status": *"ok"\|"ready": *true' ready

# An older CRL is not taken, an expired one is not answered from.
cp "$AWAY/peer.crl" "$W/peer-1.crl"
must openssl ca -config "$W/peer.cnf" -revoke "$W/peer-good.pem" -crl_reason keyCompromise
peer_crl 6
becomes "the next CRL of openssl's CA" 'Reason: keyCompromise' peer peer-good -no_nonce
cp "$W/peer-1.crl" "$AWAY/peer.crl"
becomes "an older CRL is a state" 'is older than' ready
expect "  and changes no answer" 0 'Reason: keyCompromise' peer peer-good -no_nonce
becomes "an expired CRL is a state" 'has expired' ready
expect "  and openssl is told to try later" 1 'trylater' peer peer-good -no_nonce
expect "  so is gnutls" fail 'tryLater' ocsptool --ask="$OCSP" --load-issuer "$AWAY/peer-ca.pem" --load-cert "$W/peer-good.pem" \
  --load-trust "$AWAY/peer-ca.pem"
expect "  and the other CA is answered for" 0 'good.pem: good' far good
peer_crl 3600
becomes "a fresh CRL mends it" 'Reason: keyCompromise' peer peer-good -no_nonce

# Another certificate for the responder is taken up while it runs; one that is not for OCSP is not.
cp "$W/good.pem" "$AWAY/far.pem.new" && mv "$AWAY/far.pem.new" "$AWAY/far.pem"
becomes "a certificate that is not for OCSP is a state" 'not for signing OCSP answers' ready
expect "  and the old one serves on" 0 'good.pem: good' far good
certify "/CN=Far OCSP 2"
becomes "the new one signs" 'CN *= *Far OCSP 2' far good -nonce -resp_text
for _ in 1 2 3; do exec 9<>/dev/tcp/127.0.0.1/18081; exec 9>&-; done
expect "who connects and says nothing holds up nobody" 0 'good.pem: good' far good
expect "a second one on the same home is refused" 1 'another vouch serve' vouch --home "$AWAY" serve --ocsp-from-crl
expect "a home without a source is told what to write" 2 'ocsp_source' vouch serve --ocsp-from-crl
summary
