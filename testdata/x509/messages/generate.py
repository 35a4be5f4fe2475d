"""What openssl's command line cannot make: Microsoft's extensions, and requests as Windows sends them.
Called by generate.sh with the folder that holds root.key and root.pem. Uses python3-cryptography."""
import datetime
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

folder = sys.argv[1]
key = serialization.load_pem_private_key(open(folder + "/root.key", "rb").read(), None)


def tlv(tag, *parts):
    body = b"".join(parts)
    length = len(body)
    if length < 0x80:
        head = bytes([length])
    else:
        octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
        head = bytes([0x80 | len(octets)]) + octets
    return bytes([tag]) + head + body


def oid(dotted):
    arcs = [int(arc) for arc in dotted.split(".")]
    out = b""
    for arc in [arcs[0] * 40 + arcs[1]] + arcs[2:]:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.insert(0, 0x80 | arc & 0x7F)
        out += bytes(groups)
    return tlv(0x06, out)


def integer(number):
    return tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def pem(label, der):
    import base64
    text = base64.encodebytes(der).decode()
    lines = text.replace("\n", "")
    body = "\n".join(lines[i:i + 64] for i in range(0, len(lines), 64))
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n"


TEMPLATE = "1.3.6.1.4.1.311.21.8.1234567.7654321.11.22.33"
SID = b"S-1-5-21-3623811015-3361044348-30300820-1013"
template_name = tlv(0x1E, "WebServer".encode("utf-16-be"))
template_info = tlv(0x30, oid(TEMPLATE), integer(100), integer(7))
sid = tlv(0x30, tlv(0xA0, oid("1.3.6.1.4.1.311.25.2.1"), tlv(0xA0, tlv(0x04, SID))))
app_policies = tlv(0x30, tlv(0x30, oid("1.3.6.1.5.5.7.3.2")), tlv(0x30, oid("1.3.6.1.4.1.311.20.2.2")))

microsoft = [
    ("1.3.6.1.4.1.311.20.2", template_name),
    ("1.3.6.1.4.1.311.21.7", template_info),
    ("1.3.6.1.4.1.311.21.10", app_policies),
    ("1.3.6.1.4.1.311.25.2", sid),
    ("1.3.6.1.4.1.311.21.1", integer(2 << 16 | 3)),
    ("1.3.6.1.4.1.311.21.2", tlv(0x04, bytes(range(20)))),
    ("1.2.3.4.5.6", b"\x01\x02\x03"),
]
builder = (x509.CertificateBuilder()
           .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "evil\x1b[31m\u202egpj.exe")]))
           .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Issuing CA")]))
           .serial_number(0x7F01).public_key(key.public_key())
           .not_valid_before(datetime.datetime(2049, 12, 31, 23, 59, 59))
           .not_valid_after(datetime.datetime(2050, 1, 1)))
for dotted, value in microsoft:
    builder = builder.add_extension(x509.UnrecognizedExtension(ObjectIdentifier(dotted), value), False)
open(folder + "/microsoft.pem", "wb").write(
    builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def request(attributes):
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "WS1.corp.example")]).public_bytes()
    info = tlv(0x30, integer(0), name, spki, tlv(0xA0, *attributes))
    signature = key.sign(info, ec.ECDSA(hashes.SHA256()))
    return tlv(0x30, info, tlv(0x30, oid("1.2.840.10045.4.3.2")), tlv(0x03, b"\0" + signature))


def attribute(dotted, *values):
    return tlv(0x30, oid(dotted), tlv(0x31, *values))


def extension(dotted, value, critical=False):
    return tlv(0x30, oid(dotted), b"\x01\x01\xff" if critical else b"", tlv(0x04, value))


os_version = attribute("1.3.6.1.4.1.311.13.2.3", tlv(0x16, b"10.0.20348.2"))
client_info = attribute("1.3.6.1.4.1.311.21.20", tlv(0x30, integer(5), tlv(0x0C, b"ws1.corp.example"),
                                                     tlv(0x0C, b"CORP\\WS1$"), tlv(0x0C, b"taskhostw.exe")))
csp = attribute("1.3.6.1.4.1.311.13.2.2", tlv(0x30, integer(0), tlv(0x1E, "Microsoft Software KSP".encode("utf-16-be")),
                                              tlv(0x03, b"\0")))
template = extension("1.3.6.1.4.1.311.21.7", template_info)
usage = extension("2.5.29.15", tlv(0x03, b"\x05\xa0"), True)
san = extension("2.5.29.17", tlv(0x30, tlv(0x82, b"ws1.corp.example")))
pkcs9 = attribute("1.2.840.113549.1.9.14", tlv(0x30, template, usage))
ms = attribute("1.3.6.1.4.1.311.2.1.14", tlv(0x30, usage, san))
challenge = attribute("1.2.840.113549.1.9.7", tlv(0x13, b"PrintableSecret"))

sorted_attributes = sorted([os_version, client_info, csp, pkcs9, ms])
open(folder + "/request-microsoft.pem", "w").write(pem("CERTIFICATE REQUEST", request(sorted_attributes)))
# In the order that Windows and many SCEP clients use, which is not DER's.
unsorted = [os_version, pkcs9, client_info, challenge, csp]
assert unsorted != sorted(unsorted)
open(folder + "/request-unsorted.pem", "w").write(pem("CERTIFICATE REQUEST", request(unsorted)))
