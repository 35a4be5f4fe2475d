# A small authority for the fault tests, in $HOME_DIR: a root that issues at once.
# After setup_authority: $CA, $PUBLISHED_CRL, $CA_CERT, requests by new_csr.
CA="Fault CA"
setup_authority() {
  must "$VOUCH" --home "$HOME_DIR" ca init --name "$CA" --kind root --mode standalone --key ec:P-256 --automatic-issuance
  must "$VOUCH" --home "$HOME_DIR" template publish WebServer
  must "$VOUCH" --home "$HOME_DIR" crl publish
  PUBLISHED_CRL="$HOME_DIR/published/$CA.crl"
  CA_CERT=$W/ca.pem
  must openssl x509 -in "$HOME_DIR/published/$CA.crt" -out "$CA_CERT"
  must openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/leaf.key"
}
# A file system of its own, $DISK, with the home on it, and a folder for what is handed out; after own_mounts.sh.
small_disk() { # SIZE
  DISK=$W/disk HOME_DIR=$W/disk/home
  mkdir "$DISK" "$W/received"
  must mount -t tmpfs -o size="$1" none "$DISK"
  at_exit+=("umount '$DISK'")
}
# Every request its own key: a CA may refuse a key that it has already certified.
new_csr() { # FILE NAME
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/leaf.key" -out "$1" -subj "/CN=$2" \
    -addext "subjectAltName=DNS:$2" 2>"$W/req.log" || { no "openssl req" "$W/req.log"; return 1; }
}
issue_to() { "$VOUCH" --home "$HOME_DIR" request submit "$1" --template WebServer --out "$2"; }
serial_of() { openssl x509 -in "$1" -noout -serial | cut -d= -f2; }
crl_number() { openssl crl -in "$1" -noout -crlnumber | sed 's/.*0x//'; }
# The CRL that stands there is whole and signed by the CA.
crl_is_whole() { openssl crl -in "$PUBLISHED_CRL" -noout -CAfile "$CA_CERT" 2>&1 | grep -q "verify OK"; }
certificate_is_whole() { openssl verify -CAfile "$CA_CERT" "$1" >/dev/null 2>&1; }
# The serials in the database, one a line, upper case.
serials_in_database() {
  "$VOUCH" --home "$HOME_DIR" cert list --json | grep -oiE '"serial": *"[0-9a-f]+"' | cut -d'"' -f4 | tr a-f A-F
}
# What someone was given has to be in the database: all of $W/received/*.pem.
received_are_kept() { # NAME
  local file missing=0 count=0
  serials_in_database | sort >"$W/serials"
  for file in "$W"/received/*.pem; do
    count=$((count + 1))
    grep -qx "$(serial_of "$file")" "$W/serials" || missing=$((missing + 1))
  done
  if [ $count -gt 0 ] && [ $missing -eq 0 ]; then ok "$1 ($count)"; else no "$1: $missing of $count are not in the database"; fi
  same "no serial twice" "$(uniq -d "$W/serials" | wc -l)" 0
}
