# The Debian packages that Vouch needs, in one place. Sourced by ./test, ./quickstart and .ci/run; lines are
# kept short so that a change of one package is a change of one line.

# To build the program.
packages_build=(
  g++
  cmake
  ninja-build
  libfmt-dev
  libssl-dev
  libsqlite3-dev
  libp11-kit-dev          # pkcs11.h
  libseccomp-dev          # what the signer process may ask of the kernel
  libboost1.81-dev        # Boost.JSON, Asio and Beast, headers only
  libcurl4-openssl-dev
  libtomlplusplus-dev
  libutf8proc-dev         # names are compared in their normalized form
)

# ./quickstart checks its result with openssl, asks the API with curl, and enrols with strongSwan's SCEP client.
packages_quickstart=(
  "${packages_build[@]}"
  openssl
  curl
  python3
  strongswan-pki                 # pki --scep
  libstrongswan-standard-plugins # elliptic curves
  libstrongswan-extra-plugins    # curl
)

# ./test
packages_test=(
  "${packages_quickstart[@]}"
  libgtest-dev
  libgmock-dev
  xz-utils                       # BetterTLS, of the further suites
  softhsm2                       # a PKCS #11 token in software
  opensc                         # pkcs11-tool
  gnutls-bin                     # certtool
  python3-cryptography-vectors   # NIST PKITS and real certificates
  mold                           # links some sixty programs in a tenth of the time
)

# ./test --all
packages_all=(
  "${packages_test[@]}"
  python3-cryptography
  python3-jsonschema             # holds the API's answers against its description
  golang-go
  clang-19
  clang-tidy-19
  clang-format-19
  libclang-rt-19-dev
  util-linux
  e2fsprogs                      # a file system that goes read-only
  xxd
  mount
  systemd                        # systemd-analyze
  charon-systemd                 # strongSwan
  strongswan-swanctl
  scep                           # SCEP clients: micromdm's scepclient,
  golang-github-micromdm-scep-dev  # and the library of a Go client,
  certmonger                     # getcert
  dbus-daemon                    # for certmonger
  iproute2
  faketime                       # a clock that is set back
  nginx                          # OCSP stapling, client certificates
  haproxy                        # in front of SCEP
  openvpn
  freeradius                     # Wi-Fi by certificate, with
  eapoltest                      # its client
  krb5-kdc                       # smart-card logon: the KDC,
  krb5-admin-server              # kadmin.local,
  krb5-pkinit                    # certificates,
  krb5-user                      # kinit
  postgresql                     # client certificates
)

# Only for ./test --fuzz, which needs no peers.
packages_fuzz=(
  "${packages_test[@]}"
  clang-19
  libclang-rt-19-dev
)

# missing_packages NAME...: prints those that are not installed.
missing_packages() {
  local name
  for name in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || printf '%s\n' "$name"
  done
}

# need_packages NAME...: installs what is missing; says what to do where it cannot.
need_packages() {
  local missing
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "note: this is no Debian: make sure that there is what these packages hold: $*" >&2
    return 0
  fi
  mapfile -t missing < <(missing_packages "$@")
  [ ${#missing[@]} -eq 0 ] && return 0

  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      printf 'error: these packages are missing: %s\n  as root, run: apt-get install -y --no-install-recommends %s\n' \
        "${missing[*]}" "${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  echo "installing ${#missing[@]} packages: ${missing[*]}"
  local log
  log=$(mktemp)
  if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive sh -c \
    'apt-get -q update && exec apt-get -q -y --no-install-recommends install "$@"' sh "${missing[@]}" >"$log" 2>&1; then
    tail -20 "$log" >&2
    echo "error: apt-get could not install: ${missing[*]} (whole output: $log)" >&2
    return 1
  fi
  rm -f "$log"
}
