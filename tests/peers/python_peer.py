"""Checks vouch's certificates with Debian's python3-cryptography, step by step.

    python_peer.py decode FILE                       every extension decodes, and the names
    python_peer.py verify ALGORITHM FOLDER LEAF [ISSUING-CRL]

Prints the verdict; the exit status is 0 only for `good`. `cryptography` verifies no chains in this version, so
the steps of RFC 5280 section 6 are written out here, independently of vouch."""

import datetime
import pathlib
import sys

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

# What each kind of CA key signs with: name of the algorithm's identifier.
SIGNATURES = {
    "rsa": "sha256WithRSAEncryption",
    "pss": "rsassa-pss",
    "p256": "ecdsa-with-SHA256",
    "p384": "ecdsa-with-SHA384",
    "p521": "ecdsa-with-SHA512",
    "ed25519": "1.3.101.112",
}


class Verdict(Exception):
    pass


def load(path):
    return x509.load_pem_x509_certificate(pathlib.Path(path).read_bytes())


def hash_of(key):
    if isinstance(key, ec.EllipticCurvePublicKey):
        return {256: hashes.SHA256, 384: hashes.SHA384, 521: hashes.SHA512}[key.curve.key_size]()
    return hashes.SHA256()


def signature_is_good(algorithm, key, signature, signed):
    try:
        if algorithm == "pss":
            scheme = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
            key.verify(signature, signed, scheme, hashes.SHA256())
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(hash_of(key)))
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, signed)
        else:
            raise Verdict(f"unexpected key {key}")
    except InvalidSignature:
        return False
    return True


def extension(certificate, kind):
    return certificate.extensions.get_extension_for_class(kind).value


def check_link(algorithm, child, issuer, depth):
    if child.issuer.public_bytes() != issuer.subject.public_bytes():
        raise Verdict("issuer and subject differ")
    if not signature_is_good(algorithm, issuer.public_key(), child.signature, child.tbs_certificate_bytes):
        raise Verdict("bad signature on the certificate")
    constraints = extension(issuer, x509.BasicConstraints)
    if not constraints.ca:
        raise Verdict("the issuer is no CA")
    if constraints.path_length is not None and depth > constraints.path_length:
        raise Verdict("path too long")
    usage = extension(issuer, x509.KeyUsage)
    if not usage.key_cert_sign or not usage.crl_sign:
        raise Verdict("the issuer's key is not for this")
    identifier = extension(child, x509.AuthorityKeyIdentifier).key_identifier
    if identifier != extension(issuer, x509.SubjectKeyIdentifier).digest:
        raise Verdict("key identifiers differ")


def check_crl(algorithm, crl, issuer, certificate, now):
    if crl.issuer.public_bytes() != issuer.subject.public_bytes():
        raise Verdict("the CRL has another issuer")
    if not signature_is_good(algorithm, issuer.public_key(), crl.signature, crl.tbs_certlist_bytes):
        raise Verdict("bad signature on the CRL")
    if not crl.last_update <= now < crl.next_update:
        raise Verdict("the CRL is not of today")
    if extension(crl, x509.AuthorityKeyIdentifier).key_identifier != extension(issuer, x509.SubjectKeyIdentifier).digest:
        raise Verdict("the CRL names another key")
    if extension(crl, x509.CRLNumber).crl_number < 1:
        raise Verdict("CRL number")
    entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
    if entry is not None:
        raise Verdict(f"revoked: {extension(entry, x509.CRLReason).reason.name}")


def verify(algorithm, folder, leaf, issuing_crl="issuing.crl"):
    folder = pathlib.Path(folder)
    now = datetime.datetime.utcnow()
    chain = [load(folder / name) for name in (leaf, "issuing.pem", "policy.pem", "root.pem")]
    crls = [x509.load_pem_x509_crl((folder / name).read_bytes()) for name in (issuing_crl, "policy.crl", "root.crl")]
    for certificate in chain:
        if not certificate.not_valid_before <= now <= certificate.not_valid_after:
            raise Verdict("not valid today")
        name = certificate.signature_algorithm_oid._name
        if SIGNATURES[algorithm] not in (name, name.lower(), certificate.signature_algorithm_oid.dotted_string):
            raise Verdict(f"signed with {name}")
        # 18 octets: node, time, random (docs/decisions/0005-serial-numbers.md).
        if (certificate.serial_number.bit_length() + 7) // 8 != 18:
            raise Verdict("serial number")
    # Each certificate by the next one; the root by itself.
    for depth, (child, issuer) in enumerate(zip(chain, chain[1:])):
        check_link(algorithm, child, issuer, depth)
    if not signature_is_good(algorithm, chain[-1].public_key(), chain[-1].signature, chain[-1].tbs_certificate_bytes):
        raise Verdict("the root did not sign itself")
    for child, issuer, crl in zip(chain, chain[1:], crls):
        check_crl(algorithm, crl, issuer, child, now)
    if extension(chain[0], x509.KeyUsage).key_cert_sign:
        raise Verdict("a leaf that may sign certificates")
    names = extension(chain[0], x509.SubjectAlternativeName).get_values_for_type(x509.DNSName)
    if not names:
        raise Verdict("no DNS name")
    return f"good: chain of {len(chain)} for {', '.join(names)}"


def decode(path):
    certificate = load(path)
    for entry in certificate.extensions:
        known = not isinstance(entry.value, x509.UnrecognizedExtension)
        print(entry.oid.dotted_string, "critical" if entry.critical else "", entry.value)
        if not known and (entry.critical or not entry.oid.dotted_string.startswith("1.3.6.1.4.1.311.")):
            raise Verdict(f"{entry.oid.dotted_string} is unknown")
    der = certificate.public_bytes(serialization.Encoding.DER)
    if x509.load_der_x509_certificate(der) != certificate:
        raise Verdict("does not come back the same")
    return f"decoded: {certificate.subject.rfc4514_string()}"


def main():
    try:
        print({"decode": decode, "verify": verify}[sys.argv[1]](*sys.argv[2:]))
    except Verdict as verdict:
        print(verdict)
        return 1
    return 0


sys.exit(main())
