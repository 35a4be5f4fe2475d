#!/bin/bash
# A CA publishes to its own folder, to a second one and to a web server. Folder and server fail for a time: the own
# folder is not held up, a health state names each with its cause, the service brings the very octets that were
# signed once they are back, also after a kill -9 in between, and no CRL number is wasted.
. "$(dirname "$0")/../lib/script.sh"
need python3 curl openssl
export VOUCH_HOME=$W/home
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
port=$(free_port)
web_port=$(free_port)
at_exit+=('kill -9 ${service:-} ${web:-} 2>/dev/null')

cat >"$W/web.py" <<'P'
# Takes PUT into a folder, or answers what the file beside it says.
import http.server, os, sys, urllib.parse
class Web(http.server.BaseHTTPRequestHandler):
    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = int(open("answer").read())
        if status == 201:
            with open(os.path.basename(urllib.parse.unquote(self.path)), "wb") as file: file.write(body)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *unused): pass
os.chdir(sys.argv[2])
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Web).serve_forever()
P
start_web() {
  python3 "$W/web.py" "$web_port" "$W/www" &
  web=$!
  for ((i = 0; i < 100; i++)); do
    [ "$(curl --silent --noproxy '*' -o "$W/unused" -w '%{http_code}' "http://127.0.0.1:$web_port/")" = 501 ] && return
    sleep 0.05
  done
  no "the web server starts"
}
ready() { curl --silent --noproxy '*' --max-time 5 "http://127.0.0.1:$port/readyz"; }
# until_ready NAME PATTERN [SECONDS]: /readyz says it.
until_ready() {
  for ((i = 0; i < ${3:-30} * 5; i++)); do
    if ready >"$W/ready" && grep -qE -- "$2" "$W/ready"; then ok "$1"; return; fi
    sleep 0.2
  done
  no "$1" "$W/ready"
}
# until_same NAME FILE SECONDS: it has the octets of the CA's own folder.
until_same() {
  for ((i = 0; i < $3 * 5; i++)); do
    if cmp -s "$own" "$2"; then ok "$1"; return; fi
    sleep 0.2
  done
  no "$1"
}
start_service() {
  "$VOUCH" serve 2>>"$W/serve.log" &
  service=$!
  for ((i = 0; i < 200; i++)); do ready >/dev/null && return; sleep 0.05; done
  no "the service starts" "$W/serve.log"
}
number() { openssl crl -inform DER -in "$own" -noout -crlnumber | sed 's/.*0x//'; }
state() { # a value of the target whose name ends like that
  vouch crl list --targets --json | python3 -c '
import json, sys
print(next(t[sys.argv[2]] for t in json.load(sys.stdin)["targets"] if t["target"].endswith(sys.argv[1])))' "$1" "$2"
}

mkdir "$W/second" "$W/www"
echo 201 >"$W/www/answer"
start_web
must vouch ca init --name CA --kind root --automatic-issuance
must vouch template publish WebServer
must vouch config set listener.http.address "127.0.0.1:$port"
must vouch location set --cdp "1:$VOUCH_HOME/published/%3%8%9.crl" "1:$W/second/%3%8%9.crl" "7:http://127.0.0.1:$web_port/%3%8%9.crl"
own=$VOUCH_HOME/published/CA.crl
must openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/leaf.key" -out "$W/leaf.csr" -subj /CN=a.example.com -addext subjectAltName=DNS:a.example.com
must vouch request submit "$W/leaf.csr" --template WebServer --out "$W/leaf.pem"
check "a CRL goes to all three places" vouch crl publish
until_same "the second folder has it" "$W/second/CA.crl" 1
until_same "the web server has it" "$W/www/CA.crl" 1
start_service
until_ready "the service is ready" '"ready": true'
expect "each place is a health state" 0 "publication to $W/second/CA.crl" ready

# --- both fail ---
mv "$W/second" "$W/unplugged"
echo 503 >"$W/www/answer"
before=$((0x$(number)))
must vouch cert revoke "$W/leaf.pem" --reason keyCompromise
expect "publishing names what failed" 1 "could not be written to http://127.0.0.1:$web_port/CA.crl: .*answers 503" vouch crl publish
expect "both" 0 "/second/CA.crl +[0-9]+ .*CRL [0-9]+ failed: .*No such file" vouch crl list --targets
same "the own folder has the new CRL" $((0x$(number))) $((before + 1))
same "with the revocation" "$(openssl crl -inform DER -in "$own" -noout -text | grep -c 'Serial Number')" 1
until_ready "the folder's state has the cause" "publication to $W/second/CA.crl.*\"ok\": false.*No such file"
until_ready "and what to do" "is the folder there"
until_ready "the server's as well" "publication to http://127.0.0.1:$web_port/CA.crl.*\"ok\": false.*answers 503"
same "other states are good" "$(grep -o '"ok": false' "$W/ready" | wc -l)" 2
expect "other routes answer" 0 "^200$" curl --silent --noproxy '*' -o "$W/unused" -w '%{http_code}\n' "http://127.0.0.1:$port/healthz"
vouch status --offline >"$W/status"
same "vouch status ends with 4" $? 4
expect "and names the places" 0 "Not published +published to $W/second/CA.crl.* failures in a row" cat "$W/status"

# --- killed in between ---
kill $web
wait $web 2>/dev/null
kill -9 $service
wait $service 2>/dev/null
failures=$(state "/second/CA.crl" failures)
same "failures are counted" $((failures >= 1)) 1
start_service
same "a restart forgets nothing" $(($(state "/second/CA.crl" failures) >= failures)) 1

# --- back again ---
mv "$W/unplugged" "$W/second"
until_same "the folder catches up by itself" "$W/second/CA.crl" 100
until_ready "its state is good" "publication to $W/second/CA.crl\", *\"ok\": true|publication to $W/second/CA.crl\",\"ok\":true" 20
expect "the server's is not" 0 "\"ok\": false.*publication|publication.*\"ok\": false" ready
echo 201 >"$W/www/answer"
start_web
until_same "the web server catches up by itself" "$W/www/CA.crl" 200
until_ready "the service is ready again" '"ready": true' 20
same "with the CRL that was signed then" $((0x$(number))) $((before + 1))
same "no number was wasted" "$(vouch crl list --json | python3 -c 'import json, sys; print(max(c["number"] for c in json.load(sys.stdin)["crls"]))')" $((before + 1))
check "the audit log is whole" vouch audit verify
summary
