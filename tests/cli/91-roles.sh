#!/bin/bash
# Roles on the command line. One account acts here; which roles it has changes.
. "$(dirname "$0")/lib.sh"
need openssl python3
me=$(id -un)
must vouch ca init --name Root --kind root
must vouch template publish WebServer ClientAuth
expect "whoever sets up is administrator" 0 "^$me +administrator +all" vouch role list
expect "and manager" 0 "^$me +manager +all" vouch role list
expect "everyone may enroll" 0 "^\* +enroller +all" vouch role list

request web /CN=web.example.com DNS:web.example.com
request client "/CN=client.example.com" DNS:client.example.com
vouch request submit "$W/web.csr" --template WebServer >"$W/out" 2>&1
vouch request submit "$W/client.csr" --template ClientAuth >"$W/out" 2>&1

# A manager for one template.
must vouch role revoke manager "$me"
expect "without the role nothing is approved" 1 "needs the role manager for template WebServer, which nobody has" vouch request approve 1
expect "and the hint says how to get it" 1 "vouch role grant manager $me" vouch request approve 1
must vouch role grant manager "$me" --template WebServer
expect "a manager for another template does not do" 1 "role manager for template ClientAuth" vouch request approve 2
expect "nor may he deny it" 1 "role manager for template ClientAuth" vouch request deny 2 --reason no

# Four eyes.
must vouch role four-eyes on
expect "who asked does not approve" 1 "four eyes" vouch request approve 1
must vouch role four-eyes off
check "without the rule he does" vouch request approve 1 --out "$W/web.pem"

# Two managers.
must vouch role grant manager "$me"
must vouch role two-managers on --template ClientAuth
expect "the first of two leaves it pending" 3 "a second manager has to agree" vouch request approve 2
expect "and is not the second" 1 "second manager" vouch request approve 2
must vouch role two-managers off --template ClientAuth

# Separation.
expect "separation names who holds both" 1 "$me \(administrator and manager\)" vouch role separation on
must vouch role revoke manager "$me"
must vouch role revoke manager "$me" --template WebServer
must vouch role revoke auditor "$me"
check "without conflicts it is switched on" vouch role separation on
expect "and then an administrator becomes no manager" 1 "roles are separate" vouch role grant manager "$me"
must vouch role separation off

# An auditor reads everything and changes nothing.
must vouch role grant auditor "$me"
must vouch role grant administrator somebody-else
expect "the last administrator stays, another may go" 0 "no longer administrator" vouch role revoke administrator "$me"
expect "an auditor reads the log" 0 "role.revoke" vouch audit show
expect "verifies it" 0 "in order" vouch audit verify
expect "and sees requests" 0 "ClientAuth" vouch request list
expect "he approves nothing" 1 "role manager" vouch request approve 2
expect "revokes nothing" 1 "role manager" vouch cert revoke "$W/web.pem" --reason superseded
expect "changes no template" 1 "role administrator" vouch template set WebServer validity=300d
expect "publishes none" 1 "role administrator" vouch template publish User
expect "withdraws none" 1 "role administrator" vouch template withdraw WebServer
expect "gives no roles" 1 "role administrator" vouch role grant manager "$me"
expect "sets up no CA" 1 "role administrator" vouch ca init --name Second --kind root
expect "and every refusal is in the log" 0 "denied" vouch audit show --action template.withdraw

# The owner of the home is not locked out.
expect "recovery is for oneself" 2 "for yourself" vouch role grant administrator other --recover
check "the owner makes himself an administrator" vouch role grant administrator "$me" --recover
expect "which is in the log" 0 "role.recover" vouch audit show --action role.recover
must vouch role revoke auditor "$me"
expect "without the role no log" 1 "role auditor" vouch audit show
must vouch role revoke enroller '*'
vouch request submit "$W/web.csr" --template WebServer >"$W/out" 2>&1
same "who may not enroll is denied" $? 1
expect "with a request to look at" 0 "role.enroller" vouch why 3
must vouch role grant enroller "$me" --template ClientAuth
expect "enrolling can be for one template" 3 "pending" vouch request submit "$W/client.csr" --template ClientAuth
expect "unknown roles are wrong usage" 2 "roles are: administrator" vouch role grant boss "$me"
same "json has the documented keys" "$(vouch role list --json | python3 -c 'import json, sys; print(*json.load(sys.stdin)["roles"][0])')" \
  "principal role ca template requesters granted_at granted_by"
summary
