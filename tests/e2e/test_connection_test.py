"""The connection test as Odoo stores it: in words, with the field that is wrong."""

import json

import pytest

from odoo.exceptions import AccessError

SIDES = ("imap", "smtp")


def steps(words):
    return {step["name"]: step["state"] for step in words["steps"]}


def test_both_servers_are_shown_step_by_step(mailbox):
    """What the dialog, and a program over RPC, gets to see."""
    shown = []
    result, _tests = mailbox.account._test_connection(
        lambda words: shown.append((words["side"], steps(words)))
    )
    json.dumps(result)
    assert list(result) == ["imap", "smtp"]
    for side in SIDES:
        words = result[side]
        assert words["ok"] is True and not words["problem"] and not words["field"]
        assert set(steps(words).values()) == {"ok"}
        assert all(step["ok"] and step["text"] for step in words["steps"])
        assert [state for one, state in shown if one == side][-1] == steps(words)
        assert sum(one == side for one, _state in shown) > len(words["steps"])
    texts = [step["text"] for step in result["imap"]["steps"]]
    assert f"Signed in as {mailbox.address}" in texts
    details = " ".join(step["detail"] for step in result["imap"]["steps"])
    assert "Inbox: INBOX" in details and "valid until" in details
    texts = [step["text"] for step in result["smtp"]["steps"]]
    assert f"May send as {mailbox.address}" in texts
    assert not mailbox.account.backfill_ids, "nothing is imported by a test"


@pytest.mark.parametrize(
    ("wrong", "field", "label"),
    [
        ({"imap_password": "wrong"}, "password", "IMAP password"),
        ({"imap_host": "nobody.invalid"}, "host", "IMAP host"),
        ({"ca_certificate": False}, "ca_certificate", "CA certificate"),
        ({"imap_host": False}, "host", "IMAP host"),
    ],
)
def test_the_field_that_is_wrong_is_named_until_it_is_right(
    make_mailbox, servers, wrong, field, label
):
    mailbox = make_mailbox(**{"smtp_password": servers.password, **wrong})
    account = mailbox.account
    words = account._test_connection()[0]["imap"]
    assert words["ok"] is False and words["problem"] == account.imap_problem
    assert (words["field"], words["label"]) == (field, label)
    assert account.imap_problem_field == field
    [name] = wrong
    right = {
        "imap_password": servers.password,
        "imap_host": servers.imap_host,
        "ca_certificate": servers.ca_pem,
    }
    account.write({name: right[name], "imap_password": servers.password})
    assert account._test_connection()[0]["imap"]["ok"]
    assert not account.imap_problem and not account.imap_problem_field


def test_a_wrong_password_is_not_in_the_details(make_mailbox):
    mailbox = make_mailbox(imap_password="not the right one")
    result = mailbox.account._test_connection()[0]
    for side in SIDES:
        said = "\n".join(result[side]["transcript"])
        assert "PLAIN ***" in said and "right" not in said
    assert "right one" not in json.dumps(result)


def test_the_likeliest_remedy_is_shown_first(make_mailbox, env, servers):
    """The provider's page where the password is refused; what the other side tells."""
    provider = env["mailbox.provider"].create(
        {
            "name": "Post Example",
            "imap_host": "imap.post.example",
            "app_password_url": "https://post.example/app-passwords",
        }
    )
    mailbox = make_mailbox(
        imap_password="wrong",
        smtp_password=servers.password,
        imap_username="somebody",
        provider_id=provider.id,
    )
    account = mailbox.account
    result = account._test_connection()[0]
    words = result["imap"]
    assert provider.app_password_url in [link["url"] for link in words["links"]]
    assert "has its own username" in words["hints"][0]
    assert mailbox.address in words["hints"][1]
    assert not result["smtp"]["hints"] and result["smtp"]["ok"]
    account.write({"imap_host": "nobody.invalid", "imap_password": "wrong"})
    words = account._test_connection()[0]["imap"]
    assert "imap.post.example" in words["hints"][0]


def test_without_a_sending_server_nothing_is_said_of_it(make_mailbox):
    mailbox = make_mailbox(smtp_host=False)
    words = mailbox.account._test_connection()[0]["smtp"]
    assert words["ok"] is None and not words["steps"] and not words["problem"]


def test_the_dialog_opens_before_anything_is_tried(make_mailbox, env):
    """In a browser; a closed dialog leaves the mailbox as it was."""
    mailbox = make_mailbox(imap_password="wrong")
    live = mailbox.account.with_context(mailbox_live_test=True)
    dialog = env["mailbox.connect"].browse(live.action_connect()["res_id"])
    assert not dialog.is_tested and not mailbox.account.imap_problem
    assert set(steps(dialog.test_results["imap"]).values()) == {"waiting"}
    words = dialog.run_test()
    assert dialog.is_tested and dialog.test_results == words
    assert mailbox.account.imap_problem
    dialog.use_alternative("imap")
    assert mailbox.account.imap_port == mailbox.servers.imap_tls_port


def test_what_is_typed_during_a_check_is_not_blamed(make_mailbox, env, monkeypatch):
    """The dialog was closed, the password mended: the answer to the former one comes
    late, and is not written over what is there now."""
    from odoo.addons.mailbox_connector.services.accounts import connection_test

    mailbox = make_mailbox(imap_password="wrong")
    account, tried = mailbox.account, connection_test.run_connection_tests

    def meanwhile(*args, **kwargs):
        found = tried(*args, **kwargs)
        with env.registry.cursor() as cr:
            account.with_env(env(cr=cr)).imap_password = mailbox.servers.password
        return found

    monkeypatch.setattr(connection_test, "run_connection_tests", meanwhile)
    live = account.with_context(mailbox_live_test=True)
    dialog = env["mailbox.connect"].browse(live.action_connect()["res_id"])
    assert dialog.run_test()["imap"]["ok"] is False
    assert not account.imap_problem and not account.imap_problem_field
    monkeypatch.undo()
    assert dialog.run_test()["imap"]["ok"] is True
    assert dialog.folder_line_ids


def test_what_a_check_says_is_for_who_asked(mailbox, env):
    """Another user of mailboxes, who may not see this one."""
    from odoo.tests import new_test_user

    group = "mailbox_connector.group_mailbox_user"
    other = new_test_user(env, f"other_{mailbox.account.id}", groups=group)
    action = mailbox.account.action_connect()
    dialog = env["mailbox.connect"].with_user(other).browse(action["res_id"])
    for attempt in (
        lambda: dialog.read(["test_results"]),
        lambda: dialog.run_test(),
        lambda: dialog.use_alternative("imap"),
        lambda: mailbox.account.with_user(other)._test_connection(),
    ):
        with pytest.raises(AccessError):
            attempt()
    env.cr.rollback()
