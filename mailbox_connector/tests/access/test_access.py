"""Who reads an imported e-mail, by whatever way it is asked for."""

import json

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..common import PNG, MailboxCase, MailboxHttpCase, mail

SECRET = "swordfish"


@tagged("post_install", "-at_install")
class TestReaders(MailboxCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.closed = cls.make_account(
            "board@example.org",
            owner=cls.owner,
            visibility="members",
            members=[cls.member],
        )
        cls.secret = cls.import_mail(
            mail(to="board@example.org", subject="Board", text=SECRET),
            account=cls.closed,
        )
        cls.open = cls.import_mail(mail(subject="Open", text=SECRET))

    def who_reads(self, mailbox_message):
        """Logins of those who read it, the same by every way, or the test fails."""
        copy = self.copies(mailbox_message)
        readers = []
        for user in (
            self.owner,
            self.member,
            self.manager,
            self.env.ref("base.user_admin"),
            self.agent,
            self.portal,
            self.env.ref("base.public_user"),
        ):
            message = copy.with_user(user)
            Message = message.browse()
            ways = {
                "search": copy in Message.search([("id", "=", copy.id)]),
                "search_count": bool(Message.search_count([("id", "=", copy.id)])),
                "body search": copy in Message.search([("body", "ilike", SECRET)]),
                "access": message.has_access("read"),
                "_get_with_access": bool(Message._get_with_access(copy.id)),
                "read": self.allowed(lambda m=message: m.read(["body"])),
                "chatter": copy in self.chatter(user),
            }
            if user._is_internal():
                record = mailbox_message.with_user(user)
                ways |= {
                    "list": record in record.search([("id", "=", record.id)]),
                    "form": self.allowed(lambda r=record: r.read(["body"])),
                    "count": self.counts(user, record),
                }
            self.assertEqual(len(set(ways.values())), 1, f"{user.login}: {ways}")
            if ways["search"]:
                readers.append(user.login)
        return readers

    def allowed(self, read):
        self.env.invalidate_all()
        try:
            with mute_logger("odoo.addons.base.models.ir_rule"):
                read()
        except AccessError:
            return False
        return True

    def counts(self, user, record):
        """Whether the number on the contact's button counts the e-mail."""
        contact = self.customer.with_user(user)
        before = contact.mailbox_message_count
        link = record.sudo().link_ids
        link.partner_id = self.env.company.partner_id
        self.env.invalidate_all()
        counted = contact.mailbox_message_count < before
        link.partner_id = self.customer
        self.env.invalidate_all()
        return counted

    def chatter(self, user):
        thread = self.customer.with_user(user)
        Message = self.env["mail.message"].with_user(user)
        return Message._message_fetch(None, thread=thread)["messages"]

    def test_portal_user_still_writes_messages(self):
        """Columns of ours that portal users may not set must not be in their way."""
        message = (
            self.env["mail.message"]
            .with_user(self.portal)
            .create(
                {
                    "body": "Hello",
                    "message_type": "comment",
                    "subtype_id": self.env.ref("mail.mt_comment").id,
                }
            )
        )
        self.assertFalse(message.sudo().mailbox_audience_id)

    def test_nobody_makes_a_copy_by_a_default_in_the_context(self):
        audience = self.env["mailbox.audience"].for_accounts(self.account)
        message = (
            self.env["mail.message"]
            .with_user(self.agent)
            .with_context(default_mailbox_audience_id=audience.id)
            .create({"body": "Hello", "message_type": "comment"})
        )
        self.assertFalse(message.sudo().mailbox_audience_id)

    def test_everyone_means_internal_users_who_may_read_the_contact(self):
        self.assertEqual(
            self.who_reads(self.open),
            ["mb_owner", "mb_member", "mb_manager", "admin", "mb_agent"],
        )

    def test_members_only_is_read_by_owner_and_members_alone(self):
        self.assertEqual(self.who_reads(self.secret), ["mb_owner", "mb_member"])

    def test_a_change_of_policy_members_or_owner_takes_effect_at_once(self):
        self.who_reads(self.secret)
        self.closed.visibility = "everyone"
        self.assertIn("mb_agent", self.who_reads(self.secret))
        self.closed.visibility = "members"
        self.closed.member_ids = self.agent
        self.assertEqual(self.who_reads(self.secret), ["mb_owner", "mb_agent"])
        self.closed.owner_id = self.manager
        self.assertEqual(self.who_reads(self.secret), ["mb_manager", "mb_agent"])

    def test_whoever_leaves_the_company_reads_nothing_of_it_any_more(self):
        company = self.env["res.company"].create({"name": "Other"})
        self.agent.write({"company_ids": company.ids, "company_id": company.id})
        self.assertNotIn("mb_agent", self.who_reads(self.open))

    def test_whoever_becomes_a_portal_user_reads_nothing_any_more(self):
        self.agent.group_ids = self.env.ref("base.group_portal")
        self.assertNotIn("mb_agent", self.who_reads(self.open))

    def test_mail_seen_in_two_mailboxes_is_read_by_readers_of_either(self):
        raw = mail(
            to="board@example.org, sales@example.org", subject="Both", text=SECRET
        )
        both = self.import_mail(raw, account=self.closed)
        self.assertNotIn("mb_agent", self.who_reads(both))
        self.assertEqual(self.import_mail(raw), both)
        self.assertIn("mb_agent", self.who_reads(both))
        store = self.store_of(self.copies(both), self.agent)
        # A mailbox that one may not read is not told of either.
        self.assertEqual(store["mailbox_emails"], ["sales@example.org"])

    def store_of(self, copy, user):
        from odoo.addons.mail.tools.discuss import Store

        data = Store().add(copy.with_user(user)).get_result()
        return data["mail.message"][0]

    def test_a_contact_one_may_not_read_shows_no_mail(self):
        self.env["ir.rule"].create(
            {
                "name": "Not this contact",
                "model_id": self.env.ref("base.model_res_partner").id,
                "domain_force": f"[('id', '!=', {self.customer.id})]",
                "groups": self.env.ref("base.group_user").ids,
            }
        )
        record = self.open.with_user(self.agent)
        self.assertFalse(record.search([("id", "=", record.id)]))
        self.assertFalse(record.has_access("read"))
        self.assertFalse(
            self.copies(self.open).with_user(self.agent).has_access("read")
        )
        # A member reads the mailbox's mail, whoever it is from.
        self.assertTrue(self.open.with_user(self.owner).has_access("read"))

    def test_an_answer_does_not_tell_the_subject_of_what_it_answers(self):
        secret = self.copies(self.secret)
        note = self.customer.with_user(self.agent).message_post(
            body="Note",
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
            parent_id=secret.id,
        )
        self.env.invalidate_all()
        for user, shown in (
            (self.owner, "Board"),
            (self.agent, "E-mail"),
            (self.portal, "E-mail"),
        ):
            (values,) = note.with_user(user).read(["parent_id"])
            self.assertEqual(values["parent_id"], (secret.id, shown), user.login)

    def test_the_body_is_not_found_out_by_searching_contacts(self):
        """`message_ids` bypasses access in core: a contact found by a word of a body
        tells that the word is in it."""
        for user in (self.portal, self.agent):
            contacts = self.env["res.partner"].with_user(user)
            for field in ("message_ids.body", "message_ids.attachment_ids.name"):
                found = contacts.search([(field, "ilike", SECRET)])
                self.assertNotIn(self.customer, found)
        self.assertNotIn(
            self.copies(self.open), self.customer.with_user(self.agent).message_ids
        )

    def test_the_list_gives_an_agent_all_of_an_email(self):
        with_file = self.import_mail(
            mail(subject="File", attachments=[("offer.pdf", b"%PDF-1.4")])
        )
        record = with_file.with_user(self.agent)
        action = self.customer.with_user(self.agent).action_view_mailbox_messages()
        self.assertEqual(record.search(action["domain"]), self.open + with_file)
        self.assertIn("Text of File", record.body)
        self.assertEqual(record.attachment_ids.mapped("name"), ["offer.pdf"])
        self.assertEqual(record.partner_ids, self.customer)
        self.assertTrue(record.read()[0]["subject"])

    # ------------------------------------------------------------------
    # Writing
    # ------------------------------------------------------------------

    def test_nobody_makes_or_moves_emails_of_a_mailbox(self):
        audience = self.open.audience_id
        note = self.customer.with_user(self.agent).message_post(body="Note")
        admin = self.env.ref("base.user_admin")
        for user in (self.agent, self.owner, admin):
            Message = self.env["mail.message"].with_user(user)
            for vals in (
                {"mailbox_audience_id": audience.id},
                {"mailbox_message_id": self.open.id},
            ):
                with self.assertRaises(AccessError):
                    Message.create(
                        {"model": "res.partner", "res_id": self.customer.id, **vals}
                    )
                with self.assertRaises(AccessError):
                    note.with_user(user).write(vals)
        posted = (
            self.customer.with_user(self.agent)
            .with_context(default_mailbox_audience_id=audience.id)
            .message_post(body="Posted")
        )
        self.assertFalse(posted.sudo().mailbox_audience_id)

    def test_an_imported_email_cannot_be_edited_or_deleted(self):
        copy = self.copies(self.open)
        for user in (self.owner, self.agent, self.env.ref("base.user_admin")):
            for vals in (
                {"body": "Other"},
                {"subject": "Other"},
                {"date": "2020-01-01"},
                {"author_id": user.partner_id.id},
                {"is_internal": False},
                {"message_type": "comment"},
            ):
                with self.assertRaises(UserError):
                    copy.with_user(user).write(vals)
            with self.assertRaises(UserError):
                self.customer.with_user(user)._message_update_content(
                    copy.with_user(user), body="Other"
                )
            with self.assertRaises(UserError):
                copy.with_user(user).unlink()
        copy.with_user(self.agent).toggle_message_starred()
        self.assertTrue(copy.with_user(self.agent).starred)

    def test_a_contact_is_deleted_with_the_mail_that_nobody_else_has(self):
        other = self.env["res.partner"].create(
            {"name": "Other", "email": "other@example.com"}
        )
        content = {"attachments": [("offer.pdf", b"%PDF-1.4")]}
        alone = self.import_mail(mail("other@example.com", **content))
        shared = self.import_mail(
            mail("other@example.com", cc="customer@example.com", **content)
        )
        gone = [*alone.attachment_ids, *self.copies(alone)]
        other.with_user(self.agent).unlink()
        self.assertFalse(alone.exists())
        self.assertFalse(any(record.exists() for record in gone))
        self.assertEqual(shared.partner_ids, self.customer)
        self.assertTrue(shared.attachment_ids.exists())

    def test_core_messages_can_still_be_written(self):
        note = self.customer.with_user(self.agent).message_post(
            body="Note", message_type="comment"
        )
        note.write({"subject": "Edited"})
        self.customer.with_user(self.agent)._message_update_content(note, body="New")
        note.unlink()


@tagged("post_install", "-at_install")
class TestAccessByHttp(MailboxHttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.closed = cls.make_account(
            "board@example.org", owner=cls.owner, visibility="members"
        )
        content = {
            "html": f'<p>{SECRET}</p><img src="cid:pic@x">',
            "inline": [("pic@x", PNG)],
            "attachments": [("offer.pdf", b"%PDF-1.4 offer")],
        }
        cls.open = cls.import_mail(mail(subject="Files", **content))
        cls.secret = cls.import_mail(
            mail(subject="Secret", to="board@example.org", **content),
            account=cls.closed,
        )
        cls.copy = cls.copies(cls.open)
        cls.secret_copy = cls.copies(cls.secret)

    def attachments(self, messages):
        return self.env["ir.attachment"].search(
            [("res_model", "=", "mailbox.message"), ("res_id", "in", messages.ids)]
        )

    def rpc(self, route, **params):
        # Odoo logs each refusal, which is what is asked for here.
        with mute_logger("odoo.http"):
            response = self.url_open(
                route,
                json.dumps({"params": params}).encode(),
                headers={"Content-Type": "application/json"},
            )
        return response.json()

    def call_kw(self, model, method, *args, **kwargs):
        return self.rpc(
            "/web/dataset/call_kw",
            model=model,
            method=method,
            args=list(args),
            kwargs=kwargs,
        )

    def test_attachments_and_pictures_open_for_readers_alone(self):
        self.assertEqual(self.open.attachment_count, 1)
        file, picture = self.attachments(self.open).sorted("mimetype")
        self.assertEqual(self.copy.attachment_ids, file)
        self.assertIn(f"/web/image/{picture.id}", self.copy.body)
        hidden = self.attachments(self.secret)
        for login, statuses in (
            ("mb_agent", (200, 404)),
            ("mb_owner", (200, 200)),
            ("admin", (200, 404)),
            ("mb_portal", (404, 404)),
            (None, (404, 404)),
        ):
            self.authenticate(login, login)
            for attachments, status in zip(
                (picture + file, hidden), statuses, strict=True
            ):
                for attachment in attachments:
                    for url in (
                        f"/web/content/{attachment.id}",
                        f"/web/content/{attachment.id}?download=true",
                        f"/web/content/ir.attachment/{attachment.id}/raw",
                    ):
                        with (
                            self.subTest(login=login, url=url),
                            mute_logger("odoo.http"),
                        ):
                            self.assertEqual(self.url_open(url).status_code, status)
            # A picture that may not be seen is a placeholder.
            shown = self.url_open(f"/web/image/{picture.id}").content == PNG
            self.assertEqual(shown, statuses[0] == 200, login)

    def test_the_chatter_hands_out_no_token_that_outlives_the_right(self):
        self.authenticate("mb_owner", "mb_owner")
        result = self.rpc(
            "/mail/thread/messages",
            thread_model="res.partner",
            thread_id=self.customer.id,
        )["result"]
        stored = result["data"]["ir.attachment"]
        self.assertEqual([v["name"] for v in stored], ["offer.pdf", "offer.pdf"])
        for values in stored:
            for name in (
                "raw_access_token",
                "thumbnail_access_token",
                "ownership_token",
                "access_token",
            ):
                self.assertFalse(values.get(name), name)

    def test_a_portal_user_gets_nothing_by_any_request(self):
        self.authenticate("mb_portal", "mb_portal")
        for copy in (self.copy, self.secret_copy):
            answers = {
                "read": self.call_kw("mail.message", "read", copy.ids, ["body"]),
                "search_read": self.call_kw(
                    "mail.message", "search_read", [["id", "=", copy.id]], ["body"]
                ),
                "web_search_read": self.call_kw(
                    "mail.message",
                    "web_search_read",
                    [["id", "in", copy.ids]],
                    {"body": {}, "subject": {}},
                ),
                "export": self.call_kw(
                    "mail.message", "export_data", copy.ids, ["body"]
                ),
                "message_ids": self.call_kw(
                    "res.partner", "read", self.customer.ids, ["message_ids"]
                ),
                "search": self.call_kw(
                    "res.partner", "search", [["message_ids.body", "ilike", SECRET]]
                ),
                "attachments": self.call_kw(
                    "ir.attachment",
                    "search_read",
                    [["res_model", "=", "mailbox.message"]],
                    ["name", "raw"],
                ),
                "attachment ids": self.call_kw(
                    "ir.attachment",
                    "search_read",
                    [["id", "in", self.attachments(self.open).ids]],
                    ["name"],
                ),
                "mails": self.call_kw("mail.mail", "search_read", [], ["body"]),
                "emails": self.call_kw(
                    "mailbox.message", "search_read", [], ["subject"]
                ),
                "scopes": self.call_kw("mailbox.audience", "search_read", [], ["key"]),
                "notifications": self.call_kw(
                    "mail.notification",
                    "search_read",
                    [["mail_message_id", "=", copy.id]],
                    ["mail_message_id"],
                ),
                "star": self.call_kw(
                    "mail.message", "toggle_message_starred", copy.ids
                ),
                "chatter": self.rpc(
                    "/mail/thread/messages",
                    thread_model="res.partner",
                    thread_id=self.customer.id,
                ),
                "around": self.rpc(
                    "/mail/thread/messages",
                    thread_model="res.partner",
                    thread_id=self.customer.id,
                    fetch_params={"around": copy.id},
                ),
                "searching": self.rpc(
                    "/mail/thread/messages",
                    thread_model="res.partner",
                    thread_id=self.customer.id,
                    fetch_params={"search_term": SECRET},
                ),
                "reaction": self.rpc(
                    "/mail/message/reaction",
                    message_id=copy.id,
                    content="👍",
                    action="add",
                ),
                "edit": self.rpc(
                    "/mail/message/update_content",
                    message_id=copy.id,
                    update_data={"body": "x"},
                ),
                "recipients": self.rpc(
                    "/mail/thread/recipients",
                    thread_model="res.partner",
                    thread_id=self.customer.id,
                    message_id=copy.id,
                ),
                "thread data": self.rpc(
                    "/mail/data",
                    fetch_params=[
                        [
                            "mail.thread",
                            {
                                "thread_model": "res.partner",
                                "thread_id": self.customer.id,
                                "request_list": ["attachments"],
                            },
                        ]
                    ],
                ),
            }
            for way, answer in answers.items():
                with self.subTest(way):
                    text = json.dumps(answer.get("result"))
                    self.assertNotIn(SECRET, text)
                    self.assertNotIn("offer.pdf", text)
                    self.assertNotIn("Files", text)
            self.assertEqual(answers["search"]["result"], [])
            self.assertNotIn(
                copy.id, answers["message_ids"]["result"][0]["message_ids"]
            )
            self.assertFalse(answers["chatter"]["result"]["messages"])
            self.assertNotIn("mailbox", answers["chatter"]["result"])
            for way in (
                "read",
                "star",
                "reaction",
                "edit",
                "mails",
                "emails",
                "scopes",
            ):
                self.assertIn("error", answers[way], way)
        self.assertFalse(self.copy.reaction_ids)

    def test_the_administrator_gets_nothing_of_a_members_only_mailbox(self):
        self.authenticate("admin", "admin")
        copy = self.secret_copy
        for answer in (
            self.call_kw("mail.message", "read", copy.ids, ["body"]),
            self.call_kw("mailbox.message", "read", self.secret.ids, ["body"]),
            self.call_kw(
                "mail.message", "search_read", [["subject", "=", "Secret"]], ["body"]
            ),
            self.call_kw(
                "ir.attachment",
                "search_read",
                [["id", "in", self.attachments(self.secret).ids]],
                ["name"],
            ),
            self.call_kw(
                "mail.mail", "create", {"mail_message_id": copy.id, "body_html": "x"}
            ),
            self.call_kw("mail.mail", "search_read", [], ["body", "subject"]),
        ):
            self.assertNotIn(SECRET, json.dumps(answer.get("result")))
            self.assertNotIn("Secret", json.dumps(answer.get("result")))
