// step_ca: smallstep's step-ca out of Debian's golang-github-smallstep-certificates-dev, as a peer for bench/api.sh.
//
//	step_ca setup FOLDER PORT NAME CSR COUNT   makes root, intermediate, provisioner and configuration in FOLDER, and
//	                                           FOLDER/bodies: COUNT requests for /1.0/sign, one a line
//	step_ca serve FOLDER
//
// Keys are P-256. Requests are authorized by tokens of a JWK provisioner, which are good once. The database is that of
// `step ca init`: badger, which writes each transaction through to the disk.
package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/smallstep/certificates/authority/config"
	"github.com/smallstep/certificates/ca"
)

const provisioner, keyID = "bench", "bench-key"

type object = map[string]interface{}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func base64url(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func marshal(value interface{}) []byte {
	text, err := json.Marshal(value)
	must(err)
	return text
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	return key
}

func writePEM(file, kind string, der []byte) {
	must(os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0600))
}

func writeKey(file string, key *ecdsa.PrivateKey) {
	der, err := x509.MarshalECPrivateKey(key)
	must(err)
	writePEM(file, "EC PRIVATE KEY", der)
}

func authority(file, name string, serial int64, key *ecdsa.PrivateKey, issuer *x509.Certificate,
	issuerKey *ecdsa.PrivateKey) *x509.Certificate {
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(serial),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(1, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	if issuer == nil {
		issuer = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), issuerKey)
	must(err)
	writePEM(file, "CERTIFICATE", der)
	made, err := x509.ParseCertificate(der)
	must(err)
	return made
}

// A token that lets its bearer have a certificate for this name, once.
func token(key *ecdsa.PrivateKey, audience, name string) string {
	id := make([]byte, 16)
	_, err := rand.Read(id)
	must(err)
	now := time.Now().Unix()
	text := base64url(marshal(object{"alg": "ES256", "typ": "JWT", "kid": keyID})) + "." +
		base64url(marshal(object{"iss": provisioner, "aud": audience, "sub": name, "sans": []string{name},
			"jti": base64url(id), "iat": now, "nbf": now, "exp": now + 4*3600}))
	digest := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	must(err)
	return text + "." + base64url(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

func setup(folder, port, name, csr string, count int) {
	in := func(file string) string { return filepath.Join(folder, file) }
	rootKey, intermediateKey, tokenKey := newKey(), newKey(), newKey()
	root := authority(in("root.pem"), "Bench Root", 1, rootKey, nil, rootKey)
	authority(in("intermediate.pem"), "Bench CA", 2, intermediateKey, root, rootKey)
	writeKey(in("intermediate.key"), intermediateKey)
	must(os.WriteFile(in("ca.json"), marshal(object{
		"root": in("root.pem"), "crt": in("intermediate.pem"), "key": in("intermediate.key"),
		"address": "127.0.0.1:" + port, "dnsNames": []string{"localhost"},
		"db": object{"type": "badgerv2", "dataSource": in("db")},
		"authority": object{
			// The tokens are made before the server starts.
			"disableIssuedAtCheck": true,
			"provisioners": []object{{"type": "JWK", "name": provisioner, "key": object{
				"kty": "EC", "use": "sig", "crv": "P-256", "alg": "ES256", "kid": keyID,
				"x": base64url(tokenKey.X.FillBytes(make([]byte, 32))),
				"y": base64url(tokenKey.Y.FillBytes(make([]byte, 32))),
			}}},
		},
		"tls": object{"minVersion": 1.2, "maxVersion": 1.3},
	}), 0600))

	request, err := os.ReadFile(csr)
	must(err)
	file, err := os.Create(in("bodies"))
	must(err)
	out := bufio.NewWriter(file)
	for i := 0; i < count; i++ {
		body := marshal(object{"csr": string(request), "ott": token(tokenKey, "https://localhost/1.0/sign", name)})
		_, err = fmt.Fprintf(out, "%s\n", body)
		must(err)
	}
	must(out.Flush())
	must(file.Close())
}

func serve(folder string) {
	configuration, err := config.LoadConfiguration(filepath.Join(folder, "ca.json"))
	must(err)
	server, err := ca.New(configuration)
	must(err)
	must(server.Run())
}

func main() {
	arguments := os.Args[1:]
	switch {
	case len(arguments) == 6 && arguments[0] == "setup":
		count, err := strconv.Atoi(arguments[5])
		must(err)
		setup(arguments[1], arguments[2], arguments[3], arguments[4], count)
	case len(arguments) == 2 && arguments[0] == "serve":
		serve(arguments[1])
	default:
		log.Fatal("usage: step_ca setup FOLDER PORT NAME CSR COUNT | step_ca serve FOLDER")
	}
}
