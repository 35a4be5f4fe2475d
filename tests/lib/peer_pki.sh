# The certificates that relying parties look at, all of them made by vouch. Source after cli/lib.sh, then:
#   make_peer_pki [service|recipes]
# fills $PKI with
#   root.crt ca.crt ca-bundle.pem (both)           a root and its issuing CA, in the home $VOUCH_HOME
#   root.crl ca.crl crl-bundle.pem ca-with-crl.pem their CRLs, PEM; hashdir/ the same, hashed
#   NAME.key NAME.csr NAME.crt NAME-chain.pem NAME.p12 for
#     tls-server eap-server vpn-server kdc ocsp
#     alice bob (revoked) carol (expired)          UPN, Kerberos principal and mail; frank, grace: UPN only
#     dave vpn-client                              no alternative name
#     mallory                                      alice of a foreign CA with the issuing CA's name
# `service`: the URLs in them are those of `vouch serve` on 127.0.0.1:18080. `recipes`: http://127.0.0.1:18080/ca.crl and
# http://127.0.0.1:18888/, and beside the certificates what `openssl ca` and `openssl ocsp` want for the same CA: ca.key,
# index.txt, o.cnf.
REALM=${REALM:-VOUCH.TEST}
PKI=${PKI:-$W/pki}
ISSUING="Vouch Test Issuing CA 1"

peer_key() { must openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$PKI/$1.key"; }

# peer_leaf NAME TEMPLATE SUBJECT [SECTION]: SECTION of req.cnf has the alternative names.
peer_leaf() {
  local name=$1 template=$2 subject=$3 section=${4:-} status=0 id
  peer_key "$name"
  must openssl req -new -config "$PKI/req.cnf" -key "$PKI/$name.key" -subj "$subject" ${section:+-reqexts "$section"} -out "$PKI/$name.csr"
  vouch --ca "$ISSUING" request submit "$PKI/$name.csr" --template "$template" --out "$PKI/$name.crt" >"$W/submit" 2>&1 || status=$?
  if [ $status -eq 3 ]; then
    id=$(sed -nE 's/^request ([0-9]+) .*/\1/p' "$W/submit" | head -1)
    must vouch --ca "$ISSUING" request approve "$id" --out "$PKI/$name.crt"
  elif [ $status -ne 0 ]; then
    no "cannot go on: $name gets no certificate" "$W/submit"
    summary
    exit 1
  fi
  cat "$PKI/$name.crt" "$PKI/ca.crt" >"$PKI/$name-chain.pem"
  must openssl pkcs12 -export -inkey "$PKI/$name.key" -in "$PKI/$name.crt" -certfile "$PKI/ca.crt" -name "$name" -passout pass:vouch -out "$PKI/$name.p12"
}

# The alternative names as requests carry them. alice, bob and carol have the UPN that Windows writes (realm in small
# letters) and the principal of RFC 4556; frank and grace the UPN alone, hers in capitals, as MIT's KDC compares it.
write_request_configuration() {
  local user
  cat <<C
[req]
distinguished_name = dn
prompt = no
[dn]
CN = placeholder
[servers]
subjectAltName = DNS:localhost,IP:127.0.0.1
[radius]
subjectAltName = DNS:radius.vouch.test
[vpn]
subjectAltName = DNS:vpn.vouch.test
[kdc]
subjectAltName = @kdc_names
[kdc_names]
DNS.1 = kdc.${REALM,,}
otherName = 1.3.6.1.5.2.2;SEQUENCE:kdc_principal
[kdc_principal]
realm = EXPLICIT:0,GeneralString:$REALM
name = EXPLICIT:1,SEQUENCE:kdc_name
[kdc_name]
type = EXPLICIT:0,INTEGER:2
parts = EXPLICIT:1,SEQUENCE:kdc_parts
[kdc_parts]
first = GeneralString:krbtgt
second = GeneralString:$REALM
C
  for user in alice bob carol; do
    cat <<C
[$user]
subjectAltName = @${user}_names
[${user}_names]
email = $user@${REALM,,}
otherName.1 = 1.3.6.1.4.1.311.20.2.3;UTF8:$user@${REALM,,}
otherName.2 = 1.3.6.1.5.2.2;SEQUENCE:${user}_principal
[${user}_principal]
realm = EXPLICIT:0,GeneralString:$REALM
name = EXPLICIT:1,SEQUENCE:${user}_name
[${user}_name]
type = EXPLICIT:0,INTEGER:1
parts = EXPLICIT:1,SEQUENCE:${user}_parts
[${user}_parts]
first = GeneralString:$user
C
  done
  printf '[frank]\nsubjectAltName = otherName:1.3.6.1.4.1.311.20.2.3;UTF8:frank@%s\n' "${REALM,,}"
  printf '[grace]\nsubjectAltName = otherName:1.3.6.1.4.1.311.20.2.3;UTF8:grace@%s\n' "$REALM"
}

peer_template() { # NAME EXTENDED-KEY-USAGE KEY-USAGE SAN-KINDS [MORE]
  cat >"$W/template.toml" <<C
name = "$1"
extended_key_usage = [$2]
key_usage = [$3]
approval = true
${5:-}
[subject]
source = "request"
allowed = ["CN", "O"]
[san]
source = "request"
allowed = [$4]
[key]
types = ["rsa", "P-256"]
C
  must vouch template add --from "$W/template.toml"
  must vouch --ca "$ISSUING" template publish "$1"
}

peer_templates() {
  local use='"digitalSignature", "keyEncipherment"' logon='"clientAuth", "smartcardLogon", "pkinitClientAuth"'
  must vouch --ca "$ISSUING" ca set override-logon-purposes=yes
  peer_template PeerServer '"serverAuth"' "$use" '"dns", "ip"'
  peer_template PeerKdc '"pkinitKDC", "serverAuth", "smartcardLogon"' "$use, \"keyAgreement\"" '"dns", "pkinit"'
  peer_template PeerUser "$logon" "$use" '"email", "upn", "pkinit"'
  peer_template PeerBriefUser "$logon" "$use" '"email", "upn", "pkinit"' $'validity = "2s"\nrenewal_period = "1s"'
  peer_template PeerClient '"clientAuth"' '"digitalSignature"' ''
  must vouch --ca "$ISSUING" template publish OcspResponseSigning
}

peer_locations() { # CA SHORT-NAME service|recipes
  local base=http://127.0.0.1:18080 published=$VOUCH_HOME/published
  if [ "$3" = service ]; then
    must vouch --ca "$1" location set --cdp "65:$published/%3%8%9.crl" "6:$base/pki/%3%8%9.crl"
    must vouch --ca "$1" location set --aia "1:$published/%3%4.crt" "2:$base/pki/%3%4.crt" "32:$base/ocsp"
  else
    must vouch --ca "$1" location set --cdp "65:$published/%3%8%9.crl" "2:$base/$2.crl"
    must vouch --ca "$1" location set --aia "1:$published/%3%4.crt" "2:$base/$2.crt" "32:http://127.0.0.1:18888/"
  fi
}

# The newest CRLs, for those that read files.
peer_crls() {
  local published=$VOUCH_HOME/published
  must openssl crl -inform DER -in "$published/Vouch Test Root.crl" -out "$PKI/root.crl"
  must openssl crl -inform DER -in "$published/$ISSUING.crl" -out "$PKI/ca.crl"
  cat "$PKI/ca.crl" "$PKI/root.crl" >"$PKI/crl-bundle.pem"
  cat "$PKI/ca-bundle.pem" "$PKI/crl-bundle.pem" >"$PKI/ca-with-crl.pem"
  mkdir -p "$PKI/hashdir"
  cp "$PKI/ca.crt" "$PKI/root.crt" "$PKI/hashdir/"
  cp "$PKI/ca.crl" "$PKI/hashdir/ca-crl.pem"
  cp "$PKI/root.crl" "$PKI/hashdir/root-crl.pem"
  must openssl rehash "$PKI/hashdir"
}

# What openssl's own programs need to speak for our CA: the recipes' OCSP responder and CRLs that have expired.
peer_openssl_files() {
  local name status
  cp "$(find "$VOUCH_HOME/keys" -name "$ISSUING-*" | head -1)" "$PKI/ca.key"
  echo 01 >"$PKI/crlnumber"
  : >"$PKI/index.txt"
  for name in tls-server eap-server vpn-server kdc ocsp alice bob carol dave frank grace vpn-client; do
    [ -f "$PKI/$name.crt" ] || continue
    status=V
    [ $name = bob ] && status=R
    printf '%s\t%s\t%s\t%s\tunknown\t/CN=%s\n' $status \
      "$(date -u -d "$(openssl x509 -in "$PKI/$name.crt" -noout -enddate | cut -d= -f2)" +%y%m%d%H%M%SZ)" \
      "$([ $status = R ] && date -u +%y%m%d%H%M%SZ,keyCompromise)" "$(openssl x509 -in "$PKI/$name.crt" -noout -serial | cut -d= -f2)" \
      "$name" >>"$PKI/index.txt"
  done
  cat >"$PKI/o.cnf" <<C
[ca]
default_ca=iss
[iss]
dir=.
database=./index.txt
crlnumber=./crlnumber
certificate=./ca.crt
private_key=./ca.key
default_md=sha256
default_crl_days=2
crl_extensions=crlx
[crlx]
authorityKeyIdentifier=keyid:always
C
}
# expired_crl FILE: a CRL of the issuing CA, number 0, that has expired long ago.
expired_crl() {
  [ -f "$PKI/o.cnf" ] || peer_openssl_files
  echo 00 >"$W/crlnumber"
  sed "s#./crlnumber#$W/crlnumber#" "$PKI/o.cnf" >"$W/expired.cnf"
  (cd "$PKI" && must openssl ca -config "$W/expired.cnf" -gencrl -crl_lastupdate 20250101000000Z -crl_nextupdate 20250102000000Z -out "$1")
}
# brief_crl FILE SECONDS: one of the issuing CA, number 1, DER, that expires that soon. openssl makes it, for ours are valid
# ten minutes longer than asked for, because clocks differ.
brief_crl() {
  [ -f "$PKI/o.cnf" ] || peer_openssl_files
  echo 01 >"$PKI/crlnumber"
  (cd "$PKI" && must openssl ca -config o.cnf -gencrl -crlsec "$2" -out "$W/brief.pem")
  must openssl crl -in "$W/brief.pem" -outform DER -out "$1"
}

make_peer_pki() { # service|recipes
  mkdir -p "$PKI"
  must vouch ca init --name "Vouch Test Root" --kind root --key rsa:2048 --subject-suffix "O=Vouch Test"
  peer_locations "Vouch Test Root" root "${1:-service}"
  must vouch ca init --name "$ISSUING" --kind subordinate --parent "Vouch Test Root" --key rsa:2048 --subject-suffix "O=Vouch Test"
  peer_locations "$ISSUING" ca "${1:-service}"
  must vouch --ca "Vouch Test Root" ca export --out "$PKI/root.crt"
  must vouch --ca "$ISSUING" ca export --out "$PKI/ca.crt"
  cat "$PKI/ca.crt" "$PKI/root.crt" >"$PKI/ca-bundle.pem"
  peer_templates
  write_request_configuration >"$PKI/req.cnf"
  peer_leaf carol PeerBriefUser /CN=carol carol
  peer_leaf ocsp OcspResponseSigning "/CN=Vouch OCSP"
  peer_leaf tls-server PeerServer /CN=localhost servers
  peer_leaf eap-server PeerServer /CN=radius.vouch.test radius
  peer_leaf vpn-server PeerServer /CN=vpn.vouch.test vpn
  peer_leaf kdc PeerKdc "/CN=kdc.vouch.test" kdc
  local user
  for user in alice bob frank grace; do peer_leaf $user PeerUser /CN=$user $user; done
  for user in dave vpn-client; do peer_leaf $user PeerClient /CN=$user; done
  # The foreign CA is openssl's: only the signature tells the two apart.
  must openssl req -x509 -newkey rsa:2048 -nodes -keyout "$PKI/mca.key" -out "$PKI/mca.crt" -days 30 \
    -subj "/O=Vouch Test/CN=$ISSUING" -addext keyUsage=critical,keyCertSign,cRLSign
  peer_key mallory
  must openssl req -new -config "$PKI/req.cnf" -key "$PKI/mallory.key" -subj /CN=alice -reqexts alice -out "$PKI/mallory.csr"
  printf '%s\n' 'basicConstraints=critical,CA:FALSE' 'keyUsage=critical,digitalSignature,keyEncipherment' \
    'extendedKeyUsage=clientAuth,1.3.6.1.4.1.311.20.2.2,1.3.6.1.5.2.3.4' >"$W/mallory.ext"
  must openssl x509 -req -in "$PKI/mallory.csr" -CA "$PKI/mca.crt" -CAkey "$PKI/mca.key" -set_serial 0x11 -days 30 \
    -extfile "$W/mallory.ext" -copy_extensions copy -out "$PKI/mallory.crt"
  cat "$PKI/mallory.crt" "$PKI/mca.crt" >"$PKI/mallory-chain.pem"
  must vouch --ca "$ISSUING" cert revoke "$PKI/bob.crt" --reason keyCompromise
  must vouch --ca "Vouch Test Root" crl publish
  must vouch --ca "$ISSUING" crl publish
  peer_crls
  if [ "${1:-service}" = recipes ]; then
    mkdir -p "$PKI/www"
    local file
    for file in root ca; do
      must openssl crl -in "$PKI/$file.crl" -outform DER -out "$PKI/www/$file.crl"
      must openssl x509 -in "$PKI/$file.crt" -outform DER -out "$PKI/www/$file.crt"
    done
    peer_openssl_files
  fi
}

# The service of the CA: CRLs and OCSP on 127.0.0.1:18080. Its process is $ca.
start_peer_ca() {
  [ -f "$VOUCH_HOME/vouch.toml" ] || must vouch config set listener.http.address 127.0.0.1:18080
  "$VOUCH" serve >>"$W/ca.log" 2>&1 & # not the function: a shell around it would get the signals
  ca=$!
  for _ in $(seq 100); do curl -sf http://127.0.0.1:18080/healthz >/dev/null && return; sleep 0.1; done
  no "the CA's service did not start" "$W/ca.log"
  summary
  exit 1
}

# A new CRL of the issuing CA, once it is what the service hands out.
publish_crl() {
  must vouch --ca "$ISSUING" crl publish
  local i
  for i in $(seq 100); do
    curl -s "http://127.0.0.1:18080/pki/${ISSUING// /%20}.crl" | cmp -s - "$VOUCH_HOME/published/$ISSUING.crl" && return
    sleep 0.1
  done
  no "the new CRL is not handed out" "$W/ca.log"
}

# A gateway in a home of its own, $gateway_home, that trusts the CAs of $PKI and may fetch from loopback. Its Unix socket
# is $gateway_socket, its log of decisions $gateway_log, its process $gateway.
gateway_home=$W/gateway gateway_socket=$W/gateway/run/vouch.sock gateway_log=$W/gateway/decisions.jsonl gateway=''
start_gateway() {
  mkdir -p "$gateway_home"
  cat >"$gateway_home/vouch.toml" <<C
[listener.http]
address = "127.0.0.1:18090"
[relying_party]
profile = "lan"
decision_log = "decisions.jsonl"
[profile.lan]
base = "logon"
private_networks = ["127.0.0.0/8"]
C
  must "$VOUCH" --home "$gateway_home" config check
  must "$VOUCH" --home "$gateway_home" trust add "$PKI/root.crt" "$PKI/ca.crt"
  "$VOUCH" --home "$gateway_home" serve --role gateway >>"$W/gateway.log" 2>&1 &
  gateway=$!
  for _ in $(seq 100); do curl -sf http://127.0.0.1:18090/readyz >/dev/null && return; sleep 0.1; done
  no "the gateway did not start" "$W/gateway.log"
  summary
  exit 1
}
# decided NAME FILTER...: the newest decision of the gateway is {key: value, …} as FILTER says, e.g. code=500171 client=nginx
# accepted=False; a value that begins with ~ is a regular expression.
decided() {
  local name=$1
  shift
  if tail -1 "$gateway_log" | python3 -c '
import json, re, sys
line = json.load(sys.stdin)
wrong = []
for word in sys.argv[1:]:
    key, value = word.split("=", 1)
    found = str(line[key])
    if not (re.search(value[1:], found) if value.startswith("~") else found == value):
        wrong.append(f"{key} is {found}, not {value}")
if wrong: sys.exit("; ".join(wrong) + f": {line}")' "$@" >"$W/last" 2>&1; then ok "$name"; else no "$name" "$W/last"; fi
}
# The CA answers OCSP, or (off) hands out CRLs and certificates alone.
ocsp() { # on|off
  local parts=distribution,health status
  [ "$1" = on ] && parts=ocsp,$parts
  must vouch config set listener.http.serves "$parts"
  kill -HUP "$ca"
  for _ in $(seq 50); do
    status=$(curl -s -o "$W/ocsp-state" -w '%{http_code}' -d x -H 'Content-Type: application/ocsp-request' http://127.0.0.1:18080/ocsp)
    case $1:$status in
      off:404 | off:405 | on:200 | on:400) return ;;
    esac
    sleep 0.1
  done
  no "OCSP does not go $1 (status $status)" "$W/ca.log"
}
