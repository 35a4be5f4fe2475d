#!/bin/bash
# Registration authorities apart from the CA, each in a network namespace of its own: devices reach them and not the CA.
# First one; then two, one of which is killed in the middle of a thousand enrolments.
#
#   devices (vdev) --10.61.1.0/24-- ra1 (vra1) --10.61.3.0/24-- CA (this namespace)
#              \-----10.61.2.0/24-- ra2 (vra2) --10.61.4.0/24--/
. "$(dirname "$0")/../lib/own_network.sh"
. "$(dirname "$0")/../lib/script.sh"
need openssl curl ip pki
VOUCH=$(readlink -f "$VOUCH")
LOAD=${SCEP_DEVICES:-$(dirname "$VOUCH")/scep_devices}
[ -x "$LOAD" ] || { no "there is no $LOAD: build the tests"; summary; exit 1; }
LOAD=$(readlink -f "$LOAD")
cd "$W" || exit 1
export no_proxy=\*
COUNT=${COUNT:-1000}

# --- networks ---
mount -t tmpfs none /run/netns 2>/dev/null || { mkdir -p /run/netns && mount -t tmpfs none /run/netns; }
for name in vdev vra1 vra2; do must ip netns add $name; ip -n $name link set lo up; done
# between NAME NAME NET: .1 for the first, .2 for the second; "-" is this namespace.
between() {
  local a=$1 b=$2 net=$3
  ip link add "v$net-a" type veth peer name "v$net-b"
  ip link set "v$net-a" netns "$a" && ip -n "$a" addr add "10.61.$net.1/24" dev "v$net-a" && ip -n "$a" link set "v$net-a" up
  if [ "$b" = - ]; then ip addr add "10.61.$net.2/24" dev "v$net-b" && ip link set "v$net-b" up
  else ip link set "v$net-b" netns "$b" && ip -n "$b" addr add "10.61.$net.2/24" dev "v$net-b" && ip -n "$b" link set "v$net-b" up; fi
}
between vdev vra1 1
between vdev vra2 2
between vra1 - 3
between vra2 - 4
device() { ip netns exec vdev "$@"; }
on() { ip netns exec "v$1" env VOUCH_HOME="$W/$1" "${@:2}"; }

# --- the CA ---
export VOUCH_HOME=$W/ca
must vouch ca init --name Devices --kind root --key rsa:2048 --no-locations
must vouch template set ScepDevice key_reuse=true
must vouch template publish ScepDevice ClientAuth CepEncryption ExchangeEnrollmentAgentOffline
must vouch ca export --out root.pem
# Two hosts, two keys, one name: they are one account, and share what came of transactions.
account="certificate:Devices/ClientAuth/CN=ra"
for ra in ra1 ra2; do
  mkdir -p $ra
  must openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $ra/ra.key -out $ra.csr -subj /CN=ra
  vouch request submit $ra.csr --template ClientAuth >submitted 2>&1
  must vouch request approve "$(sed -nE 's/^request ([0-9]+) .*/\1/p' submitted | head -1)" --out $ra/ra.pem
  cp root.pem $ra/
done
cat >>ca/vouch.toml <<'X'
[tls]
issuer = "Devices"
names = "ca.vouch.test"
[listener.admin]
address = "0.0.0.0:8443"
tls = true
client_certificates = "required"
serves = "api"
X
printf '10.61.3.2 ca.vouch.test\n10.61.4.2 ca.vouch.test\n' >hosts
cat /etc/hosts >>hosts
mount --bind hosts /etc/hosts
# The account of the registration authorities may use three templates and no other, and approve what its devices asked.
must vouch role revoke enroller '*'
for template in ScepDevice CepEncryption ExchangeEnrollmentAgentOffline; do
  must vouch role grant enroller "$account" --template $template
  must vouch role grant manager "$account" --template $template --requesters "$account"
done
"$VOUCH" serve >ca.log 2>&1 &
ca=$!
at_exit+=('kill $ca ${ra1:-} ${ra2:-} 2>/dev/null; wait')

# --- the registration authorities ---
for ra in ra1 ra2; do
  cat >$ra/vouch.toml <<'X'
[authority]
url = "https://ca.vouch.test:8443"
ca = "Devices"
certificate = "ra.pem"
key = "ra.key"
trust = "root.pem"
[listener.http]
enabled = false
[listener.devices]
address = "0.0.0.0:80"
serves = ["scep", "health"]
[scep.devices]
ca = "Devices"
challenge = "password"
password_file = "password"
general_template = "ScepDevice"
[scep.phones]
ca = "Devices"
challenge = "one-time"
admin_paths = ["/certsrv/mscep_admin"]
general_template = "ScepDevice"
X
  echo '[scep_ra]' >>$ra/vouch.toml
  chmod 600 $ra/ra.key
  echo secret >$ra/password
  chmod 600 $ra/password
done
echo 'renew = false' >>ra2/vouch.toml
for i in $(seq 100); do curl -sS --cacert root.pem --cert ra1/ra.pem --key ra1/ra.key https://ca.vouch.test:8443/api/v1/caller >caller 2>&1 && break; sleep 0.1; done
expect "the CA knows the host by its certificate" 0 "CN=ra" cat caller
expect "its certificates wait for approval" fail "request [0-9]+ .*waits for approval|for it waits" on ra1 "$VOUCH" scep ra issue
for id in $(vouch request list --state pending --json | sed -nE 's/.*"id": ([0-9]+).*/\1/p'); do must vouch request approve "$id"; done
expect "and are there when they are asked for again" 0 "current" on ra1 "$VOUCH" scep ra issue
echo "a password" >p12
must on ra1 "$VOUCH" scep ra export "$W/ra.p12" --password-file "$W/p12"
must on ra2 "$VOUCH" scep ra import "$W/ra-signing.p12" "$W/ra-encryption.p12" --password-file "$W/p12"
same "both hosts have the same ones" "$(on ra2 "$VOUCH" scep ra show --json | grep sha256 | sort)" "$(on ra1 "$VOUCH" scep ra show --json | grep sha256 | sort)"
start() { # RA
  # Without a shell in between, so that the process that is killed is the service's.
  ip netns exec "v$1" env VOUCH_HOME="$W/$1" "$VOUCH" serve --role ra >>"$1.log" 2>&1 &
  eval "$1=$!"
  local i n=${1#ra}
  for i in $(seq 100); do device curl -sf "http://10.61.$n.2/healthz" >/dev/null && break; sleep 0.1; done
}
start ra1

# --- one host ---
expect "devices do not reach the CA" fail "resolve|connect|route|unreachable|refused" device curl -sS --max-time 3 https://10.61.3.2:8443/
same "they reach the registration authority" "$(device curl -sS -o /dev/null -w '%{http_code}' 'http://10.61.1.2/scep/devices?operation=GetCACaps')" 200
expect "which finds everything in order" 0 "200" sh -c 'for i in $(seq 50); do c=$(ip netns exec vdev curl -sS -o ready -w "%{http_code}" http://10.61.1.2/readyz); [ $c = 200 ] && break; sleep 0.2; done; echo $c; cat ready'
openssl genrsa -traditional -out k1.pem 2048 2>/dev/null
openssl genrsa -traditional -out k2.pem 2048 2>/dev/null
must device pki --scepca --url http://10.61.1.2/scep/devices --caout ss-ca.pem --raout ss-ra.pem --outform pem --force
for file in ss-ra*.pem; do openssl x509 -in "$file" -noout -ext keyUsage | grep -q 'Key Encipherment' && ra=$file; done
enrol() { device pki --scep --url http://10.61.1.2/scep/devices --cacert-enc "$ra" --cacert-sig ss-ca.pem --outform pem "$@"; }
must enrol --in k1.pem --dn CN=phone --password secret
cp must phone.pem
expect "strongSwan enrols" 0 "phone.pem: OK" openssl verify -CAfile root.pem phone.pem
must enrol --in k2.pem --dn CN=phone --cert phone.pem --key k1.pem
cp must phone2.pem
expect "and renews" 0 "phone2.pem: OK" openssl verify -CAfile root.pem phone2.pem
serial=$(openssl x509 -in phone2.pem -noout -serial | cut -d= -f2)
expect "the CA knows who asked, and how it came" 0 "SCEP, profile devices, from 10.61.1.1, renewal" vouch why "$serial"
must vouch cert revoke "$serial" --reason superseded
expect "a revoked one renews nothing" fail . enrol --in k1.pem --dn CN=phone --cert phone2.pem --key k2.pem
expect "for that reason" 0 "RenewalCertificateRevoked" cat ra1.log
expect "another template is not this host's to use" fail "role enroller" curl -sS --fail-with-body --cacert root.pem --cert ra1/ra.pem --key ra1/ra.key \
  -H 'Content-Type: application/json' --data-binary "$(python3 -c 'import json; print(json.dumps({"ca": "Devices", "template": "ClientAuth", "request": open("ra1.csr").read()}))')" https://ca.vouch.test:8443/api/v1/requests

# --- what is refused here is found at the CA ---
expect "a wrong password is refused" fail . enrol --in k2.pem --dn CN=thief --password wrong
audited() { # ACTION PATTERN: the CA's audit log has it, within some seconds
  local i
  for i in $(seq 100); do vouch audit show --action "$1" --json >audit 2>&1; grep -qE -- "$2" audit && return; sleep 0.1; done
  return 1
}
if audited scep.refuse "code=ChallengePasswordMismatch.*client=10.61.1.1"; then ok "the CA's audit log has code and device"; else no "the CA's audit log lacks the refusal" audit; fi
expect "and which host refused" 0 'certificate:Devices/ClientAuth/CN=ra"' cat audit

# --- passwords are asked of the CA by one host, and good at the other, once ---
echo "correct horse battery" >page
must on ra1 "$VOUCH" scep user add mdm --password-file page
must vouch challenge minter add page --account "$account" --profile phones --template ScepDevice --names 'CN=*' --passwords yes
start ra2
ask_page() { ip netns exec vra1 curl -sS -w '%{stderr}%{http_code}' -u "mdm:$1" http://127.0.0.1/certsrv/mscep_admin; }
expect "nobody gets in with another password" 0 "401" ask_page wrong
once=$(ask_page "$(cat page)" 2>/dev/null | iconv -f utf-16le -t utf-8 | sed -nE 's/.*password is: *<B> *([^ <]+).*/\1/ip')
if [ ${#once} -ge 16 ]; then ok "the page gives a password"; else no "the page gives no password" ra1.log; fi
phones() { device "$VOUCH" scep enroll "http://10.61.$1.2/scep/phones" --ca-file root.pem --key "$2.key" --out "$2.pem" --subject "CN=$2" --challenge "$once"; }
expect "with which a device enrols at the other host" 0 "is in paged.pem" phones 2 paged
expect "once, wherever" fail "ChallengeReused" phones 1 again
if audited scep.page "user=mdm"; then ok "the sign-in that was refused is in the CA's audit log"; else no "the CA's audit log lacks the sign-in" audit; fi

# --- two hosts, one of which dies ---
device "$LOAD" "$COUNT" 8 secret received http://10.61.1.2/scep/devices http://10.61.2.2/scep/devices >load 2>&1 &
load=$!
for i in $(seq 600); do [ "$(wc -l 2>/dev/null <received || echo 0)" -ge $((COUNT * 2 / 5)) ] && break; sleep 0.1; done
kill -9 "$ra1"
before=$(wc -l <received)
if [ "$before" -lt "$COUNT" ]; then ok "one host dies after $before of $COUNT"; else no "one host dies when all is over"; fi
if wait $load; then ok "every device has its certificate: $(cat load)"; else no "devices without a certificate" load; fi
expect "some had to ask the other host" 0 ", [1-9][0-9]* sent again" cat load
same "each one name" "$(cut -d' ' -f1 received | sort -u | wc -l)" "$COUNT"
same "each another serial number" "$(cut -d' ' -f2 received | sort -u | wc -l)" "$COUNT"
vouch cert list --json --template ScepDevice >list 2>/dev/null || vouch cert list --json >list
python3 - <<'X' >compared
import json
issued = {}
for c in json.load(open("list"))["certificates"]:
    if c["subject"].startswith("CN=device-"):
        issued.setdefault(c["subject"][3:], []).append(c["serial"].lower())
received = dict(line.split() for line in open("received"))
print("twice", sum(len(s) > 1 for s in issued.values()))
print("lost", sum(s not in issued.get(n, []) for n, s in received.items()))
print("unknown", sum(n not in received for n in issued))
X
same "nothing is there twice, lost, or unknown to its device" "$(tr '\n' ' ' <compared)" "twice 0 lost 0 unknown 0 "
start ra1
same "the host that died is back" "$(device curl -sS -o /dev/null -w '%{http_code}' 'http://10.61.1.2/scep/devices?operation=GetCACert')" 200
kill $ca; wait $ca 2>/dev/null
same "without the CA the answer is 503" "$(head -c 300 /dev/zero | device curl -sS -o body -w '%{http_code}' 'http://10.61.2.2/scep/devices?operation=GetCACert')" 503
expect "the log says why" 0 "scep devices: .*could not be answered: .*ca.vouch.test" cat ra2.log
summary
