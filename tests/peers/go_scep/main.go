// A SCEP client on Debian's micromdm library and Mozilla's pkcs7, as anybody who writes Go would make one.
//
//	go_scep -url URL -key FILE -out FILE -cn NAME [-challenge TEXT] [-cipher des|aes128|aes256] [-digest sha1|sha256|sha512]
//	        [-library] [-type 17|19] [-cert FILE -old-key FILE] [-get] [-everybody]
//
// -library leaves the message to the library (SHA-1); -get sends it as raw base64, unescaped; -everybody encrypts for all
// certificates of GetCACert. Prints what became of it.
package main

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"os"
	"time"

	"github.com/micromdm/scep/cryptoutil/x509util"
	"github.com/micromdm/scep/scep"
	"go.mozilla.org/pkcs7"
)

var (
	url       = flag.String("url", "", "")
	keyFile   = flag.String("key", "", "")
	outFile   = flag.String("out", "", "")
	name      = flag.String("cn", "", "")
	challenge = flag.String("challenge", "", "")
	cipher    = flag.String("cipher", "aes256", "")
	digest    = flag.String("digest", "sha256", "")
	library   = flag.Bool("library", false, "")
	kind      = flag.String("type", "19", "")
	certFile  = flag.String("cert", "", "")
	oldKey    = flag.String("old-key", "", "")
	get       = flag.Bool("get", false, "")
	everybody = flag.Bool("everybody", false, "")
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func readPem(file string) []byte {
	block, _ := pem.Decode(must(os.ReadFile(file)))
	if block == nil {
		log.Fatalf("%s is no PEM", file)
	}
	return block.Bytes
}

// The key of the file; a new one is written there when there is none.
func loadKey(file string) *rsa.PrivateKey {
	if _, err := os.Stat(file); err != nil {
		key := must(rsa.GenerateKey(rand.Reader, 2048))
		der := x509.MarshalPKCS1PrivateKey(key)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: der}), 0o600); err != nil {
			log.Fatal(err)
		}
		return key
	}
	return must(x509.ParsePKCS1PrivateKey(readPem(file)))
}

func fetch(response *http.Response, err error) []byte {
	answer := must(response, err)
	defer answer.Body.Close()
	body := must(io.ReadAll(answer.Body))
	if answer.StatusCode != 200 {
		log.Fatalf("HTTP status %d: %s", answer.StatusCode, body)
	}
	return body
}

func request(key *rsa.PrivateKey) *x509.CertificateRequest {
	template := x509util.CertificateRequest{ChallengePassword: *challenge}
	template.Subject = pkix.Name{CommonName: *name, Organization: []string{"Go"}}
	template.SignatureAlgorithm = x509.SHA256WithRSA
	return must(x509.ParseCertificateRequest(must(x509util.CreateCertificateRequest(rand.Reader, &template, key))))
}

func selfSigned(csr *x509.CertificateRequest, key *rsa.PrivateKey) *x509.Certificate {
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: csr.Subject, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key))))
}

// The message as the library makes it: SHA-1, whatever the service says.
func messageOfLibrary(csr *x509.CertificateRequest, to []*x509.Certificate, signer *x509.Certificate, key *rsa.PrivateKey) []byte {
	template := scep.PKIMessage{MessageType: scep.MessageType(*kind), Recipients: to, SignerKey: key, SignerCert: signer}
	return must(scep.NewCSRRequest(csr, &template)).Raw
}

func messageOf(csr *x509.CertificateRequest, to []*x509.Certificate, signer *x509.Certificate, key crypto.PrivateKey) []byte {
	data := must(pkcs7.NewSignedData(must(pkcs7.Encrypt(csr.Raw, to))))
	digests := map[string]asn1.ObjectIdentifier{
		"sha1": pkcs7.OIDDigestAlgorithmSHA1, "sha256": pkcs7.OIDDigestAlgorithmSHA256, "sha512": pkcs7.OIDDigestAlgorithmSHA512,
	}
	data.SetDigestAlgorithm(digests[*digest])
	nonce := make([]byte, 16)
	must(rand.Read(nonce))
	oid := func(last int) asn1.ObjectIdentifier { return asn1.ObjectIdentifier{2, 16, 840, 1, 113733, 1, 9, last} }
	attributes := []pkcs7.Attribute{{Type: oid(7), Value: fmt.Sprintf("go-%x", nonce)}, {Type: oid(2), Value: *kind}, {Type: oid(5), Value: nonce}}
	if err := data.AddSigner(signer, key, pkcs7.SignerInfoConfig{ExtraSignedAttributes: attributes}); err != nil {
		log.Fatal(err)
	}
	return must(data.Finish())
}

func send(message []byte) []byte {
	if *get {
		return fetch(http.Get(*url + "?operation=PKIOperation&message=" + base64.StdEncoding.EncodeToString(message)))
	}
	return fetch(http.Post(*url+"?operation=PKIOperation", "application/octet-stream", bytes.NewReader(message)))
}

func main() {
	log.SetFlags(0)
	flag.Parse()
	pkcs7.ContentEncryptionAlgorithm = map[string]int{
		"des": pkcs7.EncryptionAlgorithmDESCBC, "aes256": pkcs7.EncryptionAlgorithmAES256CBC, "aes128": pkcs7.EncryptionAlgorithmAES128CBC,
	}[*cipher]
	answer := fetch(http.Get(*url + "?operation=GetCACert"))
	given, err := scep.CACerts(answer)
	if err != nil {
		given = []*x509.Certificate{must(x509.ParseCertificate(answer))}
	}
	to := scep.EnciphermentCertsSelector().SelectCerts(given)
	if *everybody {
		to = given
	}
	key := loadKey(*keyFile)
	csr := request(key)
	signer, signerKey := selfSigned(csr, key), key
	if *certFile != "" {
		signer, signerKey = must(x509.ParseCertificate(readPem(*certFile))), loadKey(*oldKey)
	}
	var message []byte
	if *library {
		message = messageOfLibrary(csr, to, signer, signerKey)
	} else {
		message = messageOf(csr, to, signer, signerKey)
	}
	reply := must(scep.ParsePKIMessage(send(message), scep.WithCACerts(given)))
	if reply.PKIStatus != scep.SUCCESS {
		log.Fatalf("status %s, failInfo %s", reply.PKIStatus, reply.FailInfo)
	}
	if err := reply.DecryptPKIEnvelope(signer, signerKey); err != nil {
		log.Fatal(err)
	}
	der := reply.CertRepMessage.Certificate.Raw
	if err := os.WriteFile(*outFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		log.Fatal(err)
	}
	fmt.Println("enrolled", reply.CertRepMessage.Certificate.Subject)
}
