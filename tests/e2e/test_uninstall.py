"""The addon goes: Odoo works on, and nobody reads what they could not read before.

In a database of its own, by processes of their own: installed, filled, uninstalled,
then asked over RPC as the people concerned.
"""

import json
import os
import subprocess
import urllib.error
from pathlib import Path

import pytest

from devtools.base import process
from devtools.odoo import database, launch
from devtools.odoo.rpc import RpcError, Session

FILL = """
from odoo.addons.mailbox_connector.tests.common import MailboxMixin, PNG, mail

class Office(MailboxMixin):
    pass

Office.env = env
owner = Office.make_user("mb_owner", "mailbox_connector.group_mailbox_user")
owner.group_ids += env.ref("base.group_partner_manager")
Office.make_user("mb_agent", "base.group_user")
portal = Office.make_user("mb_portal", "base.group_portal")
portal.partner_id.email = "customer@example.com"
files = {"attachments": [("offer.pdf", b"%PDF-1.4 offer")]}
picture = {"html": '<p>open text</p><img src="cid:p@x">', "inline": [("p@x", PNG)]}
for address, visibility, subject, content in (
    ("sales@example.org", "everyone", "Open", picture),
    ("board@example.org", "members", "Closed", {"text": "closed text"}),
):
    account = Office.make_account(address, owner=owner, visibility=visibility)
    Office.import_mail(
        mail(to=address, subject=subject, **files, **content), account=account
    )
    server = env["ir.mail_server"].search([("mailbox_account_id", "=", account.id)])
    message = portal.partner_id.with_user(owner).message_post(body="Answer")
    env["mail.mail"].sudo().create({
        "mail_message_id": message.id, "state": "outgoing", "email_to": "a@example.com",
        "mailbox_account_id": account.id, "mailbox_email_from": address,
        "mail_server_id": server.id,
    })
account.report_problem("imap", "Reading (IMAP): no", at_once=True)
account.alert_ids._notify()
assert account.activity_ids
assert env["mail.message"].search([("model", "=", "mailbox.account")])
env["ir.config_parameter"].set_param("mailbox_connector.allowed_networks", "::1")
env["res.config.settings"].create({"mailbox_workers": 3}).execute()
env.cr.commit()
"""

LOOK = """
import json

def all_of(model, *domain):
    return env[model].with_context(active_test=False).search(list(domain))

env.cr.execute("SELECT tablename FROM pg_tables WHERE tablename LIKE 'mailbox%'")
files = all_of("ir.attachment", ("name", "in", ["offer.pdf", "inline.png"]))
messages = all_of("mail.message", ("subject", "in", ["Open", "Closed"]))
print("FOUND " + json.dumps({
    "module": all_of("ir.module.module", ("name", "=", "mailbox_connector")).state,
    "tables": [name for (name,) in env.cr.fetchall()],
    "messages": messages.mapped("subject"),
    "bodies": len(all_of("mail.message", ("body", "like", "closed text"))),
    "copy": messages.filtered(lambda message: message.subject == "Open").id,
    "files": files.mapped("res_model"),
    "file_ids": files.ids,
    "orphans": all_of(
        "ir.attachment", ("id", "!=", False), ("res_model", "like", "mailbox.")
    ).ids,
    "mails": all_of("mail.mail", ("email_to", "=", "a@example.com")).mapped("state"),
    "servers": all_of("ir.mail_server").mapped("name"),
    "crons": all_of("ir.cron", ("cron_name", "like", "Mailboxes")).ids,
    "menu_groups": env.ref("base.menu_administration").group_ids.mapped("name"),
    "groups": all_of("res.groups", ("name", "ilike", "mailbox")).ids,
    "rules": all_of("ir.rule", ("name", "ilike", "mailbox")).ids,
    "activities": all_of("mail.activity", ("res_model", "like", "mailbox.")).ids,
    "notices": all_of("mail.message", ("model", "like", "mailbox.")).ids,
    "followers": all_of("mail.followers", ("res_model", "like", "mailbox.")).ids,
    "parameters": all_of("ir.config_parameter", ("key", "like", "mailbox_conn")).ids,
}))
"""


def shell(name: str, script: str) -> str:
    """Run Python in ``odoo shell`` on a database; what it prints."""
    done = subprocess.run(
        launch.command("shell", "-d", name, "--no-http", "--log-level=warn"),
        input=script,
        capture_output=True,
        text=True,
        check=False,
        env=launch.environment(),
    )
    assert not done.returncode and "Traceback" not in done.stderr, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def uninstalled():
    """The address of an Odoo that had the addon, and what is found in its database."""
    logs = Path(os.environ["MAILBOX_TEST_LOGS"])
    name = f"{os.environ['MAILBOX_TEST_DATABASE']}_uninstall"
    try:
        database.prepare(name, log=logs / "uninstall-install.log")
        shell(name, FILL)
        shell(
            name,
            "env['ir.module.module'].search([('name', '=', 'mailbox_connector')])"
            ".button_immediate_uninstall()\n",
        )
        printed = shell(name, LOOK)
        found = next(line for line in printed.splitlines() if "FOUND " in line)
        # Odoo logs each refusal as a warning; refusals are what is asked for.
        server, address = launch.serve(
            name,
            logs / "uninstall.log",
            cron_threads=0,
            settings={"log_handler": ":INFO,odoo.http:ERROR"},
        )
        try:
            launch.wait_until_served(server, address)
            yield name, address, json.loads(found.partition("FOUND ")[2])
        finally:
            process.end(server)
    finally:
        database.drop(name)


def test_nothing_of_the_addon_is_left(uninstalled):
    _name, _address, found = uninstalled
    assert found["module"] == "uninstalled"
    kinds = "tables", "crons", "groups", "rules", "parameters", "servers", "orphans"
    kinds += "activities", "notices", "followers"
    for kind in kinds:
        assert found[kind] == [], kind
    assert not any("mailbox" in (name or "").lower() for name in found["menu_groups"])


def test_members_only_mail_is_gone_with_its_files(uninstalled):
    _name, _address, found = uninstalled
    assert found["messages"] == ["Open"]
    assert found["bodies"] == 0
    assert found["files"] == ["mail.message"] * 2


def test_what_waited_for_a_mailbox_is_cancelled(uninstalled):
    _name, _address, found = uninstalled
    assert found["mails"] == ["cancel", "cancel"]


def test_internal_users_read_on(uninstalled):
    name, address, found = uninstalled
    agent = Session(address, name, "mb_agent", "mb_agent")
    message = agent.read(
        "mail.message", found["copy"], "subject", "body", "is_internal"
    )
    assert message["subject"] == "Open"
    assert "open text" in message["body"]
    files = agent.call("ir.attachment", "read", found["file_ids"], ["name"])
    assert {file["name"] for file in files} == {"offer.pdf", "inline.png"}


def test_portal_users_still_read_nothing(uninstalled):
    name, address, found = uninstalled
    portal = Session(address, name, "mb_portal", "mb_portal")
    with pytest.raises(RpcError):
        portal.read("mail.message", found["copy"], "body")
    assert portal.call("mail.message", "search", [["id", "=", found["copy"]]]) == []
    for file_id in found["file_ids"]:
        with pytest.raises(RpcError):
            portal.call("ir.attachment", "read", [file_id], ["raw"])
        for path in (f"/web/content/{file_id}", f"/web/content/{file_id}?download=1"):
            with pytest.raises(urllib.error.HTTPError):
                portal._opener.open(address + path)
