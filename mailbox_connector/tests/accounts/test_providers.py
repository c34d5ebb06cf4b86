"""The table of providers, line by line as the providers publish it.

What is not said in a line is the rule: IMAP 993 TLS, SMTP 465 TLS, the username is the
whole address. ``S``: STARTTLS; ``L``: only the part before the @.
"""

from odoo.tests import TransactionCase, tagged

from odoo.addons.mailbox_connector.engine.discovery.discover import discover

#: (an address, IMAP, SMTP, what the note or its pages must say); "D" is the domain.
LINES = """
a@gmail.com | imap.gmail.com | smtp.gmail.com | app password, answer/185833, files sent
a@googlemail.com | imap.gmail.com | smtp.gmail.com | app password, files sent
a@yahoo.com | imap.mail.yahoo.com | smtp.mail.yahoo.com | app password, SLN15241
a@aol.com | imap.aol.com | smtp.aol.com | app password
a@verizon.net | imap.aol.com | smtp.aol.com | app password
a@att.net | imap.mail.att.net | smtp.mail.att.net | secure mail key
a@icloud.com | imap.mail.me.com L | smtp.mail.me.com:587 S | app-specific, HT204397
a@me.com | imap.mail.me.com L | smtp.mail.me.com:587 S | app-specific
a@mac.com | imap.mail.me.com L | smtp.mail.me.com:587 S | app-specific
a@gmx.net | imap.gmx.net | mail.gmx.net | Turn on IMAP, hilfe.gmx.net/pop-imap/
a@gmx.de | imap.gmx.net | mail.gmx.net | Turn on IMAP
a@gmx.at | imap.gmx.net | mail.gmx.net | Turn on IMAP
a@gmx.ch | imap.gmx.net | mail.gmx.net | Turn on IMAP
a@gmx.com | imap.gmx.com | mail.gmx.com | Turn on IMAP
a@web.de | imap.web.de L | smtp.web.de L | Turn on IMAP, hilfe.web.de/pop-imap/
a@t-online.de | secureimap.t-online.de | securesmtp.t-online.de | separate password
a@online.de | imap.1und1.de | smtp.1und1.de |
mx mx00.kundenserver.de | imap.1und1.de | smtp.1und1.de |
mx www1.your-server.de | mail.your-server.de | mail.your-server.de |
mx mx1.mail.ovh.net | ssl0.ovh.net | ssl0.ovh.net |
mx spool.mail.gandi.net | mail.gandi.net | mail.gandi.net |
a@posteo.de | posteo.de | posteo.de |
a@fastmail.com | imap.D | smtp.D | app password
a@zoho.com | imap.D | smtp.D | Turn on IMAP
a@zoho.eu | imap.D | smtp.D | Turn on IMAP
a@zoho.in | imap.D | smtp.D | Turn on IMAP
mx mx.zoho.com | imappro.zoho.com | smtppro.zoho.com | Turn on IMAP
mx mx.zoho.eu | imappro.zoho.eu | smtppro.zoho.eu | Turn on IMAP
mx mx.zoho.in | imappro.zoho.in | smtppro.zoho.in | Turn on IMAP
a@free.fr | imap.D L | smtp.D L |
a@laposte.net | imap.D L | smtp.D L |
a@wp.pl | imap.D L | smtp.D L |
a@orange.fr | imap.D | smtp.D |
a@sfr.fr | imap.D | smtp.D |
mx smtpin.rzone.de | imap.strato.de | smtp.strato.de |
a@mail.com | imap.D | smtp.D |
a@comcast.net | imap.D | smtp.D |
a@seznam.cz | imap.D | smtp.D |
a@libero.it | imapmail.libero.it | smtp.libero.it |
a@tim.it | imap.tim.it:143 S | smtp.tim.it:587 S |
mx mx1.emailsrvr.com | secure.emailsrvr.com | secure.emailsrvr.com |
mx smtp.secureserver.net | imap.secureserver.net | smtpout.secureserver.net |
a@btinternet.com | mail.btinternet.com | mail.btinternet.com |
a@bluewin.ch | imaps.bluewin.ch | smtpauths.bluewin.ch |
a@yandex.com | imap.yandex.com | smtp.yandex.com | Turn on IMAP
a@mail.ru | imap.mail.ru | smtp.mail.ru | password for external applications
a@qq.com | imap.D | smtp.D | authorization code
a@163.com | imap.D | smtp.D | authorization code
a@126.com | imap.D | smtp.D |
a@naver.com | imap.D | smtp.D |
a@ik.me | mail.infomaniak.com | mail.infomaniak.com |
"""
#: No passwords: (an address or exchanger, what to do instead).
WITHOUT = """
a@outlook.com | Outlook connection
a@hotmail.com | Outlook connection
a@live.com | Outlook connection
a@msn.com | Outlook connection
mx firm-example.mail.protection.outlook.com | Outlook connection
a@proton.me | Bridge
"""
RULE = {"imap": 993, "smtp": 465}


def cells(table):
    for line in table.strip().splitlines():
        yield [cell.strip() for cell in line.split("|")]


@tagged("post_install", "-at_install")
class TestProviderTable(TransactionCase):
    def test_every_line_fills_in_what_the_provider_publishes(self):
        """A wrong host or port here is a mailbox that cannot be connected."""
        for who, imap, smtp, said in cells(LINES):
            with self.subTest(who):
                engine, provider = self._provider(who)
                self.assertTrue(engine.passwords)
                for side, text in (("imap", imap), ("smtp", smtp)):
                    domain = who.rpartition("@")[2]
                    self._assert_server(side, getattr(engine, side), text, domain)
                known = self._known(provider)
                for words in filter(None, map(str.strip, said.split(","))):
                    for word in words.split():
                        self.assertIn(word.lower(), known)

    def test_providers_without_passwords_say_what_to_do_instead(self):
        for who, instead in cells(WITHOUT):
            with self.subTest(who):
                engine, provider = self._provider(who)
                self.assertFalse(engine.passwords)
                self.assertIn(instead, provider.note)

    def test_every_shipped_provider_is_in_the_table(self):
        """What nobody has looked up is not shipped."""
        looked_up = self.env["mailbox.provider"]
        for who, *_rest in (*cells(LINES), *cells(WITHOUT)):
            looked_up |= self._provider(who)[1]
        shipped = self.env["ir.model.data"].search(
            [("module", "=", "mailbox_connector"), ("model", "=", "mailbox.provider")]
        )
        self.assertEqual(set(shipped.mapped("res_id")) - set(looked_up.ids), set())

    def _provider(self, who):
        """The provider of an address, or of what receives a domain's mail."""
        providers = self.env["mailbox.provider"].for_engine()
        if who.startswith("mx "):
            host = who.removeprefix("mx ")
            found = next(one for one in providers if one.exchanges(host))
        else:
            found = discover(who, providers, online=False).provider
        self.assertTrue(found, who)
        return found, self.env["mailbox.provider"].browse(int(found.key))

    def _assert_server(self, side, server, text, domain):
        address, *flags = text.split()
        host, _colon, port = address.partition(":")
        self.assertEqual(server.host, host.replace(".D", f".{domain}"))
        self.assertEqual(server.port, int(port or RULE[side]))
        self.assertEqual(server.security.value, "starttls" if "S" in flags else "tls")
        username = "carl" if "L" in flags else f"carl@{domain}"
        self.assertEqual(server.username_of(f"carl@{domain}"), username)

    def _known(self, provider):
        """All that is shown about a provider, in lower case."""
        texts = (provider.note, provider.app_password_url, provider.help_url)
        files = "files sent" if provider.saves_sent_copies else ""
        return " ".join([*filter(None, texts), files]).lower()
