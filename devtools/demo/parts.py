"""Pieces of e-mails: a small PDF, a picture, quotes as mail apps write them."""

import struct
import zlib
from collections.abc import Sequence
from html import escape


def pdf(lines: Sequence[str]) -> bytes:
    """A page of text (ASCII), as a PDF that every reader opens."""
    text = "".join(
        "({}) ' ".format(line.translate({40: "\\(", 41: "\\)", 92: "\\\\"}))
        for line in lines
    )
    content = f"BT /F1 14 Tf 24 TL 72 760 Td {text}ET"
    objects = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        " /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    out, places = "%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{each}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}"
    end += f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return (out + end).encode("ascii")


def photo(width: int = 320, height: int = 200) -> bytes:
    """A PNG picture: a blue tile with a crack."""
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        crack = width // 3 + abs(y % 26 - 13) + y // 2
        for x in range(width):
            edge = min(x, y, width - 1 - x, height - 1 - y) < 8
            cracked = abs(x - crack) < 3
            light = 40 * (x + y) // (width + height)
            colour = (90 + light, 140 + light, 190 + light)
            rows += bytes((30, 30, 40) if cracked else (220,) * 3 if edge else colour)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def paragraphs(text: str, tag: str = "p", attributes: str = "") -> str:
    """Html of a text whose paragraphs are parted by empty lines."""
    return "".join(
        f"<{tag}{attributes}>{escape(each).replace(chr(10), '<br>')}</{tag}>"
        for each in text.strip().split("\n\n")
    )


def text_quote(text: str, introduction: str) -> str:
    quoted = "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())
    return f"{introduction}\n{quoted}\n"


def outlook(text: str, quoted: str, sender: str, date: str, subject: str) -> str:
    """An answer in html as Outlook on a desktop writes it."""
    normal = ' class="MsoNormal" style="margin:0cm;font-size:11.0pt"'
    return (
        '<html xmlns:o="urn:schemas-microsoft-com:office:office"><head>'
        "<style><!-- p.MsoNormal {margin:0cm; font-family:Calibri} --></style></head>"
        '<body lang="EN-GB" link="#0563C1"><div class="WordSection1">'
        f"{paragraphs(text, 'p', normal)}<p{normal}><o:p>&nbsp;</o:p></p><div>"
        '<div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm">'
        f"<p{normal}><b>From:</b> {escape(sender)}<br><b>Sent:</b> {date}<br>"
        f"<b>Subject:</b> {escape(subject)}</p></div></div>"
        f"{paragraphs(quoted, 'p', normal)}</div></body></html>"
    )


def gmail(text: str, quoted: str, sender: str, date: str) -> str:
    """An answer in html as Gmail writes it."""
    return (
        f'<div dir="ltr">{paragraphs(text, "div")}</div><br>'
        '<div class="gmail_quote"><div dir="ltr" class="gmail_attr">'
        f"On {date}, {escape(sender)} wrote:<br></div>"
        '<blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;'
        'border-left:1px solid rgb(204,204,204);padding-left:1ex">'
        f"{paragraphs(quoted, 'div')}</blockquote></div>"
    )
