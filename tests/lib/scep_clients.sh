# SCEP with other programs' clients. Source after script.sh, in a folder of the script's own, where ca.pem is the CA that
# issues; $anchor names the file of its root where it is not the root itself. Certificates come to standard output.
#   strongswan URL KEY OPTION...            pki --scep
#   micromdm URL NAME OPTION...             scepclient, which sends single DES and SHA-1 whatever the service says
#   certmonger_session URL ARGUMENT... <<X  the commands X beside a certmonger that knows the service as the CA "vouch"
#   issued NAME FILE CN                     that CA's certificate, for that name

# The certificates of the service are asked for each time; messages are encrypted for the one that is for it.
strongswan() {
  local at=$1 key=$2 ra=ca.pem file
  shift 2
  rm -f ss-*.pem
  pki --scepca --url "$at" --caout ss-ca.pem --raout ss-ra.pem --outform pem --force >/dev/null || return
  for file in ss-ra*.pem; do
    [ -f "$file" ] && openssl x509 -in "$file" -noout -ext keyUsage | grep -q 'Key Encipherment' && ra=$file
  done
  pki --scep --url "$at" --in "$key" --cacert-enc "$ra" --cacert-sig "${anchor:-ca.pem}" ${anchor:+--cacert ca.pem} --outform pem "$@"
}

# In a folder of its own, mm-NAME, where it keeps its request: key.pem and cert.pem.
micromdm() {
  mkdir -p "mm-$2"
  (cd "mm-$2" && timeout 60 scepclient -server-url "$1" -cn "$2" -private-key key.pem -certificate cert.pem -debug "${@:3}")
}

# Its state is always in /var/lib, even in a session of its own: so the folder is this script's. What is said is in
# certmonger.out. The commands get the arguments from $2 on.
certmonger_session() {
  must mount -t tmpfs none /var/lib/certmonger
  mkdir -p /var/lib/certmonger/cas /var/lib/certmonger/requests /var/lib/certmonger/local
  {
    cat <<'X'
certmonger -s -n -d 2 >certmonger.log 2>&1 &
daemon=$!
for _ in $(seq 50); do getcert list-cas -s >/dev/null 2>&1 && break; sleep 0.1; done
getcert add-scep-ca -s -c vouch -u "$1"
X
    cat
    echo 'kill $daemon'
  } >certmonger.sh
  timeout 120 dbus-run-session -- bash certmonger.sh "$@" >certmonger.out 2>&1
}

issued() {
  expect "$1: openssl verifies the certificate" 0 "$2: OK" openssl verify -CAfile "${anchor:-ca.pem}" -untrusted ca.pem "$2"
  expect "$1: it is the device's" 0 "CN *= *$3" openssl x509 -in "$2" -noout -subject
}
