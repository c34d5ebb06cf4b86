"""A nameserver and an https server of this machine, for tests of discovery.

dns = NameServer({("example.com", "MX"): ["10 mx.mail.example"]})
web = FileServer(ca_folder, {"https://example.com/a.xml": b"..."})
...
dns.stop(), web.stop()
"""

import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from . import certificates

HOST = "127.0.0.1"


class NameServer:
    """Answers from `records`: (name, type) to the texts of its records.

    A name without records does not exist; `silent` names are never answered.
    """

    def __init__(
        self,
        records: Mapping[tuple[str, str], Sequence[str]],
        silent: Sequence[str] = (),
    ):
        self.records = {(name.lower(), kind): v for (name, kind), v in records.items()}
        self.silent = set(silent)
        self.asked: list[tuple[str, str]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    def stop(self) -> None:
        """Stop answering; a last datagram wakes the thread."""
        self._socket.sendto(b"", (HOST, self.port))
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, client = self._socket.recvfrom(4096)
            if not data:
                return
            query = dns.message.from_wire(data)
            if answer := self._answer(query):
                self._socket.sendto(answer.to_wire(), client)

    def _answer(self, query: dns.message.Message) -> dns.message.Message | None:
        [question] = query.question
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name in self.silent:
            return None
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        found = self.records.get((name, kind))
        if found:
            answer.answer.append(
                dns.rrset.from_text_list(
                    question.name,
                    60,
                    "IN",
                    kind,
                    found,
                    origin=dns.name.root,
                    relativize=False,
                )
            )
        elif not any(known == name for known, _kind in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer


class FileServer:
    """Serves `files` by their whole https URL, with certificates for their hosts.

    A value that is text is a redirection to it.
    """

    def __init__(self, folder: Path, files: Mapping[str, bytes | str]):
        self.asked: list[str] = []
        hosts = tuple(sorted({url.split("/")[2] for url in files})) or ("localhost",)
        name = f"files-{abs(hash(hosts))}"
        certificate, key = certificates.server(folder, name, hosts)
        handler = type("Handler", (_Handler,), {"files": dict(files), "owner": self})
        self._server = ThreadingHTTPServer((HOST, 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.port = self._server.server_address[1]
        self.ca_pem = (folder / "ca.pem").read_text()
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    files: dict[str, bytes | str]
    owner: FileServer

    def do_GET(self):  # the library's name
        url = f"https://{self.headers['Host'].partition(':')[0]}{self.path}"
        self.owner.asked.append(url)
        found = self.files.get(url)
        if found is None:
            self.send_error(404)
        elif isinstance(found, str):
            self.send_response(302)
            self.send_header("Location", found)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(found)))
            self.end_headers()
            self.wfile.write(found)

    def log_message(self, *_args):
        """Say nothing."""
