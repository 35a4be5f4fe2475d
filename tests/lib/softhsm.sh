# shellcheck shell=bash
# A SoftHSM2 of the script's own: softhsm_set_up LABEL...; $TOKEN_URI names the first token, $W/pin has its PIN.
# pull_token and plug_token take all tokens away and bring them back.
SOFTHSM_MODULE=/usr/lib/softhsm/libsofthsm2.so
softhsm_set_up() {
  local label
  need softhsm2-util
  [ -f $SOFTHSM_MODULE ] || { no "there is no $SOFTHSM_MODULE (packaging/packages.sh lists the packages)"; summary; exit 1; }
  mkdir -p "$W/tokens"
  printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$W/tokens" >"$W/softhsm2.conf"
  export SOFTHSM2_CONF=$W/softhsm2.conf
  for label in "$@"; do
    must softhsm2-util --init-token --free --label "$label" --pin 4711-right --so-pin 0815-officer
  done
  echo 4711-right >"$W/pin"
  echo 4711-wrong >"$W/wrong-pin"
  TOKEN_URI="pkcs11:token=${1// /%20}?module-path=$SOFTHSM_MODULE"
}
# token_uri LABEL OBJECT
token_uri() { echo "pkcs11:token=${1// /%20};object=${2// /%20}?module-path=$SOFTHSM_MODULE"; }
pull_token() { mkdir "$W/pulled" && mv "$W/tokens"/* "$W/pulled"; }
plug_token() { mv "$W/pulled"/* "$W/tokens" && rmdir "$W/pulled"; }
