#!/bin/bash
# The audit log as an auditor meets it: what is in it, that a change of it is found, that nothing happens without
# it. The tree and the signature are computed once more by other programs.
. "$(dirname "$0")/lib.sh"
need openssl python3
set_up_cas

request www /CN=www.example.com DNS:www.example.com
request small /CN=small.example.com DNS:small.example.com -newkey rsa:1024
must vouch request submit "$W/www.csr" --template WebServer --ca Issuing --out "$W/www.pem"
vouch request submit "$W/small.csr" --template WebServer --ca Issuing >"$W/out" 2>&1
must vouch cert revoke "$W/www.pem" --reason keyCompromise
must vouch crl publish --ca Issuing

must vouch audit export --out "$W/audit.jsonl"
has() { python3 -c '
import json, sys
want = dict(word.split("=", 1) for word in sys.argv[2:])
entries = [json.loads(line) for line in open(sys.argv[1])]
sys.exit(not any(all(part in str(entry[key]) for key, part in want.items()) for entry in entries))' "$W/audit.jsonl" "$@"; }
me=$(id -un)
check "the set-up is in the log" has actor="$me" action=ca.init ca=Root outcome=done
check "the parent's signature" has action=ca.sign ca=Root outcome=done
check "the published template" has action=template.publish ca=Issuing object="template WebServer"
check "the issued certificate, with serial and hash" has action=request.submit outcome=done details=tbs_sha256=
check "the denied request, with its rule" has action=request.submit outcome=denied details=rule=key.size
check "the revocation, with its reason" has action=cert.revoke details=reason=keyCompromise
check "the CRL, with its hash" has action=crl.publish ca=Issuing details=sha256=
check "the roles that the first set-up gave" has action=role.grant object="principal $me" details=role=administrator
check "nothing secret" bash -c '! grep -qiE "PRIVATE|passphrase" "$1"' - "$W/audit.jsonl"

# A head, taken away.
must vouch audit head --out "$W/kept.head"
expect "it verifies" 0 "the audit log is in order" vouch audit verify --head "$W/kept.head"
must vouch audit export --out "$W/audit.jsonl"
python3 - "$W/audit.jsonl" "$W/kept.head" <<'PY' >"$W/out" 2>&1
# RFC 9162 2.1.1, from the documented encoding of an entry.
import base64, hashlib, json, sys
entries = [json.loads(line) for line in open(sys.argv[1])]
head = open(sys.argv[2], encoding="utf-8").read().split("\n")
def leaf(e):
    fields = ["vouch-audit-1", str(e["sequence"]), e["time"], e["actor"], e["action"], e["ca"], e["object"],
              e["details"], e["outcome"]]
    text = b"".join(b"%d:%s" % (len(f.encode()), f.encode()) for f in fields)
    return hashlib.sha256(b"\0" + text).digest()
def tree(leaves):
    if len(leaves) == 1: return leaves[0]
    k = 1
    while k * 2 < len(leaves): k *= 2
    return hashlib.sha256(b"\1" + tree(leaves[:k]) + tree(leaves[k:])).digest()
assert [e["sequence"] for e in entries] == list(range(1, len(entries) + 1))
assert all(leaf(e).hex() == e["leaf"] for e in entries), "a leaf"
assert int(head[1]) == len(entries), "the size"
assert tree([leaf(e) for e in entries]) == base64.b64decode(head[2]), "the root"
print("same root")
PY
same "another program computes the same tree" "$(cat "$W/out")" "same root"

# The signature, by OpenSSL; the key's name in the head by Python (signed note: SHA-256(name LF 1 key)).
vouch audit key --json >"$W/key.json"
python3 - "$W" <<'PY' >"$W/out" 2>&1
import base64, hashlib, json, sys
w = sys.argv[1]
key = base64.b64decode(json.load(open(w + "/key.json"))["keys"][0]["public_key"])
text, last = open(w + "/kept.head", encoding="utf-8").read().split("\n\n")
dash, name, signature = last.strip().split(" ")
signature = base64.b64decode(signature)
assert dash == "\u2014" and name == text.split("\n")[0]
assert hashlib.sha256(name.encode() + b"\n\1" + key[-32:]).digest()[:4] == signature[:4], "the key's name"
open(w + "/head.txt", "w").write(text + "\n")
open(w + "/head.sig", "wb").write(signature[4:])
open(w + "/key.der", "wb").write(key)
PY
same "the head is a signed note" "$(cat "$W/out")" ""
check "OpenSSL verifies its signature" openssl pkeyutl -verify -pubin -inkey "$W/key.der" -keyform DER -rawin -in "$W/head.txt" -sigfile "$W/head.sig"

# What the CA says about the audit key, by OpenSSL.
python3 - "$W" <<'PY'
import base64, json, sys
w = sys.argv[1]
statement = [s for s in json.load(open(w + "/key.json"))["statements"] if s["ca"] == "Root"][0]
open(w + "/statement.txt", "w").write(statement["statement"])
open(w + "/statement.sig", "wb").write(base64.b64decode(statement["signature"]))
PY
must vouch ca export --ca Root --out "$W/root.pem"
openssl x509 -in "$W/root.pem" -noout -pubkey >"$W/root.pub"
check "the root has bound the audit key" openssl dgst -sha256 -verify "$W/root.pub" -signature "$W/statement.sig" "$W/statement.txt"
expect "and verify asks for it" 0 "in order" vouch audit verify --ca-cert "$W/root.pem"
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/x.key" -out "$W/x.pem" -subj /CN=Root
expect "another CA's certificate does not do" 4 "has not signed that" vouch audit verify --ca-cert "$W/x.pem"

# A proof for somebody who has the head only.
vouch audit prove 3 >"$W/proof.json"
python3 - "$W/proof.json" "$W/kept.head" <<'PY' >"$W/out" 2>&1
import base64, hashlib, json, sys
p = json.load(open(sys.argv[1]))
r = hashlib.sha256(b"\0" + p["encoding"].encode()).digest()
fn, sn = p["index"], p["size"] - 1
for h in map(bytes.fromhex, p["path"]):
    if fn & 1 or fn == sn:
        r = hashlib.sha256(b"\1" + h + r).digest()
        while fn and not fn & 1: fn >>= 1; sn >>= 1
    else:
        r = hashlib.sha256(b"\1" + r + h).digest()
    fn >>= 1; sn >>= 1
print(sn == 0 and base64.b64encode(r).decode() == open(sys.argv[2], encoding="utf-8").read().split("\n")[2])
PY
same "an entry is proved by the head alone" "$(cat "$W/out")" "True"

# sql FILE STATEMENTS: as somebody who can write the file.
sql() { python3 -c '
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2].split(";") if "TRIGGER" not in sys.argv[2] else [sys.argv[2]]:
    for row in db.execute(statement): print(*row)' "$1" "$2"; }

# Tampering, as somebody with the database file would.
db=$VOUCH_HOME/vouch.db
cp -r "$VOUCH_HOME" "$W/clean"
tampered() { # NAME SQL TEXT: what is said after that change
  sql "$db" "$2"
  expect "$1" 4 "$3" vouch audit verify --head "$W/kept.head"
  rm -rf "$VOUCH_HOME"
  cp -r "$W/clean" "$VOUCH_HOME"
}
tampered "a changed entry is found" "UPDATE audit SET actor = 'nobody' WHERE sequence = 4" "entry 4 .* was changed"
tampered "a removed one" "DELETE FROM audit WHERE sequence = 5" "entry 5 is removed"
tampered "the end cut off" "DELETE FROM audit WHERE sequence > 8; DELETE FROM audit_heads WHERE size > 8" "log ends at entry 8; .*kept.head"
tampered "heads thrown away" "DELETE FROM audit_heads" "stored heads were removed"
expect "and untouched it is good" 0 "in order" vouch audit verify --head "$W/kept.head"
sed 's/^time 2/time 3/' "$W/kept.head" >"$W/bad.head"
expect "a head with a changed text is bad" 4 "signature of .*bad.head is bad" vouch audit verify --head "$W/bad.head"
expect "what is no head is refused" 1 "no signed head" vouch audit verify --head "$W/www.csr"

# A log that cannot be written: nothing is issued.
sql "$db" "CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no more'); END"
request second /CN=second.example.com DNS:second.example.com
before=$(sql "$db" "SELECT count(*) FROM requests")
expect "without the log nothing is issued" 1 "audit log cannot be written" vouch request submit "$W/second.csr" --template WebServer --ca Issuing
expect "nor changed" 1 "audit log cannot be written" vouch template withdraw WebServer --ca Issuing
same "nothing is left of it" "$(sql "$db" "SELECT count(*) FROM requests")" "$before"
sql "$db" "DROP TRIGGER broken"
check "afterwards it goes on" vouch request submit "$W/second.csr" --template WebServer --ca Issuing --out "$W/second.pem"

# The mirror.
printf '[audit]\nmirror = "%s/mirror.jsonl"\n' "$W" >>"$VOUCH_HOME/vouch.toml"
request third /CN=third.example.com DNS:third.example.com
check "a mirror that is set up later gets everything" vouch request submit "$W/third.csr" --template WebServer --ca Issuing --out "$W/third.pem"
must vouch audit export --out "$W/audit.jsonl"
same "entry for entry" "$(wc -l <"$W/mirror.jsonl")" "$(wc -l <"$W/audit.jsonl")"
expect "and is compared" 0 "in order" vouch audit verify
sql "$db" "UPDATE audit SET outcome = 'denied' WHERE sequence = 6"
expect "the mirror names the entry" 4 "entry 6 is another one in the mirror" vouch audit verify
sql "$db" "UPDATE audit SET outcome = 'done' WHERE sequence = 6"
mv "$W/mirror.jsonl" "$W/mirror.away"
mkdir "$W/mirror.jsonl"
expect "without the mirror nothing is issued" 1 "mirror of the audit log" vouch request submit "$W/second.csr" --template WebServer --ca Issuing
rmdir "$W/mirror.jsonl"
mv "$W/mirror.away" "$W/mirror.jsonl"
check "with it again everything goes on" vouch crl publish --ca Issuing
expect "and is in order" 0 "in order" vouch audit verify --head "$W/kept.head"

# A backup takes the log along; another log in its place needs a new mirror.
check "a backup is made" vouch backup "$W/home.backup"
expect "over a mirrored log it is not restored" 1 "audit mirror .* is that of the log that would be replaced" vouch restore "$W/home.backup" --replace
check "with a new mirror" vouch config set audit.mirror "$W/mirror-2.jsonl"
check "it is" vouch restore "$W/home.backup" --replace
expect "the log goes on behind what the backup had" 0 "in order" vouch audit verify --head "$W/kept.head"
expect "and tells of it" 0 "db.restore" vouch audit show --action "db.*"

expect "show finds what one asks for" 0 "cert.revoke" vouch audit show --action "cert.*" --actor "$me"
expect "and says when there is nothing" 0 "no entries" vouch audit show --actor somebody-else
same "json has the documented keys" "$(vouch audit show --limit 1 --json | python3 -c 'import json, sys; print(*json.load(sys.stdin)["entries"][0])')" \
  "sequence time actor action ca object details outcome leaf"
summary
