#!/bin/bash
# A subordinate whose parent is a service: two homes, and between them nothing but the parent's API. Signed at once for
# an administrator, after approval for others, denied, renewed; and what happens when the parent is away or not meant.
. "$(dirname "$0")/lib.sh"
need openssl curl python3 timeout
vouch() { "$VOUCH" --quiet "$@"; }
loud() { "$VOUCH" "$@"; }
P=$W/parent
at_parent() { "$VOUCH" --home "$P" "$@"; }
quietly() { "$VOUCH" --quiet --home "$P" "$@"; }

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url=https://localhost:$port
must quietly ca init --name "Root" --kind root --automatic-issuance
must quietly template publish WebServer ClientAuth
must quietly ca export --out "$W/root.pem"
cat >>"$P/vouch.toml" <<END
[tls]
issuer = "Root"
names = "localhost"
[listener.http]
enabled = false
[listener.admin]
address = "127.0.0.1:$port"
tls = true
client_certificates = "required"
serves = "api"
END
start_parent() {
  "$VOUCH" --home "$P" serve 2>>"$W/serve.log" &
  parent=$!
  for ((i = 0; i < 200; i++)); do
    curl -s --cacert "$W/root.pem" --cert "$W/ada.pem" --key "$W/ada.key" "$url/api/v1/caller" | grep -q account && return 0
    sleep 0.1
  done
  no "the parent's service starts" "$W/serve.log"
  summary
  exit 1
}
stop_parent() { kill -TERM "$parent" && wait "$parent"; }
at_exit+=('kill -9 ${parent:-} 2>/dev/null')

# Three hosts that the parent knows: one administers there, one may ask, one may do nothing.
for name in ada sub bob; do
  request "$name" "/CN=$name"
  quietly request submit "$W/$name.csr" --template ClientAuth >"$W/out" 2>&1
  must quietly request approve "$(at_parent request list --state pending --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["requests"][0]["id"])')" --out "$W/$name.pem"
done
account() { echo "certificate:Root/ClientAuth/CN=$1"; }
must quietly role grant administrator "$(account ada)"
must quietly role revoke enroller '*'
must quietly role grant enroller "$(id -un)"
must quietly role grant enroller "$(account sub)" --template SubCA
start_parent
as() { echo "--parent-certificate $W/$1.pem --parent-key $W/$1.key --parent-trust $W/root.pem"; }
ends() { openssl x509 -in "$1" -noout -ext basicConstraints | sed -n 's/.*pathlen:/pathlen /p'; }
# said NAME PATTERN: the last command said this, too.
said() { if grep -qiE -- "$2" "$W/last"; then ok "$1"; else no "$1" "$W/last"; fi; }
no_home() { if [ -e "$VOUCH_HOME" ]; then no "$1: there is a home"; else ok "$1: nothing is made"; fi; }

# --- what is refused before anything is made ---
init() { loud ca init --name Issuing --kind subordinate "$@"; }
expect "somebody without a role" 1 "'certificate:Root/ClientAuth/CN=bob' may neither sign CAs nor hand in requests.*" init --parent "$url" $(as bob)
said "with the command that mends it" "vouch role grant enroller 'certificate:Root/ClientAuth/CN=bob' --template SubCA"
expect "a template that is not published" 1 "template publish SubCA" init --parent "$url" $(as sub)
expect "a name that is not the parent's" 1 "no CA.*'Rood'" init --parent "$url" --parent-ca Rood $(as ada)
expect "a parent that is not there" 1 "asking the authority at https://localhost:1.*" init --parent https://localhost:1 $(as ada)
said "with its cause" "is vouch serve running there"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/evil.key" -out "$W/evil.pem" -subj /CN=Evil -days 1 2>/dev/null
expect "a parent that is not trusted" 1 "certificate problem|unable to get|self.signed" init --parent "$url" --parent-certificate "$W/ada.pem" --parent-key "$W/ada.key" --parent-trust "$W/evil.pem"
said "with what to look at" "--parent-trust has to be the root"
expect "a host name that the certificate lacks" 1 "127.0.0.1" init --parent "https://127.0.0.1:$port" $(as ada)
expect "a certificate from elsewhere" 1 "--parent-certificate one that a CA there issued" init --parent "$url" --parent-certificate "$W/evil.pem" --parent-key "$W/evil.key" --parent-trust "$W/root.pem"
expect "a key that is another's" 1 "is not the key of" init --parent "$url" --parent-certificate "$W/ada.pem" --parent-key "$W/bob.key" --parent-trust "$W/root.pem"
expect "without a certificate" 2 "--parent-certificate is missing" init --parent "$url"
expect "plain http" 2 "is not where a CA is asked" init --parent "http://localhost:$port" $(as ada)
expect "options of a service, for a CA at home" 2 "--parent-wait goes with a parent that is a service" init --parent Root --parent-wait 1m
no_home "after all of these"

# --- an administrator of the parent: at once ---
check "signed at once" loud ca init --name Issuing --kind subordinate --parent "$url" $(as ada) --path-length 1 --validity 3y --automatic-issuance
said "its root is shown" "Root SHA-256"
must vouch ca export --ca Issuing --out "$W/issuing.pem"
same "with the path length that was asked for" "$(ends "$W/issuing.pem")" "pathlen 1"
expect "openssl takes the CA" 0 ": OK" openssl verify -x509_strict -CAfile "$W/root.pem" "$W/issuing.pem"
must vouch template publish WebServer --ca Issuing
request web /CN=www.example.test DNS:www.example.test
must vouch request submit "$W/web.csr" --ca Issuing --template WebServer --out "$W/web.pem"
expect "and what it issues" 0 ": OK" openssl verify -x509_strict -CAfile "$W/root.pem" -untrusted "$W/issuing.pem" "$W/web.pem"
expect "the parent's log says who asked, and for whom" 0 "$(account ada) \(for $(id -un)\)" at_parent audit show --action ca.sign
expect "over the socket, the login name asks" 0 "Subordinate CA 'Local' is set up" loud ca init --name Local --kind subordinate --parent "unix:$P/run/vouch.sock"

# --- anybody else: in the queue ---
must quietly template publish SubCA
expect "path length is for administrators" 2 "--path-length is for administrators of the parent" loud ca init --name Second --kind subordinate --parent "$url" $(as sub) --path-length 0
printf '[Version]\nSignature="$Windows NT$"\n[BasicConstraintsExtension]\nPathLength=0\n' >"$W/CAPolicy.inf"
expect "a request that waits" 3 "request [0-9]+ is pending at $url" loud ca init --name Second --kind subordinate --parent "$url" $(as sub) --capolicy "$W/CAPolicy.inf"
number=$(sed -n 's/.*request \([0-9]*\) is pending.*/\1/p' "$W/last")
expect "the CA says where it waits" 0 "Parent: +CA Root at $url, asked by request $number there" loud ca show --ca Second
expect "still waiting" 3 "request $number is pending" loud ca install --from-parent
expect "it does not sign" 1 "ca install --from-parent" loud request submit "$W/web.csr" --ca Second --template WebServer
expect "waiting for a while" 3 "asking until" loud ca install --from-parent --parent-wait 2s
must quietly role grant manager mia
expect "at the parent it waits for an administrator" 0 "waits for an administrator" at_parent request show "$number"
(sleep 2; quietly request approve "$number" >"$W/approved" 2>&1) &
check "it comes while --parent-wait asks" loud ca install --from-parent --parent-wait 1m
wait $!
must vouch ca export --ca Second --out "$W/second.pem"
same "with the path length of its own CAPolicy.inf" "$(ends "$W/second.pem")" "pathlen 0"
expect "openssl takes it" 0 ": OK" openssl verify -x509_strict -CAfile "$W/root.pem" "$W/second.pem"
expect "there is nothing more to ask for" 1 "does not wait" loud ca install --from-parent --ca Second

# --- denied, and once more ---
expect "another request" 3 "pending" loud ca init --name Third --kind subordinate --parent "$url" $(as sub)
number=$(sed -n 's/.*request \([0-9]*\) is pending.*/\1/p' "$W/last")
must quietly request deny "$number" --reason "ask on paper first"
expect "is denied, with the reason" 1 "request $number .*is denied.*ask on paper first" loud ca install --from-parent
expect "and stays denied" 1 "--again" loud ca install --from-parent
expect "it can be handed in once more" 3 "pending" loud ca install --from-parent --again
again=$(sed -n 's/.*request \([0-9]*\) is pending.*/\1/p' "$W/last")
if [ -n "$again" ] && [ "$again" != "$number" ]; then ok "as a new request"; else no "as a new request" "$W/last"; fi

# --- the parent goes away, and comes back ---
must quietly request approve "$again"
stop_parent
expect "the parent is away" 1 "asking the authority at $url" loud ca install --from-parent
expect "nothing is half installed" 0 "waits for its certificate" loud ca show --ca Third
start_parent
check "when it is back, the answer is there" loud ca install --from-parent
expect "other files can be named" 1 "a CA|does not wait" loud ca install --from-parent --ca Third $(as ada)

# --- renewal ---
vouch ca export --ca Issuing --out "$W/issuing0.pem"
check "renewal, signed at once" loud ca renew --ca Issuing --new-key --parent "$url" $(as ada)
must vouch ca export --ca Issuing --out "$W/issuing1.pem"
expect "openssl takes the new one" 0 ": OK" openssl verify -x509_strict -CAfile "$W/root.pem" "$W/issuing1.pem"
expect "renewal that waits" 3 "pending" loud ca renew --ca Issuing --parent "$url" $(as sub)
number=$(sed -n 's/.*request \([0-9]*\) is pending.*/\1/p' "$W/last")
request mail /CN=mail.example.test DNS:mail.example.test
must vouch request submit "$W/mail.csr" --ca Issuing --template WebServer --out "$W/mail.pem"
expect "meanwhile it goes on with what it has" 0 ": OK" openssl verify -x509_strict -CAfile "$W/root.pem" -untrusted "$W/issuing1.pem" "$W/mail.pem"
must quietly request approve "$number"
check "the renewed one is installed" loud ca install --from-parent
must vouch ca export --ca Issuing --out "$W/issuing2.pem"
if cmp -s "$W/issuing1.pem" "$W/issuing2.pem"; then no "it is a new one"; else ok "it is a new one"; fi
expect "what was issued before is still good" 0 ": OK" openssl verify -x509_strict -CAfile "$W/root.pem" -untrusted "$W/issuing2.pem" "$W/mail.pem"
before=$(at_parent request list --json | python3 -c 'import json,sys; print(len(json.load(sys.stdin)["requests"]))')
stop_parent
expect "a renewal with the parent away" 1 "is vouch serve running" loud ca renew --ca Issuing --parent "$url" $(as ada)
expect "leaves the CA as it was" 0 "V2.1, signs" loud ca show --ca Issuing
start_parent
same "and the parent without a request" "$(at_parent request list --json | python3 -c 'import json,sys; print(len(json.load(sys.stdin)["requests"]))')" "$before"

# --- four eyes at the parent ---
must quietly role four-eyes on --template SubCA
expect "where four eyes are wanted, an administrator's own request waits, too" 3 "pending" loud ca init --name Fourth --kind subordinate --parent "$url" $(as ada)
stop_parent
same "the parent's service ends well" "$?" 0
expect "the parent's audit log is in order" 0 "in order" at_parent audit verify
summary
