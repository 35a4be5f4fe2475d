# shellcheck shell=bash
# What the command-line tests share: a home, keys and requests made by openssl, and a CA to ask.
. "$(dirname "$0")/../lib/script.sh"
export VOUCH_HOME=$W/home
unset VOUCH_KEY_PASSPHRASE NO_COLOR SUDO_USER

# request NAME SUBJECT [SAN] [KEY OPTION]...: $W/NAME.csr and $W/NAME.key, as an administrator makes them.
request() {
  local name=$1 subject=$2 san=${3:-}
  shift 2
  [ $# -gt 0 ] && shift
  local key=("$@")
  [ ${#key[@]} -eq 0 ] && key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256)
  openssl req -new -nodes "${key[@]}" -keyout "$W/$name.key" -out "$W/$name.csr" -subj "$subject" \
    ${san:+-addext "subjectAltName=$san"} 2>"$W/openssl-req"
}

# json FILE EXPRESSION: a value out of JSON, with Python's eyes: json out.json "['request']".
json() {
  python3 -c '
import json, sys
value = eval("d" + sys.argv[2], {"d": json.load(open(sys.argv[1]))})
print("" if value is None else "\n".join(map(str, value)) if isinstance(value, list) else value)' "$1" "$2"
}

# A root, and a subordinate "Issuing" that issues by the template WebServer at once.
set_up_cas() {
  must vouch ca init --name Root --kind root --subject-suffix O=Example
  must vouch ca init --name Issuing --kind subordinate --parent Root --subject-suffix O=Example --automatic-issuance
  must vouch template publish WebServer --ca Issuing
}

# crl_pem CA FILE: the newest base CRL of a CA as PEM.
crl_pem() {
  vouch crl list --ca "$1" --json >"$W/crls.json" && openssl crl -inform DER -out "$2" \
    -in "$(json "$W/crls.json" "['crls'] and next(c for c in d['crls'] if not c['delta'])['files'][0]")"
}
