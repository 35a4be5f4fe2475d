#!/bin/bash
# The home on a file system that is really full, at every point of issuance, revocation and CRL publication: a
# clear error, nothing half-written, the old CRL still there; and when space is back everything works.
. "$(dirname "$0")/../lib/own_mounts.sh"
. "$(dirname "$0")/../lib/script.sh"
. "$ROOT/tests/lib/authority.sh"
need openssl unshare mount

small_disk 12m
setup_authority

# leave_free KILOBYTES: fills the disk but for so much.
leave_free() {
  rm -f "$DISK/filler"
  local free
  free=$(($(df --output=avail -k "$DISK" | tail -1) - $1))
  if [ $free -gt 0 ]; then dd if=/dev/zero of="$DISK/filler" bs=1024 count=$free status=none 2>/dev/null; fi
  [ "$1" -ne 0 ] || dd if=/dev/zero of="$DISK/filler" bs=512 oflag=append conv=notrunc status=none 2>/dev/null
  return 0
}
is_full='no space|disk.*full|full.*disk'

new_csr "$W/first.csr" first.example.test
check "with space: issues" issue_to "$W/first.csr" "$W/received/first.pem"
check "with space: publishes" "$VOUCH" --home "$HOME_DIR" crl publish
cp "$PUBLISHED_CRL" "$W/before.crl"
before=$(serials_in_database | wc -l)
keys_before=$(find "$HOME_DIR/keys" -type f | sort)
published_before=$(find "$HOME_DIR/published" | sort)

leave_free 0
same "the disk is full" "$(df --output=avail -k "$DISK" | tail -1 | tr -d ' ')" 0
new_csr "$W/second.csr" second.example.test
expect "full: issuing fails and says why" 1 "$is_full" issue_to "$W/second.csr" "$W/second.pem"
[ ! -e "$W/second.pem" ] && ok "full: no certificate file" || no "full: a certificate file was written"
expect "full: revoking fails and says why" 1 "$is_full" \
  "$VOUCH" --home "$HOME_DIR" cert revoke "$(serial_of "$W/received/first.pem")" --reason superseded
expect "full: publishing fails and says why" 1 "$is_full" "$VOUCH" --home "$HOME_DIR" crl publish
expect "full: a new CA fails and says why" 1 "$is_full" "$VOUCH" --home "$HOME_DIR" ca init --name "Second CA" --kind root --mode standalone
cmp -s "$PUBLISHED_CRL" "$W/before.crl" && ok "full: the old CRL is untouched" || no "full: the CRL changed"
same "full: nothing else lies in published" "$(find "$HOME_DIR/published" | sort)" "$published_before"
same "full: no key file left of the CA that was not made" "$(find "$HOME_DIR/keys" -type f | sort)" "$keys_before"

leave_free 8192
check "space again: the database is sound" "$VOUCH" --home "$HOME_DIR" db check
same "space again: no certificate came of it" "$(serials_in_database | wc -l)" "$before"
check "space again: issues" issue_to "$W/second.csr" "$W/received/second.pem"
check "space again: revokes" "$VOUCH" --home "$HOME_DIR" cert revoke "$(serial_of "$W/received/first.pem")" --reason superseded
check "space again: publishes" "$VOUCH" --home "$HOME_DIR" crl publish
openssl crl -in "$PUBLISHED_CRL" -noout -text | grep -q "$(serial_of "$W/received/first.pem")" && ok "space again: the CRL has the revocation" || no "space again: the CRL lacks the revocation"
check "space again: a new CA" "$VOUCH" --home "$HOME_DIR" ca init --name "Second CA" --kind root --mode standalone
VOUCH_ONE=("$VOUCH" --home "$HOME_DIR" --ca "$CA")

# The disk gets full at every point under way: 0, 4, 8, … kilobytes are left.
last=$(crl_number "$PUBLISHED_CRL") refused=0 done_=0
for kilobytes in $(seq 0 4 200); do
  rm -f "$DISK/filler"
  new_csr "$W/r.csr" "r$kilobytes.example.test"
  leave_free "$kilobytes"
  "${VOUCH_ONE[@]}" request submit "$W/r.csr" --template WebServer --out "$W/r.pem" >"$W/out" 2>&1
  status=$?
  if [ $status -eq 0 ]; then
    done_=$((done_ + 1))
    certificate_is_whole "$W/r.pem" && mv "$W/r.pem" "$W/received/r$kilobytes.pem" || no "$kilobytes kB: success, but no whole certificate"
  elif [ $status -eq 1 ] && grep -qiE "$is_full" "$W/out"; then
    refused=$((refused + 1))
    [ ! -e "$W/r.pem" ] || no "$kilobytes kB: refused, and yet a certificate file"
  else
    no "$kilobytes kB: issuing ends with status $status" "$W/out"
  fi
  rm -f "$W/r.pem"
  "${VOUCH_ONE[@]}" crl publish >"$W/out" 2>&1
  status=$?
  if [ $status -eq 1 ] && grep -qiE "$is_full" "$W/out"; then
    refused=$((refused + 1))
  elif [ $status -ne 0 ]; then
    no "$kilobytes kB: publishing ends with status $status" "$W/out"
  else
    done_=$((done_ + 1))
  fi
  crl_is_whole || no "$kilobytes kB: the published CRL is not whole"
  number=$(crl_number "$PUBLISHED_CRL")
  [ $((16#$number)) -ge $((16#$last)) ] || no "$kilobytes kB: CRL number $number after $last"
  last=$number
done
[ $refused -ge 10 ] && [ $done_ -ge 10 ] && ok "of both kinds: $refused refused, $done_ done" || no "not both kinds: $refused refused, $done_ done"
rm -f "$DISK/filler"
check "at the end: the database is sound" "$VOUCH" --home "$HOME_DIR" db check
expect "at the end: the audit log is in order" 0 "in order" "$VOUCH" --home "$HOME_DIR" audit verify
check "at the end: publishes" "${VOUCH_ONE[@]}" crl publish
[ $((16#$(crl_number "$PUBLISHED_CRL"))) -gt $((16#$last)) ] && ok "at the end: the CRL number rose" || no "at the end: the CRL number did not rise"
crl_is_whole && ok "at the end: the CRL is whole" || no "at the end: the CRL is not whole"
received_are_kept "every certificate that was received is in the database"
same "nothing lies about in published" "$(find "$HOME_DIR/published" -type f ! -name '*.crl' ! -name '*.crt' | wc -l)" 0
same "no request is left between intent and certificate" "$("${VOUCH_ONE[@]}" request list --state issuing --json | grep -c '"id"')" 0
summary
