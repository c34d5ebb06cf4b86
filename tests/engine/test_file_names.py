"""Names of files as they were meant, and safe."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mails import multipart, raw

from odoo.addons.mailbox_connector.engine.mime.content import MAX_FILENAME
from odoo.addons.mailbox_connector.engine.mime.parse import parse_message


def name_of(fields: str) -> str:
    """The name of a file whose part has these fields."""
    (file,) = parse_message(multipart("mixed", raw(fields, "data"))).attachments
    assert file.content == b"data"
    return file.filename


def name_by(disposition: str) -> str:
    head = "Content-Type: application/x-thing\nContent-Disposition: "
    return name_of(head + disposition)


# Which of several names


@pytest.mark.parametrize(
    "parameters",
    [
        "filename=\"????.pdf\"; filename*=UTF-8''%E5%B0%8F%E8%AA%AA.pdf",
        "filename*=UTF-8''%E5%B0%8F%E8%AA%AA.pdf; filename=\"????.pdf\"",
        "filename=x.pdf; filename*=UTF-8''%E5%B0%8F%E8%AA%AA.pdf",
        "filename=x.pdf; filename*0*=UTF-8''%E5%B0%8F; filename*1*=%E8%AA%AA.pdf",
        "filename*=\"UTF-8''%E5%B0%8F%E8%AA%AA.pdf\"; filename=x.pdf",
        "FileName*=utf-8'zh'%e5%b0%8f%e8%aa%aa.pdf",
        "filename=\"UTF-8''%E5%B0%8F%E8%AA%AA.pdf\"",
        'filename*0="UTF-8\'\'%E5%B0%8F"; filename*1="%E8%AA%AA.pdf"',
        'filename="=?utf-8?b?5bCP6Kqq?=.pdf"',
        "filename==?utf-8?b?5bCP6Kqq?=.pdf",
        'filename="=?utf-8?b?5bCP?= =?utf-8?b?6Kqq?=.pdf"',
        "filename==?utf-8?b?5bCP?=\n =?utf-8?b?6Kqq?=.pdf",
        'filename*0="=?utf-8?b?5bCP?= =?utf-8?b?6K"; filename*1="qq?=.pdf"',
        "filename*=utf-8''=?utf-8?b?5bCP6Kqq?=.pdf",
        'filename="\udce5\udcb0\udc8f\udce8\udcaa\udcaa.pdf"',
        "filename*=iso-8859-1''%E5%B0%8F%E8%AA%AA.pdf",
        "filename*=''%E5%B0%8F%E8%AA%AA.pdf",
        "filename*=%E5%B0%8F%E8%AA%AA.pdf",
        "filename*=utf8'%E5%B0%8F%E8%AA%AA.pdf",
        "filename*=x-nothing''%E5%B0%8F%E8%AA%AA.pdf",
        "filename*=big5''%A4p%BB%A1.pdf",
        "filename*=UTF-8''\"%E5%B0%8F%E8%AA%AA.pdf\"",
    ],
)
def test_the_name_in_all_letters_counts(parameters):
    assert name_by(f"attachment; {parameters}") == "小說.pdf"
    assert name_by(f"attachment;{parameters};size=4") == "小說.pdf"


@pytest.mark.parametrize(
    "fields",
    [
        "Content-Type: application/x-thing; name=b.pdf\n"
        "Content-Disposition: attachment; filename=a.pdf",
        "Content-Type: x-a/x-b; name=a.pdf\nContent-Disposition: attachment",
        "Content-Type: application/x-thing; name=a.pdf\n"
        "Content-Disposition: attachment; filename=",
        "Content-Type: application/x-thing; name=a.pdf\n"
        'Content-Disposition: attachment; filename="?.pdf"',
        "Content-Type: application/x-thing; filename=a.pdf",
        "Content-Type: x-a/x-b\nContent-Disposition: attachment; name=a.pdf",
        "Content-Disposition: inline; filename=a.pdf",
        "Content-Disposition: attachment\nContent-Disposition: inline; filename=a.pdf",
        "Content-Type: application/x-thing\nContent-Disposition: filename=a.pdf",
        "Content-Type: application/x-thing\n"
        "Content-Disposition: attachment filename=a.pdf",
        "Content-Type: application/x-thing name=a.pdf",
        "Content-Type: name=a.pdf\nContent-Disposition: attachment",
    ],
)
def test_wherever_the_name_is(fields):
    assert name_of(fields) == "a.pdf"


@pytest.mark.parametrize("lost", ["????.pdf", "Gr??e.pdf", "=?broken.pdf", "__.pdf"])
def test_a_name_that_lost_letters_is_the_last_choice(lost):
    head = "Content-Type: x-a/x-b; name*=utf-8''Gr%C3%BC%C3%9Fe.pdf\n"
    disposition = f'Content-Disposition: attachment; filename="{lost}"'
    assert name_of(head + disposition) == "Grüße.pdf"


def test_a_name_of_lost_letters_is_better_than_none():
    assert name_by('attachment; filename="????.pdf"') == "_.pdf"


# Continuations


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ("filename*0=one; filename*1=two.pdf", "onetwo.pdf"),
        ("filename*1=two.pdf; filename*0=one", "onetwo.pdf"),
        ("filename*1*=two.pdf;\n filename*0*=\"utf-8''%C3%BCne\"", "ünetwo.pdf"),
        ("filename*1=one; filename*2=two.pdf", "onetwo.pdf"),
        ("filename*00=one; filename*01=two.pdf", "onetwo.pdf"),
        ("filename*0=one; filename*2=three.pdf", "onethree.pdf"),
        ("filename*0=one; filename*0=no; filename*1=two.pdf", "onetwo.pdf"),
        ("filename*0*=utf-8''%C3; filename*1*=%BC.pdf", "ü.pdf"),
        ("filename*0*=utf-8''%C3%BC%20; filename*1=\"50%.pdf\"", "ü 50%.pdf"),
        ("filename*0=a; filename*1*=%20b.pdf", "a b.pdf"),
        ("filename*10=j; filename*9=i; filename*0=a; filename*1=b.pdf", "ab.pdfij"),
        ("filename*0*=utf-8''a%20; filename*1=\"it's.pdf\"", "a it's.pdf"),
        ("filename*0*=iso-8859-1''%FC; filename*1*=%DF.pdf", "üß.pdf"),
    ],
)
def test_continued_names(parameters, name):
    assert name_by(f"attachment; {parameters}") == name


# Broken ones


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ("filename=offer for you.pdf", "offer for you.pdf"),
        ("filename=offer for you.pdf; size=1", "offer for you.pdf"),
        ("filename= offer.pdf ", "offer.pdf"),
        ("filename =offer.pdf", "offer.pdf"),
        ("filename=offer (1).pdf", "offer (1).pdf"),
        ("filename=offer (1)", "offer (1)"),
        ('filename="offer.pdf" (the offer)', "offer.pdf"),
        ("filename=offer.pdf (the offer)", "offer.pdf"),
        ("filename=offer.pdf (the offer); size=1", "offer.pdf"),
        ('filename="offer.pdf" (the; "offer"); size=1', "offer.pdf"),
        ('(first) filename="offer.pdf"', "offer.pdf"),
        ('filename="offer (1).pdf"', "offer (1).pdf"),
        ('filename="offer.pdf', "offer.pdf"),
        ('filename="offer.pdf; size=1', "offer.pdf"),
        ('filename=offer.pdf"', "offer.pdf"),
        ('filename=""offer.pdf""', "offer.pdf"),
        ("filename='offer.pdf'", "offer.pdf"),
        ("filename=\"'offer.pdf'\"", "offer.pdf"),
        ('filename="the "best" offer.pdf"', "the _best_ offer.pdf"),
        ('filename="the \\"best\\" offer.pdf"', "the _best_ offer.pdf"),
        ('filename="offer \\(1\\).pdf"', "offer (1).pdf"),
        ('filename="a; b=c.pdf"', "a; b=c.pdf"),
        ('filename="offer.pdf"x; size=1', "offer.pdf"),
        ('filename="offer.pdf" size=1', "offer.pdf"),
        ('size=1,filename="offer.pdf"', "offer.pdf"),
        ('filename="offer.pdf",size=1', "offer.pdf"),
        ("; ; filename=offer.pdf;;", "offer.pdf"),
        ("nothing; filename=offer.pdf", "offer.pdf"),
        ("filename*=utf-8''100%25.pdf", "100%.pdf"),
        ("filename*=utf-8''100%.pdf", "100%.pdf"),
        ("filename*=utf-8''%zz%C3%BC.pdf", "%zzü.pdf"),
        ("filename*=utf-8''%C3.pdf", "Ã.pdf"),
        ("filename*=it's%20mine.pdf", "it's mine.pdf"),
        ("filename=\"O'Brien's.pdf\"", "O'Brien's.pdf"),
        ("filename*=O'Brien's.pdf", "O'Brien's.pdf"),
        ("filename=100%25.pdf", "100%25.pdf"),
        ('filename="Grüße.pdf"', "Grüße.pdf"),
        ("filename=Grüße aus Köln.pdf", "Grüße aus Köln.pdf"),
        ('filename="=?utf-8?q?broken.pdf"', "=_utf-8_q_broken.pdf"),
    ],
)
def test_names_that_are_nearly_right(parameters, name):
    assert name_by(f"attachment; {parameters}") == name
    assert name_by(f"attachment;\n\t{parameters}") == name


# Safe ones


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("C:\\x\\y.pdf", "y.pdf"),
        ("C:\\\\x\\\\y.pdf", "y.pdf"),
        ("\\\\server\\share\\y.pdf", "y.pdf"),
        ("../../y.pdf", "y.pdf"),
        ("..\\..\\y.pdf", "y.pdf"),
        ("/etc/y.pdf", "y.pdf"),
        ("file:///etc/y.pdf", "y.pdf"),
        ("folder/", "folder"),
        ("y.pdf/", "y.pdf"),
        ("y\x00.pdf", "y.pdf"),
        ("y\x07\x1bz.pdf", "y z.pdf"),
        ("y\u202efdp.exe", "y_fdp.exe"),
        ("y\u2066\u2069.pdf", "y_.pdf"),
        ("z\ufeffy.pdf", "z_y.pdf"),
        ("y\u200b.pdf", "y_.pdf"),
        ("y\x85\u2028.pdf", "y_.pdf"),
        ("y\r\n z.pdf", "y z.pdf"),
        ('<y|"z*?>.pdf', "_y_z_.pdf"),
        (" y.pdf. ", "y.pdf"),
        ("..", "part-1.bin"),
        (".", "part-1.bin"),
        ("///", "part-1.bin"),
        ("", "part-1.bin"),
        ("x" * 400 + ".pdf", "x" * (MAX_FILENAME - 4) + ".pdf"),
        ("小" * 400 + ".xlsx", "小" * (MAX_FILENAME - 5) + ".xlsx"),
        ("x" * 400 + ".tar.gz", "x" * (MAX_FILENAME - 7) + ".tar.gz"),
        ("x" * 400, "x" * MAX_FILENAME),
        ("x." + "y" * 400, "x." + "y" * (MAX_FILENAME - 2)),
    ],
)
def test_names_are_safe(name, safe):
    assert name_by(f'attachment; filename="{name}"') == safe


@pytest.mark.parametrize(
    ("content_type", "name"),
    [
        ("image/png", "image-1.png"),
        ("image/jpeg", "image-1.jpg"),
        ("application/pdf", "part-1.pdf"),
        ("foo/bar", "part-1.bin"),
    ],
)
def test_without_a_name_it_is_of_the_type(content_type, name):
    assert name_of(f"Content-Type: {content_type}") == name


PIECES = st.sampled_from(
    ["filename", "name", "*", "0", "1", "=", ";", '"', "\\", "(", ")", "'", "utf-8''",
     "%", "%C3", "x.pdf", " ", "=?utf-8?q?", "?=", "/", "\udcff", "é", "\u202e", ","]
)  # fmt: skip


@given(st.lists(PIECES, max_size=30).map("".join))
def test_no_name_is_dangerous(value):
    name = name_by(f"attachment; {value}")
    assert 0 < len(name) <= MAX_FILENAME and name not in (".", "..")
    assert not re.search(r'[\x00-\x1f<>:"/\\|?*\u202a-\u202e]', name)


ABSURD = {
    "sections": "".join(f"; filename*{number}=x" for number in range(5_000)),
    "quotes": '; filename="' + '" ' * 20_000,
    "backslashes": '; filename="' + "\\" * 50_000 + '"',
    "escaped quotes": '; filename="' + '\\" ' * 20_000,
    "percent": "; filename*=utf-8''" + "%C3" * 20_000,
    "apostrophes": "; filename*=" + "'" * 50_000,
    "parentheses": "; filename=x" + " (" * 20_000,
    "closed parentheses": "; filename=x" + " ()" * 20_000,
    "slashes": '; filename="' + "/" * 50_000 + '"',
    "encoded words": '; filename="' + "=?utf-8?q?x?= " * 4_000 + '"',
}


@pytest.mark.parametrize("value", ABSURD.values(), ids=ABSURD)
def test_absurd_names_are_read_in_linear_time(value):
    start = time.process_time()
    name_by(f"attachment{value}")
    assert time.process_time() - start < 1
