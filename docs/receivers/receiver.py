"""Receives webhooks of the order service: checks the signature, drops repeats, prints one line of JSON for each message.

    ORDER_WEBHOOK_SECRET=whsec_... python3 receiver.py [PORT]

Python 3.9 or newer, nothing to install. The signature is that of Standard Webhooks, for which there are libraries too.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = base64.b64decode(os.environ["ORDER_WEBHOOK_SECRET"].removeprefix("whsec_"))
MOST_SECONDS = 300  # how old a message may be: an older one may be somebody's recording
MOST_BYTES = 1_000_000
seen = {}  # ids of messages and when they came; a real receiver keeps them where they outlive it


def is_genuine(headers, body):
    """Whether the message was signed with our key, and just now."""
    message, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > MOST_SECONDS:
        return False
    signed = f"{message}.{timestamp}.".encode() + body
    want = "v1," + base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    # While a secret is changed there are two signatures.
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(want, one) for one in given)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers.get("content-length", 0))
        if length > MOST_BYTES:
            return self.answer(413)
        body = self.rfile.read(length)
        if not is_genuine(self.headers, body):
            return self.answer(401)
        message = self.headers["webhook-id"]
        if message not in seen:
            # First do what is to be done, then answer: without a 2xx the message comes again.
            print(json.dumps(json.loads(body)), flush=True)
            seen[message] = time.time()
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Receiver)
print(f"listening on http://127.0.0.1:{server.server_port}", file=sys.stderr, flush=True)
server.serve_forever()
