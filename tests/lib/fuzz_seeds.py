#!/usr/bin/python3
"""usage: fuzz_seeds.py OUT

Collects the first inputs of the fuzz targets into OUT/<format>/: real certificates, requests, CRLs, OCSP
messages and keys from Debian's python3-cryptography-vectors, from the folder that VOUCH_TEST_DATA names when it
is set, and from the project's own files. A target x_fuzz starts with OUT/x, or with OUT/any when there is no
such folder."""

import base64
import hashlib
import json
import os
import pathlib
import re
import sys
import tarfile

LABELS = {
    "CERTIFICATE": "certificate",
    "X509 CRL": "crl",
    "CERTIFICATE REQUEST": "request",
    "NEW CERTIFICATE REQUEST": "request",
    "PRIVATE KEY": "key",
    "ENCRYPTED PRIVATE KEY": "key",
    "PUBLIC KEY": "key",
}
PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\s+(.*?)-----END \1-----", re.S)
LARGEST = 65536


# Extensions by the contents of their OID, and the place of their parser in src/x509/extension_codecs.hpp: the
# first octet of an input of extensions_fuzz.
EXTENSIONS = {
    "551d0f": 1, "551d13": 2, "551d0e": 3, "551d23": 4, "551d25": 5, "551d11": 6, "551d12": 6, "551d20": 7,
    "551d21": 8, "551d24": 9, "551d36": 10, "551d1e": 11, "551d1f": 12, "551d2e": 12, "551d1c": 13,
    "2b06010505070101": 14, "2b0601050507010b": 14, "551d10": 15, "551d09": 16, "2b06010505070118": 17,
    "551d14": 18, "551d1b": 18, "551d15": 19, "551d18": 20, "2b0601040182371504": 21, "2b0601040182371501": 22,
    "2b0601040182371502": 23, "2b0601040182371402": 24, "2b0601040182371507": 25, "2b0601040182371902": 26,
}


def elements(der: bytes):
    """(tag, contents, whole) of each element; ends where the octets are no DER."""
    at = 0
    while len(der) - at >= 2:
        size, header = der[at + 1], 2
        if size & 0x80:
            header += size & 0x7F
            size = int.from_bytes(der[at + 2 : at + header], "big")
        if at + header + size > len(der):
            return
        yield der[at], der[at + header : at + header + size], der[at : at + header + size]
        at += header + size


class Seeds:
    def __init__(self, out: pathlib.Path):
        self.out = out
        self.count = 0

    def add(self, kind: str, data: bytes) -> None:
        if not 0 < len(data) <= LARGEST:
            return
        folder = self.out / kind
        folder.mkdir(parents=True, exist_ok=True)
        (folder / hashlib.sha256(data).hexdigest()[:20]).write_bytes(data)
        self.count += 1

    def add_parts(self, der: bytes, depth: int = 0) -> None:
        """The names and extension values inside a certificate or CRL."""
        for tag, contents, whole in elements(der):
            if tag & 0x20 == 0 or depth > 8:
                continue
            inner = list(elements(contents))
            tags = [element[0] for element in inner]
            if tag == 0x30 and tags[:1] == [0x31]:
                self.add("name", whole)
            elif tag == 0x30 and tags in ([0x06, 0x04], [0x06, 0x01, 0x04]):
                codec = EXTENSIONS.get(inner[0][1].hex())
                if codec is not None:
                    self.add("extensions", bytes([codec]) + inner[-1][1])
                if codec == 6:
                    self.add("general_name", inner[-1][1])
            else:
                self.add_parts(contents, depth + 1)

    def add_pem(self, text: bytes) -> None:
        if len(text) <= 8192:
            self.add("pem", text)
        for label, body in PEM.findall(text):
            kind = LABELS.get(label.decode())
            if kind is None:
                continue
            try:
                self.add(kind, base64.b64decode(b"".join(body.split())))
            except ValueError:
                continue  # deliberately broken vectors

    def add_message(self, message: bytes) -> None:
        """A CMS message, for each of the readers."""
        for kind in ("ber", "signed_data", "enveloped_data", "cmc"):
            self.add(kind, message)


def path_seeds(folder: pathlib.Path):
    """The chains of NIST PKITS with their CRLs, in the form of path_fuzz: an octet of settings, then elements."""
    for line in pathlib.Path("tests/conformance/pkits.tsv").read_text().splitlines():
        if line.startswith("#"):
            continue
        column = line.split("\t")
        names = [f"crls/{name}.crl" for name in column[9].split(",") if name != "-"]
        names += [f"certs/{name}.crt" for name in column[8].split(",")]
        elements = [(folder / name).read_bytes() for name in names]
        yield b"\x20" + b"".join(len(one).to_bytes(2, "big") + one for one in elements)


def der(tag: int, *parts: bytes) -> bytes:
    contents = b"".join(parts)
    size = len(contents)
    return bytes([tag, size] if size < 128 else [tag, 0x82, size >> 8, size & 0xFF]) + contents


def ocsp_requests():
    """Requests about the one CA of src/api/ocsp_face_fuzz.cpp: its Name has no attributes, its key is "key"."""
    for oid, digest in (("2b0e03021a", "sha1"), ("608648016503040201", "sha256")):
        algorithm = der(0x30, der(0x06, bytes.fromhex(oid)), b"\x05\x00")
        name, key = (der(0x04, hashlib.new(digest, octets).digest()) for octets in (b"\x30\x00", b"key"))
        ids = [der(0x30, der(0x30, algorithm, name, key, der(0x02, bytes([1, last])))) for last in range(4)]
        nonce = der(0xA2, der(0x30, der(0x30, der(0x06, bytes.fromhex("2b0601050507300102")), der(0x04, der(0x04, bytes(16))))))
        for single in ids:
            yield der(0x30, der(0x30, der(0x30, single)))
        yield der(0x30, der(0x30, der(0x30, *ids)))
        yield der(0x30, der(0x30, der(0x30, ids[0]), nonce))


def service_requests():
    """What src/cli/service_routes_fuzz.cpp sends: operations of the API, and commands with the files that they name."""
    pem = pathlib.Path("testdata/x509/messages/request-openssl.pem").read_text()
    def call(method, target, body=None):
        return f"{method} /api/v1{target}\n".encode() + (b"" if body is None else json.dumps(body).encode())
    def command(*words, **files):
        return call("POST", "/command", {"words": list(words), "user": "admin", "files": [
            {"name": name, "content": base64.b64encode(text.encode()).decode()} for name, text in files.items()]})
    yield call("POST", "/requests", {"template": "WebServer", "request": pem})
    yield call("POST", "/requests", {"request": pem, "transaction": "t-1", "attributes": {"a": "b"}})
    for path in ("/requests?state=issued&limit=2", "/requests/1", "/requests/1/trace", "/requests/2/outcome", "/cas",
                 "/cas/Fuzz", "/cas/Fuzz/chain", "/caller", "/status", "/certificates?revoked=false&after=1", "/crls?delta=true",
                 "/templates", "/templates/WebServer", "/roles", "/audit?action=request.*&limit=3", "/openapi.json"):
        yield call("GET", path)
    yield call("POST", "/requests/2/approve")
    yield call("POST", "/requests/2/deny", {"reason": "no"})
    yield call("POST", "/subordinates", {"request": pem, "path_length": 0, "validity": "2y"})
    yield call("POST", "/certificates/01/revoke", {"reason": "keyCompromise"})
    yield call("POST", "/crls", {})
    yield call("PUT", "/templates/Mine", {"settings": {"validity": "1y"}})
    yield call("POST", "/templates/ClientAuth/withdraw", {"ca": "Fuzz"})
    yield call("POST", "/roles/grant", {"principal": "alice", "role": "manager"})
    yield call("POST", "/roles/rules", {"rule": "four-eyes", "on": True})
    yield command("request", "submit", "a.csr", "--template", "WebServer", "--json", **{"a.csr": pem})
    yield command("request", "list", "--json")
    yield command("cert", "find", "--subject", "a")
    yield command("crl", "publish", "--delta")
    yield command("why", "1")
    yield command("template", "set", "WebServer", "validity=2y")
    yield command("audit", "show", "--limit", "3")
    yield command("ca", "show")


def main() -> int:
    seeds = Seeds(pathlib.Path(sys.argv[1]))
    vectors = pathlib.Path("/usr/lib/python3/dist-packages/cryptography_vectors")
    if not vectors.is_dir():
        print(f"{vectors} is missing: install python3-cryptography-vectors", file=sys.stderr)
        return 1
    for path in sorted(vectors.rglob("*")):
        if not path.is_file():
            continue
        if path.suffix == ".pem":
            seeds.add_pem(path.read_bytes())
        elif path.suffix == ".crt":
            seeds.add("certificate", path.read_bytes())
        elif path.suffix == ".crl":
            seeds.add("crl", path.read_bytes())
        elif "ocsp" in path.parts and path.suffix == ".der":
            seeds.add("ocsp_request" if path.name.startswith("req-") else "ocsp_response", path.read_bytes())
        elif path.suffix == ".der" and "x509" in path.parts:
            seeds.add("certificate", path.read_bytes())
        elif path.suffix == ".der" and "asymmetric" in path.parts:
            seeds.add("key", path.read_bytes())
    for chain in path_seeds(vectors / "x509" / "PKITS_data"):
        seeds.add("path", chain)
    for kind in ("certificate", "crl"):
        for path in sorted((seeds.out / kind).iterdir()):
            seeds.add_parts(path.read_bytes())
    data = os.environ.get("VOUCH_TEST_DATA")
    if data:
        for kind, archive in (("certificate", "x509"), ("crl", "crl")):
            with tarfile.open(pathlib.Path(data) / "fuzz-openssl" / f"{archive}.tar.xz") as tar:
                for member in tar:
                    if member.isfile() and member.size <= LARGEST:
                        seeds.add(kind, tar.extractfile(member).read())
        with tarfile.open(pathlib.Path(data) / "fuzz-openssl" / "cms.tar.xz") as tar:
            for member in tar:
                if member.isfile() and member.size <= LARGEST:
                    seeds.add_message(tar.extractfile(member).read())
    for path in sorted(pathlib.Path("testdata/cms").iterdir()):
        if path.suffix in (".der", ".ber", ".p7b"):
            seeds.add_message(path.read_bytes())
    for path in sorted(pathlib.Path("testdata/challenge").glob("*.der")):
        seeds.add("challenge", path.read_bytes())
    for path in sorted(pathlib.Path("testdata/scep").iterdir()):
        content = path.read_bytes()
        if path.suffix in (".der", ".ber"):
            seeds.add("scep_message", content)
            seeds.add("scep_query", b"operation=PKIOperation\n" + content)
            seeds.add("scep_captured", content)
            seeds.add("scep_captured", b"from a device:\n" + base64.encodebytes(content) + b"end\n")
        elif path.suffix == ".query":
            seeds.add("scep_query", content)
            seeds.add("scep_captured", b"2026-11-26 10:00:00 GET /scep " + content + b" 80 - 192.0.2.9 - - 200 0 0 1\n")
            seeds.add("scep_visitors", b"2026-11-26 10:00:00 10.0.0.5 GET /scep " + content + b" 80 - 192.0.2.9 - - 200 0 0 1\n"
                      + b"#Fields: c-ip sc-status cs-uri-query time date\n192.0.2.7 414 operation=GetCACert 10:00:00 2026-11-26\n")
    for path in sorted((seeds.out / "request").iterdir()):
        seeds.add("scep_inner", path.read_bytes())
    name = bytes.fromhex("300c310a300806035504030c0141")
    seeds.add("scep_inner", b"\x30\x1c" + name + name)  # IssuerAndSubject
    seeds.add("scep_inner", b"\x30\x11" + name + b"\2\1\5")  # IssuerAndSerialNumber
    for path in sorted(pathlib.Path(".").glob("src/**/*.toml")) + sorted(pathlib.Path("testdata").glob("**/*")):
        if path.suffix in (".toml", ".json"):
            seeds.add(path.suffix[1:], path.read_bytes())
        elif path.suffix == ".pem":
            seeds.add_pem(path.read_bytes())
        elif path.suffix == ".der":
            seeds.add("any", path.read_bytes())
        elif path.suffix == ".inf":
            seeds.add("capolicy", path.read_bytes())
        if path.suffix in (".p7b", ".pem"):
            seeds.add("certificate_files", path.read_bytes())
    for kind, text in (
        ("toml", b'name = "Example"\n[keys]\nallow = ["ec:P-256"]\nsize = 2048\non = true\n'),
        ("json", b'{"a": [1, -2, true, null, "x\\u00e9"], "b": {"c": 18446744073709551615}}'),
        ("locations", b"65:/srv/pki/%3%8%9.crl"),
        ("locations", b"PublishToServer,AddToCrlIdp:file:///srv/<CaName><CRLNameSuffix><DeltaCRLAllowed>.crl"),
        ("locations", b"14:ldap:///CN=%7%8,CN=%2,CN=CDP,CN=Public Key Services,CN=Services,%6%10"),
        ("locations", b"34:https://%1/%4%5%11"),
        ("locations", b"cdp http://a/x.crl\nocsp http://o/\naia http://a/x.crt\n"),
        ("audit_head", "vouch-audit/8c3b6251b2eea002\n61\n{}\ntime 2026-11-18T11:06:40Z\n\n\u2014 vouch-audit/8c3b6251b2eea002 {}\n"
         .format(base64.b64encode(bytes(32)).decode(), base64.b64encode(bytes(68)).decode()).encode()),
        ("general_name", b"otherName:1.2.3:#0c0161"),
        ("general_name", b"DirName:CN=Example,O=Acme\\, Inc."),
        ("general_name", b"IP:2001:db8::1"),
        ("http_request", b"GET /ocsp/MEow%2BQ%3D%3D?a=b HTTP/1.1\r\nHost: pki.example.test\r\nIf-None-Match: \"x\"\r\n\r\n"),
        ("http_request", b"POST /ocsp HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n4;a=\"b\"\r\nWiki\r\n0\r\nTrailer: x\r\n\r\n"),
        ("http_request", b"POST http://a/b HTTP/1.0\r\nContent-Length: 3\r\nForwarded: for=\"[::1]:1\"\r\nConnection: keep-alive\r\n\r\nabc"),
        ("http_request", b"5\r\n12345\r\n1\r\n6\r\n0\r\n\r\n"),
        ("url", b"operation=PKIOperation&message=MII%2BAA%3D%3D&x=a+b%252B"),
        ("url", b"+//+AA=="),
        ("name", b"CN=Example \\+ Co,O=Acme\\, Inc.+OU=#0402AABB,C=DE"),
    ):
        seeds.add(kind, text)
    for path in sorted((seeds.out / "crl").iterdir()):
        seeds.add("crl_index", path.read_bytes())
        seeds.add("indexed_crl", path.read_bytes())
    for request in ocsp_requests():
        seeds.add("ocsp_face", b"\0" + request)
        seeds.add("ocsp_face", b"\1" + base64.b64encode(request))
        seeds.add("ocsp_face", b"\1" + base64.b64encode(request).replace(b"/", b"%2F").replace(b"+", b"%2b").replace(b"=", b""))
    for configuration in (
        '[listener.http]\naddress = "0.0.0.0:80"\nserves = ["ocsp", "distribution"]\n[listener.local]\nenabled = false\n',
        '[tls]\nissuer = "R"\nnames = "a.example"\n[listener.s]\naddress = "[::]:443"\ntls = true\nserves = "ocsp"\n'
        'client_certificates = "optional"\n',
        '[service]\nthreads = 2\n[limits]\nidle = "5s"\n[proxies]\ntrusted = "10.0.0.0/8"\nfield = "Forwarded"\n',
        '[ocsp]\nvalidity = "4h"\nnever_issued = "revoked"\npresign = true\n[access_log]\nfile = "a.log"\nform = "json"\n',
        '[ocsp_source.a]\nca_certificate = "ca.pem"\ncrls = ["http://a/a.crl", "a+.crl"]\ncertificate = "o.pem"\nkey = "o.key"\n',
        '[signer]\nprocess = false\nreadable = "/etc/a, /etc/b"\n[issuance]\nnode = 2\n',
    ):
        seeds.add("service_configuration", configuration.encode())
    for request in service_requests():
        seeds.add("service_routes", request)
    # Microsoft's default templates, one each; the numbers of weak keys as lists have them.
    for template in pathlib.Path("testdata/templates/ms-crtd.txt").read_bytes().split(b"\n\n")[1:]:
        seeds.add("directory_attributes", template)
    seeds.add("key_blocklist", b"# weak keys\n042dcb33f1f6f3ce9eee\n\nb7ead9492dfd921fc4f9\n00005890BC78BCBEE3CA\r\n")
    seeds.add(
        "crl_line",
        b'{"issuer": "CN=CA", "issuer_key": "6361", "key_identifier": "0102", "delta": false, "highest": "05", '
        b'"fingerprint": "aabb", "file": {"stem": "0123456789abcdef0123456789abcdef-0123456789abcdef", "octets": 9, '
        b'"index_octets": 8, "entries": 1, "this_update": "2026-06-01T00:00:00Z", "next_update": null, "url": "http://a/", '
        b'"fetched_at": "2026-06-01T00:00:00Z", "etag": "", "last_modified": ""}}',
    )
    # Two changes of groups, then one issuer and its name "x".
    words = (1, 16, 1, 0)
    seeds.add("crl_index_parts", b"\x04\x01\x80\x09\x01" + b"".join(w.to_bytes(4, "little") for w in words) + b"x")
    for kind in ("certificate", "crl", "request"):
        for path in sorted((seeds.out / kind).iterdir())[:60]:
            seeds.add("any", path.read_bytes())
    print(f"{seeds.count} seeds")
    return 0


sys.exit(main())
