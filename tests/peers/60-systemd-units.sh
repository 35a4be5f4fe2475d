#!/bin/bash
# The units that are shipped are what systemd takes for units, and leave little for an intruder to do.
. "$(dirname "$0")/../lib/script.sh"
need systemd-analyze
units=$ROOT/packaging/systemd
mkdir "$W/units"
for file in "$units"/*; do
  # Where the program is installed does not matter here; that there is one does.
  sed "s#^ExecStart=/usr/bin/vouch#ExecStart=$(command -v true)#" "$file" >"$W/units/$(basename "$file")"
done
for file in "$W"/units/*; do
  name=$(basename "$file")
  systemd-analyze verify --man=no "$file" >"$W/last" 2>&1
  status=$?
  # Complaints about other units of this machine are not ours.
  if [ $status -eq 0 ] && ! grep -q "vouch" "$W/last"; then ok "systemd-analyze verify $name"; else no "systemd-analyze verify $name (status $status)" "$W/last"; fi
done
cp "$W/units/vouch-crl.service" "$W/units/broken.service"
sed -i 's/^Type=oneshot/Type=nonsense/' "$W/units/broken.service"
expect "a broken one is found" 0 "nonsense" systemd-analyze verify --man=no "$W/units/broken.service"
check "systemd-analyze security: at most 1.0 of 10 is exposed" \
  systemd-analyze security --offline=true --threshold=10 "$units/vouch-crl.service"
# The service speaks over the network; of 10, at most 1.5 is exposed all the same.
check "systemd-analyze security: the service is at most 1.5 of 10 exposed" \
  systemd-analyze security --offline=true --threshold=15 "$units/vouch.service"
check "systemd-analyze security: so is the responder away from the CA" \
  systemd-analyze security --offline=true --threshold=15 "$units/vouch-ocsp.service"
for unit in vouch-crlsync vouch-crlsync-once vouch-ra vouch-gateway; do
  check "systemd-analyze security: so is $unit" systemd-analyze security --offline=true --threshold=15 "$units/$unit.service"
done
grep -v "^SystemCallFilter\|^CapabilityBoundingSet\|^ProtectSystem\|^NoNewPrivileges" "$units/vouch.service" >"$W/open.service"
expect "without its restrictions it is more" fail "EXPOSED|MEDIUM|OK" \
  systemd-analyze security --offline=true --threshold=15 "$W/open.service"
expect "the service tells when it is ready, and is watched" 0 "Type=notify" grep -E "^(Type|WatchdogSec)=" "$units/vouch.service"
expect "its socket is that of the listener http" 0 "FileDescriptorName=http" cat "$units/vouch.socket"
if command -v systemd-sysusers >/dev/null && [ "$(id -u)" = 0 ]; then
  mkdir -p "$W/root/etc"
  check "systemd-sysusers makes the user" systemd-sysusers --root="$W/root" "$ROOT/packaging/sysusers/vouch.conf"
  expect "and it is there" 0 "^vouch:" cat "$W/root/etc/passwd"
  check "systemd-tmpfiles makes the home" systemd-tmpfiles --create --root="$W/root" "$ROOT/packaging/tmpfiles/vouch.conf"
  same "for it alone" "$(stat -c %a "$W/root/var/lib/vouch")" 750
fi
expect "the service publishes what is due, of all CAs" 0 "crl publish --if-due --all" grep ^ExecStart= "$units/vouch-crl.service"
expect "the timer catches up" 0 "Persistent=true" cat "$units/vouch-crl.timer"
summary
