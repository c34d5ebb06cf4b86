"""Settings that are found by asking: the domain's DNS, and the ports of its host.

What is published over https is tested with the engine alone: port 443 is not ours.
"""

import pytest

from odoo.exceptions import ValidationError
from odoo.tests import Form

from devtools.servers.discovery_servers import NameServer


@pytest.fixture
def ask(env):
    """Serves DNS records, and has Odoo ask for them."""
    running = []

    def start(records):
        server = NameServer(records)
        running.append(server)
        parameters = env["ir.config_parameter"]
        parameters.set_param("mailbox_connector.discovery", "online")
        parameters.set_param("mailbox_connector.discovery_nameservers", server.address)
        return server

    yield start
    env.cr.rollback()
    for server in running:
        server.stop()


def test_what_the_domain_publishes_is_filled_in_with_its_origin(env, ask):
    ask(
        {
            ("_imaps._tcp.firm.example", "SRV"): ["0 1 993 imap.firm.example"],
            ("_submission._tcp.firm.example", "SRV"): ["0 1 587 smtp.firm.example"],
        }
    )
    form = Form(env["mailbox.account"])
    form.email = "carl@firm.example"
    assert (form.imap_host, form.imap_port) == ("imap.firm.example", 993)
    assert (form.smtp_host, form.smtp_port) == ("smtp.firm.example", 587)
    assert form.smtp_security == "starttls"
    assert "DNS" in form.settings_origin
    assert "_imaps._tcp.firm.example" in form.settings_origin


def test_a_known_provider_behind_an_own_domain(env, ask):
    server = ask(
        {("firm.example", "MX"): ["10 firm-example.mail.protection.outlook.com"]}
    )
    form = Form(env["mailbox.account"])
    form.email = "carl@firm.example"
    assert form.provider_id.name == "Microsoft 365"
    assert not form.provider_allows_password_sign_in
    assert not any("carl" in name for name, _kind in server.asked)


def test_an_unknown_domain_leaves_the_form_to_the_person(env, ask):
    ask({})
    form = Form(env["mailbox.account"])
    form.email = "carl@firm.example"
    assert not form.imap_host
    assert form.imap_username == form.smtp_username == "carl@firm.example"
    assert not form.settings_origin


@pytest.mark.parametrize("side", ["imap", "smtp"])
def test_a_wrong_encryption_is_found_out_and_repaired_by_one_click(
    make_mailbox, servers, side
):
    """No password is asked for again; a port of another host would need it."""
    port = getattr(servers, f"{side}_starttls_port")
    mailbox = make_mailbox(**{f"{side}_port": port, f"{side}_security": "tls"})
    account = mailbox.account
    action = account.action_connect()
    dialog = mailbox.env["mailbox.connect"].browse(action["res_id"])
    assert account[f"{side}_problem"]
    assert (
        dialog[f"{side}_alternative_port"],
        dialog[f"{side}_alternative_security"],
    ) == (
        port,
        "starttls",
    )
    dialog.use_alternative(side)
    action = account.action_connect()
    dialog = dialog.browse(action["res_id"])
    assert not account[f"{side}_problem"] and not dialog[f"{side}_alternative_port"]
    assert account[f"{side}_security"] == "starttls"
    with pytest.raises(ValidationError):
        account.with_context(mailbox_alternative=True)[f"{side}_port"] = 1


def test_a_wrong_password_offers_no_other_port(make_mailbox):
    mailbox = make_mailbox(imap_password="wrong")
    action = mailbox.account.action_connect()
    dialog = mailbox.env["mailbox.connect"].browse(action["res_id"])
    assert mailbox.account.imap_problem
    assert not dialog.imap_alternative_port
