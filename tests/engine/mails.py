"""Raw messages, made by hand: what no library would write."""

from __future__ import annotations

import base64
from datetime import datetime, timezone

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
    "AABJRU5ErkJggg=="
)
RECEIVED = datetime(2026, 5, 1, 12, 0, tzinfo=timezone.utc)


def raw(headers: str = "", body: str | bytes = "") -> bytes:
    body = body if isinstance(body, bytes) else body.encode()
    return headers.replace("\n", "\r\n").encode("utf-8", "surrogateescape") + (
        b"\r\n\r\n" + body
    )


def text_part(content_type: str, body: bytes, encoding: str = "8bit") -> bytes:
    head = f"Content-Type: {content_type}\nContent-Transfer-Encoding: {encoding}"
    return raw(head, body)


def multipart(
    kind: str, *parts: bytes, boundary: str = "BB", end: bool = True
) -> bytes:
    head = f'MIME-Version: 1.0\nContent-Type: multipart/{kind}; boundary="{boundary}"'
    delimiter = f"--{boundary}\r\n".encode()
    body = b"".join(delimiter + part + b"\r\n" for part in parts)
    return raw(head, body + (f"--{boundary}--\r\n".encode() if end else b""))
