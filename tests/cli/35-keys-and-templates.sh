#!/bin/bash
# Keys that other programs made and nobody should use; templates that are copied, tried and replaced.
. "$(dirname "$0")/lib.sh"
need openssl python3
data=$(cd "$(dirname "$0")/../.." && pwd)/testdata/keys
set_up_cas

refused() { # NAME RULE FILE
  vouch request submit "$3" --ca Issuing --template "${4:-WebServer}" >"$W/out" 2>"$W/err"
  same "$1: ends with 1" $? 1
  if grep -q "$2" "$W/err"; then ok "$1: says $2"; else no "$1: does not say $2" "$W/err"; fi
}
# csr NAME KEY: a request with an existing key.
csr() { openssl req -new -key "$2" -out "$W/$1.csr" -subj "/CN=$1.example.com" -addext "subjectAltName=DNS:$1.example.com" 2>"$W/openssl-req"; }

openssl genrsa -3 -out "$W/three.key" 2048 2>"$W/openssl-genrsa" || openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:3 -out "$W/three.key"
csr three "$W/three.key"
refused "exponent 3" key.small_exponent "$W/three.csr"

# Two primes next to each other, put together by Python and read by openssl.
python3 - "$W" <<'X'
import random, sys
def prime(n, k=24):
    for p in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37):
        if n % p == 0: return n == p
    d, s = n - 1, 0
    while d % 2 == 0: d //= 2; s += 1
    for _ in range(k):
        x = pow(random.randrange(2, n - 1), d, n)
        if x in (1, n - 1): continue
        for _ in range(s - 1):
            x = x * x % n
            if x == n - 1: break
        else: return False
    return True
def after(n):
    n |= 1
    while not prime(n): n += 2
    return n
while True:
    p = after(random.getrandbits(1024) | 3 << 1022)
    q = after(p + 2)
    if p * q >> 2047 and (p - 1) % 65537 and (q - 1) % 65537: break
e = 65537
d = pow(e, -1, (p - 1) * (q - 1))
open(sys.argv[1] + "/close.cnf", "w").write(f"""asn1=SEQUENCE:k
[k]
v=INTEGER:0
n=INTEGER:{hex(p * q)}
e=INTEGER:{e}
d=INTEGER:{hex(d)}
p=INTEGER:{hex(q)}
q=INTEGER:{hex(p)}
dp=INTEGER:{hex(d % (q - 1))}
dq=INTEGER:{hex(d % (p - 1))}
i=INTEGER:{hex(pow(p, -1, q))}
""")
X
openssl asn1parse -genconf "$W/close.cnf" -noout -out "$W/close.der" && openssl pkey -inform DER -in "$W/close.der" -out "$W/close.key" 2>/dev/null ||
  openssl rsa -inform DER -in "$W/close.der" -out "$W/close.key" 2>/dev/null
csr close "$W/close.key"
refused "close primes" key.close_primes "$W/close.csr"

mkdir "$W/lists"
openssl rsa -noout -modulus -in "$data/debian-weak-2048.key" 2>/dev/null | sha1sum | cut -c 21-40 >"$W/lists/blacklist.RSA-2048"
csr weak "$data/debian-weak-2048.key"
must vouch config set keys.blocklists "$W/lists"
refused "a key of Debian's weak generator" key.blocklist "$W/weak.csr"

request stolen /CN=stolen.example.com DNS:stolen.example.com
must vouch request submit "$W/stolen.csr" --ca Issuing --template WebServer --out "$W/stolen.pem"
must vouch cert revoke "$W/stolen.pem" --ca Issuing --reason keyCompromise
refused "a compromised key" key.compromised "$W/stolen.csr"
request mine /CN=mine.example.com DNS:mine.example.com
must vouch request submit "$W/mine.csr" --ca Issuing --template WebServer --out "$W/mine.pem"
csr other "$W/mine.key"
refused "the key of another subject" key.reuse "$W/other.csr"
expect "what to do about it" 0 "key_reuse" vouch explain key.reuse

must vouch config set issuance.protected_names "update.example.com"
request update /CN=update.example.com DNS:update.example.com
vouch request submit "$W/update.csr" --ca Issuing --template WebServer >"$W/out" 2>"$W/err"
same "a protected name waits" $? 3

expect "a template is copied" 0 "Intranet" vouch template add Intranet --from WebServer
expect "and changed" 0 "100.1" vouch template set Intranet 'supersedes=["WebServer"]' 'issuance.policies=["1.2.3.4 cps=https://pki.example.com/cps"]'
request fresh /CN=fresh.example.com DNS:fresh.example.com
vouch template test Intranet "$W/fresh.csr" --ca Issuing --out "$W/dry.pem" >"$W/out" 2>"$W/err"
same "a dry run says what a submission would" $? 0
if openssl x509 -in "$W/dry.pem" -noout -text | grep -q "Policy: 1.2.3.4"; then ok "openssl finds the policy in it"; else no "no policy" "$W/err"; fi
vouch ca export --ca Issuing --out "$W/ca.pem"
if openssl verify -partial_chain -trusted "$W/ca.pem" "$W/dry.pem" >"$W/out" 2>&1; then no "the dry run verifies" "$W/out"; else ok "openssl does not take it for the CA's"; fi
must vouch template publish Intranet --ca Issuing
refused "a template that is replaced" template.superseded "$W/fresh.csr"
must vouch request submit "$W/fresh.csr" --ca Issuing --template Intranet --out "$W/fresh.pem"
expect "an old version is shown" 0 'validity = "1y"' vouch template show Intranet --version 100.0
expect "the history lists both" 0 "100.1" vouch template history Intranet
expect "as a directory would show it" 0 "msPKI-Certificate-Policy: 1.2.3.4" vouch template show Intranet --attributes
summary
