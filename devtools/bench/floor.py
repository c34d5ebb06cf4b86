"""The floor: what importing mail costs at the very least, in plain Python.

Raw IMAP fetch (imaplib, a hundred at a time), `email` with its fastest policy, one
INSERT for each table of the rows that our import writes as well (e-mail, its copy in
the chatter, its link to the contact, attachments), into the same tables with their
indexes, and one commit. The bytes of attachments go to files named by their SHA-1, as
Odoo's file store has them. It leaves out whatever makes an import right: no html is
cleaned, no double looked for, nothing resumed, threaded, encoded with care.

`run` gets `env` in the Odoo process (see `worker`) and uses its cursor alone.
"""

import email
import hashlib
import imaplib
import ssl
from datetime import timezone
from email.message import Message
from email.utils import getaddresses, parseaddr, parsedate_to_datetime
from pathlib import Path

from psycopg2.extras import execute_values

from .inside import Clock

BATCH = 100


def run(env, host: str, port: int, user: str, password: str, ca: str) -> dict:
    store = Path(env["ir.attachment"]._full_path("floor"))
    store.mkdir(parents=True)
    cr = env.cr
    cr.execute("SELECT id FROM mailbox_account")
    audience_id = (
        env["mailbox.audience"].for_accounts(env["mailbox.account"].search([])).id
    )
    cr.commit()
    context = ssl.create_default_context(cadata=ca)
    with Clock(env) as clock:
        with imaplib.IMAP4_SSL(host, port, ssl_context=context) as imap:
            imap.login(user, password)
            messages = [email.message_from_bytes(raw) for raw in _fetch(imap)]
        _insert(cr, messages, audience_id, store)
        cr.commit()
    cr.execute("SELECT count(*) FROM mailbox_link")
    return {**clock.times, "linked": cr.fetchone()[0]}


def _fetch(imap):
    imap.select("INBOX", readonly=True)
    found = imap.uid("SEARCH", "ALL")[1][0].split()
    for start in range(0, len(found), BATCH):
        batch = b",".join(found[start : start + BATCH]).decode()
        for part in imap.uid("FETCH", batch, "(UID BODY.PEEK[])")[1]:
            if isinstance(part, tuple):
                yield part[1]


def _insert(cr, messages: list[Message], audience_id: int, store: Path) -> None:
    senders = [parseaddr(message["From"])[1].lower() for message in messages]
    cr.execute(
        "SELECT email_normalized, id FROM res_partner WHERE email_normalized = ANY(%s)",
        [list(set(senders))],
    )
    partner_of = dict(cr.fetchall())
    partners = [partner_of[sender] for sender in senders]
    ids = _ids(cr, "mailbox_message", len(messages))
    copy_ids = _ids(cr, "mail_message", len(messages))
    cr.execute("SELECT res_id FROM ir_model_data WHERE name = 'mt_comment'")
    subtype_id = cr.fetchone()[0]
    mails, copies, files = [], [], []
    for message, id_, copy_id, partner in zip(messages, ids, copy_ids, partners):
        body, attachments = _content(message)
        date = parsedate_to_datetime(message["Date"])
        date = date.astimezone(timezone.utc).replace(tzinfo=None)
        to = ", ".join(one for _name, one in getaddresses(message.get_all("To", [])))
        digest = hashlib.sha256(message["Message-ID"].encode()).hexdigest()
        known = (message["Message-ID"], digest[:32], digest, audience_id, "in", date)
        mails.append((id_, *known, message["Subject"], message["From"], to))
        shown = (message["Subject"], body, date, partner, message["From"], to)
        copies.append(
            (copy_id, "res.partner", partner, "email", subtype_id, *shown)
            + (f"<{digest}@copy.invalid>", True, id_, audience_id)
        )
        files += [(copy_id, id_, *_stored(store, *one)) for one in attachments]
    _rows(
        cr,
        "mailbox_message (id, rfc_message_id, message_id_hash, fingerprint,"
        " audience_id, direction, date, subject, email_from, email_to)",
        mails,
    )
    _rows(
        cr,
        "mail_message (id, model, res_id, message_type, subtype_id, subject, body,"
        " date, author_id, email_from, incoming_email_to, message_id, is_internal,"
        " mailbox_message_id, mailbox_audience_id)",
        copies,
    )
    _rows(
        cr,
        "mailbox_link (message_id, partner_id, header, origin, mail_message_id)",
        [
            (id_, partner, "from", "matched", copy_id)
            for id_, partner, copy_id in zip(ids, partners, copy_ids)
        ],
    )
    file_ids = _ids(cr, "ir_attachment", len(files))
    _rows(
        cr,
        "ir_attachment (id, res_model, res_id, name, type, mimetype, store_fname,"
        " checksum, file_size)",
        [
            (file_id, "mailbox.message", id_, name, "binary", kind, path, sha, size)
            for file_id, (_copy, id_, name, kind, path, sha, size) in zip(
                file_ids, files
            )
        ],
    )
    _rows(
        cr,
        "message_attachment_rel (message_id, attachment_id)",
        [(one[0], file_id) for file_id, one in zip(file_ids, files)],
    )


def _content(message: Message) -> tuple[str, list[tuple[str, str, bytes]]]:
    """The body, html rather than text, and attachments (name, type, bytes)."""
    bodies, attachments = {}, []
    for part in message.walk():
        if part.is_multipart():
            continue
        content = part.get_payload(decode=True)
        if name := part.get_filename():
            attachments.append((name, part.get_content_type(), content))
        else:
            text = content.decode(part.get_content_charset("utf-8"))
            bodies[part.get_content_subtype()] = text
    return bodies.get("html") or f"<pre>{bodies['plain']}</pre>", attachments


def _stored(store: Path, name: str, kind: str, content: bytes) -> tuple:
    sha = hashlib.sha1(content).hexdigest()
    (store / sha).write_bytes(content)
    return name, kind, f"floor/{sha}", sha, len(content)


def _ids(cr, table: str, count: int) -> list[int]:
    cr.execute(f"SELECT nextval('{table}_id_seq') FROM generate_series(1, {count})")
    return [row[0] for row in cr.fetchall()]


def _rows(cr, into: str, rows: list[tuple]) -> None:
    if rows:
        execute_values(cr._obj, f"INSERT INTO {into} VALUES %s", rows, page_size=10_000)
