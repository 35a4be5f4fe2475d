#!/usr/bin/python3
"""usage: webhook_service.py SECRET_FILE RECORD

An outside service for 68-mdm.sh, written after step-ca's webhooks: prints its port, verifies the signature of each
body, writes each to RECORD (one JSON a line) and answers by the path it was called at."""

import hashlib
import hmac
import http.server
import json
import sys
import time

SECRET = open(sys.argv[1], "rb").readline().strip()
RECORD = open(sys.argv[2], "a", buffering=1)


def decide(path, body):
    """Status and text of the answer."""
    challenge = body.get("scepChallenge")
    if path == "/decide" and challenge == "let me in":
        return 200, json.dumps({"allow": True, "data": {"device": "d-7"}})
    if path == "/decide":
        return 200, json.dumps({"allow": False, "error": {"code": "DeviceUnknown", "message": "no such device"}})
    if path == "/slow":
        time.sleep(6)
        return 200, json.dumps({"allow": True})
    if path == "/wrong":
        return 200, "yes"
    if path == "/broken":
        return 500, json.dumps({"allow": True})
    return 200, "{}"  # /notify


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        octets = self.rfile.read(int(self.headers["Content-Length"]))
        wanted = hmac.new(SECRET, octets, hashlib.sha256).hexdigest()
        signed = hmac.compare_digest(wanted, self.headers.get("X-Smallstep-Signature", ""))
        body = json.loads(octets)
        RECORD.write(json.dumps({"path": self.path, "signed": signed, "body": body}) + "\n")
        status, text = decide(self.path, body) if signed else (401, "{}")
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
