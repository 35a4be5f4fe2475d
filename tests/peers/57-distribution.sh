#!/bin/bash
# openssl, curl and gnutls fetch CRL and CA certificate from the service, at the URLs that a certificate itself carries.
. "$(dirname "$0")/../lib/own_network.sh"
. "$(dirname "$0")/../cli/lib.sh"
need openssl curl certtool ip

must vouch ca init --name "Web Root" --kind root --automatic-issuance
must vouch location set --cdp "65:$VOUCH_HOME/published/%3%8%9.crl" "6:http://127.0.0.1:18081/pki/%3%8%9.crl"
must vouch location set --aia "1:$VOUCH_HOME/published/%3%4.crt" "2:http://127.0.0.1:18081/pki/%3%4.crt"
must vouch template publish WebServer
request a "/CN=a.vouch.test" "DNS:a.vouch.test"
must vouch request submit "$W/a.csr" --template WebServer --out "$W/a.pem"
must vouch ca export --out "$W/root.pem"
must vouch crl schedule --delta 24h
must vouch crl publish
must vouch config set listener.http.address 127.0.0.1:18081
"$VOUCH" serve >"$W/serve.log" 2>&1 & # not the function: a shell around it would get the signals
server=$!
at_exit+=('kill $server 2>/dev/null; wait 2>/dev/null')
for _ in $(seq 100); do curl -sf http://127.0.0.1:18081/healthz >/dev/null && break; sleep 0.1; done

crl_url=$(openssl x509 -in "$W/a.pem" -noout -ext crlDistributionPoints | sed -n 's/.*URI://p')
aia_url=$(openssl x509 -in "$W/a.pem" -noout -ext authorityInfoAccess | sed -n 's/.*CA Issuers - URI://p')
expect "openssl takes the CRL from the certificate's URL" 0 'a.pem: OK' \
  openssl verify -crl_check -crl_download -CAfile "$W/root.pem" "$W/a.pem"
same "the CRL has its media type" application/pkix-crl "$(curl -s -o "$W/base.crl" -w '%{content_type}' "$crl_url")"
same "the CA certificate has its media type" application/pkix-cert "$(curl -s -o "$W/ca.crt" -w '%{content_type}' "$aia_url")"
same "the CA certificate is the one that signed" "$(openssl x509 -in "$W/root.pem" -noout -fingerprint -sha256)" \
  "$(openssl x509 -inform DER -in "$W/ca.crt" -noout -fingerprint -sha256)"
expect "gnutls verifies the CRL with the fetched certificate" 0 'verified' \
  certtool --verify-crl --inder --infile "$W/base.crl" --load-ca-certificate "$W/ca.crt"
delta_url=$(openssl crl -inform DER -in "$W/base.crl" -noout -text | sed -n '/Freshest CRL/,$s/.*URI://p' | head -1)
curl -s -o "$W/delta.crl" "$delta_url"
expect "the URL in the base CRL gives the delta" 0 'Delta CRL Indicator: critical' \
  openssl crl -inform DER -in "$W/delta.crl" -noout -text

etag=$(curl -sI "$crl_url" | tr -d '\r' | sed -n 's/^ETag: //p')
same "curl need not fetch what it has" 304 "$(curl -s -o "$W/none" -w '%{http_code}' -H "If-None-Match: $etag" "$crl_url")"
same "a POST is refused" 405 "$(curl -s -o "$W/none" -w '%{http_code}' -d x "$crl_url")"
same "what nobody published is not found" 404 "$(curl -s -o "$W/none" -w '%{http_code}' http://127.0.0.1:18081/etc/passwd)"

must vouch cert revoke "$(openssl x509 -in "$W/a.pem" -noout -serial | cut -d= -f2)" --reason keyCompromise
must vouch crl publish
for _ in $(seq 50); do
  now=$(curl -sI "$crl_url" | tr -d '\r' | sed -n 's/^ETag: //p')
  [ "$now" != "$etag" ] && break
  sleep 0.1
done
expect "after the next publication openssl refuses the certificate" fail 'certificate revoked' \
  openssl verify -crl_check -crl_download -CAfile "$W/root.pem" "$W/a.pem"
mv "$VOUCH_HOME/published" "$VOUCH_HOME/away"
same "the CRL is answered while its folder is gone" 200 "$(curl -s -o "$W/none" -w '%{http_code}' "$crl_url")"
mv "$VOUCH_HOME/away" "$VOUCH_HOME/published"
summary
