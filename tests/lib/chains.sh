# The certificates that the peers look at. make_chains puts, for each key algorithm, a chain of three CAs (root,
# policy CA, issuing CA) made by vouch and its leaves into a folder $CHAINS/<algorithm>/:
#   root.pem policy.pem issuing.pem            CA certificates
#   root.crl policy.crl issuing.crl            their CRLs, PEM
#   good.pem good.key revoked.pem held.pem     leaves of the issuing CA: server, server (keyCompromise), held
#   client.pem                                 a client certificate
#   tampered.pem                               good.pem with another name written into it
#   tampered.crl                               issuing.crl with another serial number written into it
#   forged.pem                                 signed by good.pem, which is no CA
#   foreign.pem                                self-signed, the issuing CA's name, another key
# The policy CA's certificate comes by file, as from an offline root; the issuing CA has a local parent.
# With CHAINS set beforehand, the folder is taken as it is.

ALGORITHMS=(rsa pss p256 p384 p521 ed25519)
declare -A KEY_SPEC=([rsa]=rsa:2048 [pss]=rsa-pss:2048 [p256]=ec:P-256 [p384]=ec:P-384 [p521]=ec:P-521 [ed25519]=ed25519)

# new_request FILE-STEM ALGORITHM SUBJECT [SAN]: a key and a request as openssl makes them.
new_request() {
  local stem=$1 algorithm=$2 subject=$3 san=${4:-} options=()
  case $algorithm in
    rsa | pss) openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$stem.key" ;;
    p256) openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$stem.key" ;;
    p384) openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$stem.key" ;;
    p521) openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-521 -out "$stem.key" ;;
    ed25519) openssl genpkey -quiet -algorithm ED25519 -out "$stem.key" ;;
  esac || return 1
  [ "$algorithm" = pss ] && options+=(-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest)
  [ -n "$san" ] && options+=(-addext "subjectAltName=$san")
  openssl req -new -key "$stem.key" -out "$stem.csr" -subj "$subject" "${options[@]}"
}

# issue HOME CA REQUEST TEMPLATE OUT: submits, and approves where the CA asks for it.
issue() {
  local status=0 said id
  said=$("$VOUCH" --home "$1" --ca "$2" request submit "$3" --template "$4" --out "$5" 2>&1) || status=$?
  if [ $status -eq 3 ]; then
    id=$(sed -nE 's/.*request ([0-9]+).*/\1/p' <<<"$said" | head -1)
    said=$("$VOUCH" --home "$1" --ca "$2" request approve "$id" --out "$5" 2>&1)
    status=$?
  fi
  [ $status -eq 0 ] || printf '%s\n' "$said"
  return $status
}
serial_of() { openssl x509 -in "$1" -noout -serial | cut -d= -f2; }

# replace_octets IN OUT FROM TO: same length, every occurrence; fails when there is none.
replace_octets() {
  python3 - "$@" <<'X'
import sys
data = open(sys.argv[1], "rb").read()
old, new = (bytes.fromhex(a[2:]) if a.startswith("0x") else a.encode() for a in sys.argv[3:5])
if len(old) != len(new) or old not in data:
    sys.exit(f"{sys.argv[3]} is not in {sys.argv[1]}")
open(sys.argv[2], "wb").write(data.replace(old, new))
X
}

make_chain() { # ALGORITHM
  local name=$1 d=$CHAINS/$1 spec=${KEY_SPEC[$1]} home=$CHAINS/$1/home leaf ca
  mkdir -p "$d"
  "$VOUCH" --home "$home" ca init --name "Root $name" --kind root --mode standalone --key "$spec" --validity 20y || return
  "$VOUCH" --home "$home" ca init --name "Policy $name" --kind subordinate --mode standalone --key "$spec" \
    --request-out "$d/policy.csr" || return
  "$VOUCH" --home "$home" --ca "Root $name" ca sign "$d/policy.csr" --out "$d/policy.answer" --path-length 1 --validity 10y || return
  "$VOUCH" --home "$home" --ca "Policy $name" ca install "$d/policy.answer" || return
  "$VOUCH" --home "$home" ca init --name "Issuing $name" --kind subordinate --mode standalone --key "$spec" \
    --parent "Policy $name" --automatic-issuance || return
  "$VOUCH" --home "$home" --ca "Issuing $name" template publish WebServer || return
  "$VOUCH" --home "$home" --ca "Issuing $name" template publish ClientAuth || return
  for leaf in good revoked held; do
    new_request "$d/$leaf" "$name" "/O=Example/CN=$leaf.example.test" "DNS:$leaf.example.test,DNS:www.$leaf.example.test" || return
    issue "$home" "Issuing $name" "$d/$leaf.csr" WebServer "$d/$leaf.pem" || return
  done
  new_request "$d/client" "$name" "/O=Example/CN=client.example.test" "DNS:client.example.test" || return
  issue "$home" "Issuing $name" "$d/client.csr" ClientAuth "$d/client.pem" || return
  "$VOUCH" --home "$home" --ca "Issuing $name" cert revoke "$(serial_of "$d/revoked.pem")" --reason keyCompromise || return
  "$VOUCH" --home "$home" --ca "Issuing $name" cert revoke "$(serial_of "$d/held.pem")" --reason certificateHold || return
  for ca in Root Policy Issuing; do
    "$VOUCH" --home "$home" --ca "$ca $name" crl publish || return
    openssl x509 -in "$home/published/$ca $name.crt" -out "$d/${ca,,}.pem" || return
    openssl crl -in "$home/published/$ca $name.crl" -out "$d/${ca,,}.crl" || return
  done
  make_bad "$d"
}

# Made with openssl alone, out of what is in the folder.
make_bad() {
  local d=$1
  openssl x509 -in "$d/good.pem" -outform DER -out "$d/good.der" || return
  replace_octets "$d/good.der" "$d/tampered.der" good.example.test evil.example.test || return
  openssl x509 -in "$d/tampered.der" -out "$d/tampered.pem" || return
  openssl crl -in "$d/issuing.crl" -outform DER -out "$d/issuing.crl.der" || return
  local serial last
  serial=$(serial_of "$d/revoked.pem")
  last=$(printf '%02X' $((0x${serial: -2} ^ 1)))
  replace_octets "$d/issuing.crl.der" "$d/tampered.crl.der" "0x$serial" "0x${serial:0:-2}$last" || return
  openssl crl -in "$d/tampered.crl.der" -out "$d/tampered.crl" || return
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$d/foreign.key" -out "$d/foreign.pem" \
    -days 30 -subj "/CN=$(openssl x509 -in "$d/issuing.pem" -noout -subject -nameopt multiline | sed -n 's/.*commonName *= //p')" || return
  openssl x509 -req -in "$d/client.csr" -CA "$d/good.pem" -CAkey "$d/good.key" -set_serial 0x2a -days 30 -copy_extensions copy \
    -out "$d/forged.pem" || return
  cat "$d/issuing.pem" "$d/policy.pem" >"$d/untrusted.pem"
  cat "$d/root.crl" "$d/policy.crl" "$d/issuing.crl" >"$d/all.crl"
}

make_chains() {
  [ -n "${CHAINS:-}" ] && return 0
  CHAINS=$W/chains
  local algorithm
  for algorithm in "${ALGORITHMS[@]}"; do
    mkdir -p "$CHAINS/$algorithm"
    if ! make_chain "$algorithm" >"$CHAINS/$algorithm/log" 2>&1; then
      no "vouch makes a chain of three with $algorithm" "$CHAINS/$algorithm/log"
      summary
      exit 1
    fi
    ok "vouch makes a chain of three with $algorithm"
  done
}
