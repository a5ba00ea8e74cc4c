"""A receiver of GitHub's deliveries in Python's standard library: right, or with one fault.

Usage: receiver.py FAULT RAN. The secrets are in SECRET and SECRET_PREVIOUS. Prints its port.
"""

import hashlib
import hmac
import json
import os
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAULT, RAN = sys.argv[1:3]
LIMIT = 1024 * 1024
SECRETS = [secret for secret in (os.environ["SECRET"], os.environ["SECRET_PREVIOUS"]) if secret]
if FAULT == "none":
    SECRETS.append(str(os.environ.get("SECRET_THAT_IS_NOT_SET")))

seen = set()
lock = threading.Lock()


class TooLarge(Exception):
    pass


class Broken(Exception):
    pass


def matches(body, given):
    expected = ["sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for secret in SECRETS]
    return any(hmac.compare_digest(each.encode(), given.encode("latin-1")) for each in expected)


def claim(body):
    key = hashlib.sha256(body).digest()
    if FAULT == "unlocked":
        if key in seen:
            return False
        time.sleep(0.05)
        seen.add(key)
        return True
    with lock:
        if key in seen:
            return False
        seen.add(key)
        return True


def run(body):
    with lock:
        with open(RAN, "a") as file:
            file.write("run\n")
    if b"please-fail" in body:
        with lock:
            seen.discard(hashlib.sha256(body).digest())
        raise RuntimeError("the handler fails, as asked")


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        try:
            body = self.read_body()
        except TooLarge:
            return self.respond(413, close=True)
        except Broken:
            self.close_connection = True
            return None
        if FAULT == "missing-header":
            given = self.headers["x-hub-signature-256"]
            given.strip()
        else:
            given = self.headers.get("x-hub-signature-256", "")
        if FAULT == "dumps":
            # The thread ends if this is not JSON, like in the receivers that it is taken from.
            signed = json.dumps(json.loads(body)).encode()
        elif FAULT == "decode":
            signed = body.decode("utf-8").encode("utf-8")
        else:
            signed = body
        if not matches(signed, given):
            try:
                raise ValueError("bad signature")
            except ValueError:
                return self.respond(401, traceback.format_exc() if FAULT == "traceback" else "refused")
        if not claim(body):
            return self.respond(200, "ok")
        try:
            run(body)
        except RuntimeError:
            return self.respond(500, "failed")
        return self.respond(200, "ok")

    def do_GET(self):
        self.respond(405)

    do_HEAD = do_DELETE = do_PUT = do_GET

    def read_body(self):
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            return self.read_chunks()
        length = int(self.headers.get("content-length", 0))
        if length > LIMIT:
            raise TooLarge
        if FAULT == "read1":
            return self.rfile.read1(length) if length > 0 else b""
        body = self.rfile.read(length)
        if len(body) < length:
            raise Broken
        return body

    def read_chunks(self):
        body = b""
        while True:
            size = int(self.rfile.readline().split(b";")[0] or b"0", 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if len(body) > LIMIT:
                raise TooLarge
            if size == 0:
                return body

    def respond(self, status, text="", close=False):
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if close:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass


server = Server(("127.0.0.1", 0), Receiver)
print(server.server_address[1], flush=True)
server.serve_forever()
