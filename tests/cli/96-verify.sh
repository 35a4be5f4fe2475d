#!/bin/bash
# vouch verify, trust and cache as an administrator meets them: without a network, with CRLs at hand.
. "$(dirname "$0")/lib.sh"
need openssl python3
set_up_cas
must vouch template publish ClientAuth --ca Issuing
for name in good revoked; do
  request $name /CN=$name.example.com DNS:$name.example.com
  must vouch request submit "$W/$name.csr" --ca Issuing --template WebServer --out "$W/$name.pem"
done
must vouch cert revoke "$W/revoked.pem" --reason keyCompromise
must vouch crl schedule --ca Issuing --delta off # an announced delta would have to be there, too
must vouch crl publish --ca Issuing
must vouch crl publish --ca Root
for ca in Root Issuing; do
  must vouch ca export --ca $ca --out "$W/${ca,,}.pem"
  crl_pem $ca "$W/${ca,,}.crl"
done
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/stranger.key" -out "$W/stranger.pem" -days 10 -subj /CN=stranger

crls=(--crl "$W/root.crl" --crl "$W/issuing.crl")
line=(--trust "$W/root.pem" --chain "$W/issuing.pem" --profile logon --purpose server)
expect "a good one" 0 "good.pem: accepted, trusted by .*root.pem" vouch verify "$W/good.pem" "${line[@]}" "${crls[@]}"
expect "a revoked one: 4, with the number" 4 "refused: Certificate has been revoked.*revocation.revoked, AADSTS500171" vouch verify "$W/revoked.pem" "${line[@]}" "${crls[@]}"
expect "several: 4 when one is refused" 4 "good.pem: accepted" vouch verify "$W/good.pem" "$W/revoked.pem" "${line[@]}" "${crls[@]}"
expect "the story" 0 "chain as built" vouch verify "$W/good.pem" "${line[@]}" "${crls[@]}" --explain
for part in "chain as sent" "trust ends" "crl"; do
  if grep -q "$part" "$W/last"; then ok "  has: $part"; else no "  lacks: $part" "$W/last"; fi
done
expect "the host it is for" 0 accepted vouch verify "$W/good.pem" "${line[@]}" "${crls[@]}" --host good.example.com
expect "another host" 4 "name.host_mismatch" vouch verify "$W/good.pem" "${line[@]}" "${crls[@]}" --host evil.example.com
expect "another purpose" 4 "purpose.missing" vouch verify "$W/good.pem" --trust "$W/root.pem" --chain "$W/issuing.pem" --purpose code "${crls[@]}"
expect "in 2030" 4 "AADSTS500172" vouch verify "$W/good.pem" "${line[@]}" "${crls[@]}" --at 2030-01-01
expect "without its chain" 4 "AADSTS500176" vouch verify "$W/good.pem" --trust "$W/root.pem" --purpose server "${crls[@]}"
expect "a stranger" 4 "path\." vouch verify "$W/stranger.pem" "${line[@]}" "${crls[@]}"
expect "without asking about revocation" 0 accepted vouch verify "$W/revoked.pem" "${line[@]}" --revocation off
expect "an old CRL is not used, and said so" 4 "is not used" vouch verify "$W/good.pem" "${line[@]}" --crl "$W/root.crl" --crl "$W/issuing.crl" --at 2020-01-01
vouch verify "$W/revoked.pem" "${line[@]}" "${crls[@]}" --json >"$W/o"
same "--json has the number" "$(json "$W/o" "['decisions'][0]['code']")" 500171
same "  and our name" "$(json "$W/o" "['decisions'][0]['name']")" revocation.revoked
expect "what the number means" 0 "revocation.revoked" vouch explain AADSTS500171
expect "a purpose that there is not" 2 "purpose" vouch verify "$W/good.pem" --purpose everything
expect "a profile that there is not" 1 "nothing" vouch verify "$W/good.pem" --trust "$W/root.pem" --profile nothing
printf 'base = "cba"\n' >"$W/strict.toml"
expect "a profile of a file" 4 "refused" vouch verify "$W/good.pem" --trust "$W/root.pem" --chain "$W/issuing.pem" --profile "$W/strict.toml"

# --- the list of trusted issuers
export VOUCH_HOME=$W/party
expect "without a home it says how to make one" 1 "vouch trust add" vouch trust list
mkdir "$VOUCH_HOME"
expect "nobody at first" 0 "nobody is trusted" vouch trust list
expect "a root and an intermediate" 0 "trusted: CN=Issuing,O=Example \(intermediate\)" vouch trust add "$W/root.pem" "$W/issuing.pem" --label "our PKI"
expect "they are there" 0 "CN=Root,O=Example +root +list +our PKI" vouch trust list
expect "now verify needs no files" 0 "accepted, trusted by list" vouch verify "$W/good.pem" --profile logon --purpose server --revocation off
expect "a delta URL without a base URL is refused" fail "delta" vouch trust set CN=Issuing,O=Example --delta-crl http://pki.example.com/d.crl
expect "URLs of CRLs" 0 "is changed" vouch trust set CN=Issuing,O=Example --crl http://pki.example.com/i.crl --delta-crl http://pki.example.com/d.crl
expect "  are shown" 0 "http://pki.example.com/d.crl" vouch trust show CN=Issuing,O=Example
expect "another scheme is refused" fail "ldap|http" vouch trust set CN=Issuing,O=Example --crl ldap://pki.example.com/
expect "distrust from a day on" 0 "is changed" vouch trust set CN=Root,O=Example --distrusted-after 2020-01-01
expect "  refuses what was issued later" 4 "AADSTS500176" vouch verify "$W/good.pem" --profile logon --purpose server --revocation off
must vouch trust set CN=Root,O=Example --distrusted-after never
expect "removing says whom it affects" 0 "without a way to a root now: CN=Issuing,O=Example" vouch trust remove CN=Root,O=Example
expect "  and holds at once" 4 "AADSTS500176" vouch verify "$W/good.pem" --profile logon --purpose server --revocation off
expect "somebody who is not there" 1 "not_found" vouch trust remove CN=Nobody
expect "no certificate, no trust" fail "certificate" vouch trust add "$W/good.csr"
expect "an empty cache" 0 "no CRLs are cached" vouch cache list
expect "a URL that does not answer" 1 "127.0.0.1:9" bash -c "'$VOUCH' trust set CN=Issuing,O=Example --delta-crl none --crl http://127.0.0.1:9/i.crl && '$VOUCH' cache refresh"
# --- a cache whose files were damaged
mkdir "$W/www"
openssl crl -in "$W/issuing.crl" -outform DER -out "$W/www/i.crl"
python3 -u -c '
import functools, http.server, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
print(server.server_port)
server.serve_forever()' "$W/www" >"$W/port" 2>"$W/www.log" &
at_exit+=("kill $! 2>/dev/null; wait 2>/dev/null")
for _ in $(seq 100); do [ -s "$W/port" ] && break; sleep 0.1; done
at="http://127.0.0.1:$(cat "$W/port")/i.crl"
must vouch trust set CN=Issuing,O=Example --delta-crl none --crl "$at"
expect "a CRL is fetched" 0 "i.crl: CRL 0x" vouch cache refresh
expect "  and listed" 0 "CN=Issuing,O=Example .*$at" vouch cache list
vouch cache list --json >"$W/o"
crl_line=$(json "$W/o" "['crls'][0]['line']")
printf '{"issuer": ' >"$VOUCH_HOME/cache/crls/$crl_line.json"
expect "a line that cannot be read is listed" 0 "${crl_line:0:16} .*damaged" vouch cache list
expect "  with what to do" 0 "vouch cache forget LINE" vouch cache list
expect "  and is not begun anew by itself" 1 "$crl_line" vouch cache refresh
expect "a line that there is not" 1 "not_found" vouch cache forget 0000000000
expect "forgetting it" 0 "whatever its number" vouch cache forget "${crl_line:0:12}"
expect "  begins it anew" 0 "i.crl: CRL 0x" vouch cache refresh
expect "clearing it" 0 "the highest numbers are kept" vouch cache clear
expect "  a line without its CRL is listed with its number" 0 "${crl_line:0:16} .*cleared" vouch cache list
expect "without a gateway the tools say how to start one" 1 "serve --role gateway" vouch gateway status
expect "a gateway for other hosts is refused" 2 "to other hosts" bash -c "printf '[listener.http]\naddress = \"0.0.0.0:18099\"\nserves = [\"gateway\"]\n' >'$VOUCH_HOME/vouch.toml'; timeout 20 '$VOUCH' serve --role gateway"
summary
