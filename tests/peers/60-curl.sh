#!/bin/bash
# curl, as a client that is not ours, against the HTTP server.
. "$(dirname "$0")/../lib/script.sh"
need curl openssl
HTTP_SERVER=${HTTP_SERVER:-$(dirname "$VOUCH")/http_server}

# serve NAME [ARGUMENT]...: starts a server; its address is in $W/NAME.port, its input in descriptor $in.
serve() {
  local name=$1
  shift
  mkfifo "$W/$name.in"
  "$HTTP_SERVER" 0 "$@" <"$W/$name.in" >"$W/$name.port" 2>"$W/$name.log" &
  exec {in}>"$W/$name.in"
  local i
  for ((i = 0; i < 100; i++)); do
    [ -s "$W/$name.port" ] && return 0
    sleep 0.05
  done
  no "cannot go on: the server does not start" "$W/$name.log"
  summary
  exit 1
}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/key.pem" -out "$W/cert.pem" -days 2 \
  -subj "/CN=localhost" -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" 2>"$W/openssl.log" || no "openssl req" "$W/openssl.log"
serve plain 2048
plain_in=$in plain_pid=$!
serve tls 2048 "$W/cert.pem" "$W/key.pem"
tls_in=$in tls_pid=$!
at_exit+=("kill $plain_pid $tls_pid 2>/dev/null")
head -c 900000 /dev/urandom >"$W/body"

for kind in plain tls; do
  base=http://127.0.0.1:$(cat "$W/$kind.port")
  options=(--silent --show-error --max-time 20 --noproxy '*')
  if [ $kind = tls ]; then
    base=https://localhost:$(cat "$W/$kind.port")
    options+=(--cacert "$W/cert.pem")
  fi
  ask() { curl "${options[@]}" "$@"; }
  # status NAME WANTED ARGUMENT...
  status() {
    local name=$1 wanted=$2
    shift 2
    same "$kind: $name" "$(ask -o "$W/out" -w '%{http_code}' "$@" 2>"$W/curl.log")" "$wanted"
  }
  status "GET" 200 "$base/file"
  same "$kind: the whole body" "$(wc -c <"$W/out")" 2048
  status "HTTP/1.0" 200 --http1.0 "$base/file"
  status "HEAD" 200 --head "$base/file"
  expect "$kind: HEAD tells the length" 0 "content-length: 2048" ask --head "$base/file"
  status "POST with a length, after 100 Continue" 200 -H 'Expect: 100-continue' --data-binary "@$W/body" "$base/echo"
  check "$kind: what was posted comes back" cmp "$W/body" "$W/out"
  status "POST in chunks" 200 -H 'Transfer-Encoding: chunked' --data-binary "@$W/body" "$base/echo"
  check "$kind: the chunks come back" cmp "$W/body" "$W/out"
  status "a query of 65,534 octets" 200 "$base/file?$(head -c 65534 /dev/zero | tr '\0' q)"
  status "a query of 65,535 octets" 414 "$base/file?$(head -c 65535 /dev/zero | tr '\0' q)"
  status "a body that is too large" 413 --data-binary "@$W/body" --data-binary "@$W/body" "$base/echo"
  status "nothing there" 404 "$base/none"
  status "another method" 405 -X DELETE "$base/file"
  status "metrics" 200 "$base/metrics"
  check "$kind: metrics count" grep -q 'vouch_http_answers_total{status="200"} ' "$W/out"
  expect "$kind: one connection for three requests" 0 "^1 0 0 $" \
    ask -o /dev/null -o /dev/null -o /dev/null -w '%{num_connects} ' "$base/file" "$base/file" "$base/file"
done
base=https://localhost:$(cat "$W/tls.port")
expect "TLS 1.3 and HTTP/1.1 by ALPN" 0 "ALPN.*http/1.1" curl --verbose --silent --cacert "$W/cert.pem" --noproxy '*' -o /dev/null "$base/file"
expect "TLS 1.2" 0 "TLSv1.2" curl --verbose --silent --tls-max 1.2 --cacert "$W/cert.pem" --noproxy '*' -o /dev/null "$base/file"
expect "no TLS 1.1" fail "protocol|version|alert" openssl s_client -connect "127.0.0.1:$(cat "$W/tls.port")" -tls1_1 -cipher ALL:@SECLEVEL=0 </dev/null
expect "a client that speaks HTTP/2 only gets the alert of RFC 7301" fail "no application protocol" \
  openssl s_client -connect "127.0.0.1:$(cat "$W/tls.port")" -alpn h2 </dev/null
expect "an unknown issuer" 60 "self-signed|certificate" curl --silent --show-error --noproxy '*' "$base/file"
exec {plain_in}>&- {tls_in}>&-
wait "$plain_pid"
same "the server stops cleanly" "$?" 0
summary
