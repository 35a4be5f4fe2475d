#!/bin/bash
# The home on a file system that is read-only: a clear error, nothing changed, works again when it is writable.
. "$(dirname "$0")/../lib/own_mounts.sh"
. "$(dirname "$0")/../lib/script.sh"
. "$ROOT/tests/lib/authority.sh"
need openssl unshare mount

small_disk 32m
setup_authority
new_csr "$W/first.csr" first.example.test
check "writable: issues" issue_to "$W/first.csr" "$W/received/first.pem"
new_csr "$W/second.csr" second.example.test
serial=$(serial_of "$W/received/first.pem")
sum() { (cd "$HOME_DIR" && find . -type f ! -name '*-shm' -exec sha256sum {} + | sort); }
before=$(sum)

must mount -o remount,ro "$DISK"
touch "$HOME_DIR/x" 2>/dev/null && no "the file system is read-only" || ok "the file system is read-only"
read_only='read-only|readonly|not writable|cannot be written'
expect "read-only: issuing fails and says why" 1 "$read_only" issue_to "$W/second.csr" "$W/second.pem"
[ ! -e "$W/second.pem" ] && ok "read-only: no certificate file" || no "read-only: a certificate file was written"
expect "read-only: revoking fails and says why" 1 "$read_only" "$VOUCH" --home "$HOME_DIR" cert revoke "$serial" --reason superseded
expect "read-only: publishing fails and says why" 1 "$read_only" "$VOUCH" --home "$HOME_DIR" crl publish
expect "read-only: a new CA fails and says why" 1 "$read_only" "$VOUCH" --home "$HOME_DIR" ca init --name "Second CA" --kind root
expect "read-only: a new home fails and says why" 1 "$read_only" "$VOUCH" --home "$DISK/other" ca init --name "Second CA" --kind root
check "read-only: a CRL can be shown" "$VOUCH" crl show "$PUBLISHED_CRL"
same "read-only: nothing changed" "$(sum)" "$before"

must mount -o remount,rw "$DISK"
check "writable again: the database is sound" "$VOUCH" --home "$HOME_DIR" db check
check "writable again: issues" issue_to "$W/second.csr" "$W/received/second.pem"
check "writable again: revokes" "$VOUCH" --home "$HOME_DIR" cert revoke "$serial" --reason superseded
check "writable again: publishes" "$VOUCH" --home "$HOME_DIR" crl publish
crl_is_whole && ok "writable again: the CRL is whole" || no "writable again: the CRL is not whole"
openssl crl -in "$PUBLISHED_CRL" -noout -text | grep -q "$serial" && ok "writable again: with the revocation" || no "writable again: without the revocation"
received_are_kept "every certificate that was received is in the database"

# Only the folder of the published files is read-only: the CRL fails, issuing goes on once it is back.
must mount --bind "$HOME_DIR/published" "$HOME_DIR/published"
must mount -o remount,bind,ro "$HOME_DIR/published"
cp "$PUBLISHED_CRL" "$W/before.crl"
expect "published read-only: publishing fails and names the place" 1 "published" "$VOUCH" --home "$HOME_DIR" crl publish
cmp -s "$PUBLISHED_CRL" "$W/before.crl" && ok "published read-only: the old CRL is untouched" || no "published read-only: the CRL changed"
must umount "$HOME_DIR/published"
check "published writable again: publishes" "$VOUCH" --home "$HOME_DIR" crl publish
[ $((16#$(crl_number "$PUBLISHED_CRL"))) -gt $((16#$(crl_number "$W/before.crl"))) ] && ok "published writable again: the number rose" || no "published writable again: the number did not rise"
summary
