#!/bin/bash
# The bash completion, asked as the shell asks it, and the manual page.
. "$(dirname "$0")/lib.sh"
vouch completion bash >"$W/completion.bash"
check "bash reads the script" bash -n "$W/completion.bash"

# complete WORD...: what TAB offers at the end of the line.
complete_line() {
  bash --norc -c '
    . "$1"; shift
    compopt() { :; }
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
    _vouch
    printf "%s\n" "${COMPREPLY[@]}" | sort | paste -sd " "' - "$W/completion.bash" vouch "$@" 2>&1
}
same "the nouns" "$(complete_line "")" "audit backup ca cache cert challenge completion config crl crlsync db enrollment-agent explain gateway helper location request restore role scep serve status template trust verify version why"
same "a noun that has begun" "$(complete_line "c")" "ca cache cert challenge completion config crl crlsync"
same "the verbs of ca" "$(complete_line ca "")" "export init install key list ping renew set show sign unlock"
same "the verbs of ca key" "$(complete_line ca key "")" "list migrate"
same "and their options" "$(complete_line ca key migrate --del)" "--delete-file"
same "after options too" "$(complete_line --home /tmp cert re)" "release revoke"
same "values of an option" "$(complete_line ca init --kind "")" "root subordinate"
same "values that have begun" "$(complete_line ca init --kind s)" "subordinate"
same "options" "$(complete_line ca sign --pa)" "--path-length"
same "global options" "$(complete_line cert list --ho)" "--home"
same "shells" "$(complete_line completion z)" "zsh"
: >"$W/file.pem"
same "files as operands" "$(cd "$W" && complete_line cert show fil)" "file.pem"
same "files as values" "$(cd "$W" && complete_line ca sign x --out fil)" "file.pem"

# Every command that help lists is offered.
vouch --help | sed -n 's/^  vouch \([a-z-]*\( [a-z]*\)*\)  .*/\1/p' | sed 's/ *$//' >"$W/commands"
same "help lists commands" "$(($(wc -l <"$W/commands") > 30))" 1
while read -r noun verb inner; do
  if [ -n "$inner" ]; then
    [[ " $(complete_line "$noun" "$verb" "") " == *" $inner "* ]] || no "$noun $verb $inner is not completed"
  elif [ -n "$verb" ]; then
    [[ " $(complete_line "$noun" "") " == *" $verb "* ]] || no "$noun $verb is not completed"
  else
    [[ " $(complete_line "") " == *" $noun "* ]] || no "$noun is not completed"
  fi
  for shell in zsh fish; do
    vouch completion $shell | grep -q "${inner:-${verb:-$noun}}" || no "$shell does not know $noun $verb $inner"
  done
  vouch man | grep -qx "\.SS vouch ${noun//-/\\\\-}${verb:+ ${verb//-/\\\\-}}${inner:+ $inner}.*" || no "the manual page does not know $noun $verb"
done <"$W/commands"
[ $FAIL -eq 0 ] && ok "every command is in all three completions and in the manual page"
same "the manual page in packaging is up to date" "$(vouch man | cksum)" "$(cksum <"$ROOT/packaging/man/vouch.1")"
if command -v zsh >/dev/null; then check "zsh reads its script" zsh -n <(vouch completion zsh); fi
summary
