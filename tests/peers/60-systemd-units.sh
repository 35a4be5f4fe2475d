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
expect "the service publishes what is due, of all CAs" 0 "crl publish --if-due --all" grep ^ExecStart= "$units/vouch-crl.service"
expect "the timer catches up" 0 "Persistent=true" cat "$units/vouch-crl.timer"
summary
