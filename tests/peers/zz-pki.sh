#!/bin/bash
. "$(dirname "$0")/../cli/lib.sh"
PKI=/tmp/gwt/pki; rm -rf $PKI; export VOUCH_HOME=/tmp/gwt/pkihome; rm -rf $VOUCH_HOME
. "$(dirname "$0")/../lib/peer_pki.sh"
make_peer_pki $1
openssl verify -crl_check_all -CAfile $PKI/root.crt -untrusted $PKI/ca.crt -CRLfile $PKI/ca.crl -CRLfile $PKI/root.crl $PKI/alice.crt $PKI/bob.crt $PKI/carol.crt
openssl x509 -in $PKI/alice.crt -noout -text | sed -n '/X509v3 ext/,$p' | head -40
summary
