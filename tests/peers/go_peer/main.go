// go_peer FOLDER LEAF USAGE [ISSUING-CRL [INTERMEDIATE]] checks a chain of vouch's with Go's crypto/x509: path building and
// verification, then the CRL of every issuer. Prints the verdict; the exit status is 0 only for "good".
package main

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

func fail(format string, values ...interface{}) {
	fmt.Printf(format+"\n", values...)
	os.Exit(1)
}

func block(folder, name string) []byte {
	data, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		fail("cannot read %s: %v", name, err)
	}
	first, _ := pem.Decode(data)
	if first == nil {
		fail("%s holds no PEM", name)
	}
	return first.Bytes
}

func certificate(folder, name string) *x509.Certificate {
	parsed, err := x509.ParseCertificate(block(folder, name))
	if err != nil {
		fail("%s does not parse: %v", name, err)
	}
	if len(parsed.UnhandledCriticalExtensions) != 0 {
		fail("%s has critical extensions that Go does not know: %v", name, parsed.UnhandledCriticalExtensions)
	}
	return parsed
}

// The reason of a CRL entry, RFC 5280 section 5.3.1; -1 when it has none.
func reason(extensions []pkix.Extension) int {
	for _, extension := range extensions {
		if extension.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 21}) {
			var value asn1.Enumerated
			if _, err := asn1.Unmarshal(extension.Value, &value); err != nil {
				fail("the reason does not parse: %v", err)
			}
			return int(value)
		}
	}
	return -1
}

// Whether the authority key identifier, RFC 5280 section 4.2.1.1, is this key. (RevocationList.AuthorityKeyId
// holds the undecoded extension in older versions of Go.)
func namesKey(extensions []pkix.Extension, key []byte) bool {
	var value struct {
		Id []byte `asn1:"optional,tag:0"`
	}
	for _, extension := range extensions {
		if extension.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 35}) {
			rest, err := asn1.Unmarshal(extension.Value, &value)
			return err == nil && len(rest) == 0 && string(value.Id) == string(key)
		}
	}
	return false
}

func checkCrl(folder, name string, issuer, subject *x509.Certificate) {
	crl, err := x509.ParseRevocationList(block(folder, name))
	if err != nil {
		fail("%s does not parse: %v", name, err)
	}
	if err := crl.CheckSignatureFrom(issuer); err != nil {
		fail("bad signature on the CRL %s: %v", name, err)
	}
	now := time.Now()
	if now.Before(crl.ThisUpdate) || now.After(crl.NextUpdate) {
		fail("%s is not of today", name)
	}
	if crl.Number == nil || crl.Number.Sign() < 1 {
		fail("%s has no number", name)
	}
	if !namesKey(crl.Extensions, issuer.SubjectKeyId) {
		fail("%s names another key", name)
	}
	for _, entry := range crl.RevokedCertificates {
		if entry.SerialNumber.Cmp(subject.SerialNumber) == 0 {
			fail("revoked: reason %d", reason(entry.Extensions))
		}
	}
}

func main() {
	folder, leafName, usage := os.Args[1], os.Args[2], os.Args[3]
	crlName := "issuing.crl"
	if len(os.Args) > 4 {
		crlName = os.Args[4]
	}
	root, policy, issuing := certificate(folder, "root.pem"), certificate(folder, "policy.pem"), certificate(folder, "issuing.pem")
	leaf := certificate(folder, leafName)
	options := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool()}
	options.Roots.AddCert(root)
	options.Intermediates.AddCert(policy)
	options.Intermediates.AddCert(issuing)
	if len(os.Args) > 5 {
		options.Intermediates.AddCert(certificate(folder, os.Args[5]))
	}
	switch usage {
	case "server":
		options.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		options.DNSName = leaf.Subject.CommonName
	case "client":
		options.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	default:
		fail("unknown usage %s", usage)
	}
	chains, err := leaf.Verify(options)
	if err != nil {
		fail("refused: %v", err)
	}
	if len(chains) != 1 || len(chains[0]) != 4 {
		fail("expected one chain of 4, got %d chains", len(chains))
	}
	checkCrl(folder, crlName, issuing, leaf)
	checkCrl(folder, "policy.crl", policy, issuing)
	checkCrl(folder, "root.crl", root, policy)
	fmt.Printf("good: chain of %d, %v signed with %v\n", len(chains[0]), leaf.PublicKeyAlgorithm, leaf.SignatureAlgorithm)
}
