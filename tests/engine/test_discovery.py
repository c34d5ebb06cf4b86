"""From an address to the settings of its mailbox, against servers of this machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.mailbox_connector.engine.discovery import autoconfig
from odoo.addons.mailbox_connector.engine.discovery.discover import discover
from odoo.addons.mailbox_connector.engine.discovery.dns import DnsResolver, base_domain
from odoo.addons.mailbox_connector.engine.discovery.https import MAX_SIZE, Https
from odoo.addons.mailbox_connector.engine.discovery.port_probe import find_ports
from odoo.addons.mailbox_connector.engine.discovery.settings import (
    Provider,
    Server,
    Source,
)
from odoo.addons.mailbox_connector.engine.errors import Side
from odoo.addons.mailbox_connector.engine.net.egress import EgressPolicy
from odoo.addons.mailbox_connector.engine.types import Endpoint, Security

from devtools.servers.discovery_servers import FileServer, NameServer

TLS, STARTTLS = Security.TLS, Security.STARTTLS
KNOWN = Provider(
    "known",
    "Known Mail",
    domains=("known.example",),
    mx=("mx.known.example",),
    imap=Server("imap.known.example", 993, TLS, "%EMAILLOCALPART%"),
    smtp=Server("smtp.known.example", 587, STARTTLS),
)
OAUTH = Provider("oauth", "Modern", mx=("modern.example",), passwords=False)


def file(imap="imap.example.com", smtp="smtp.example.com", username="%EMAILADDRESS%"):
    """An autoconfig file."""
    return f"""<?xml version="1.0"?>
    <clientConfig version="1.1"><emailProvider id="example.com">
      <incomingServer type="pop3"><hostname>pop.example.com</hostname>
        <port>995</port><socketType>SSL</socketType></incomingServer>
      <incomingServer type="imap"><hostname>{imap}</hostname><port>993</port>
        <socketType>SSL</socketType><username>{username}</username>
        <authentication>password-cleartext</authentication></incomingServer>
      <outgoingServer type="smtp"><hostname>{smtp}</hostname><port>587</port>
        <socketType>STARTTLS</socketType><username>{username}</username>
        <authentication>OAuth2</authentication>
        <authentication>password-cleartext</authentication></outgoingServer>
    </emailProvider></clientConfig>""".encode()


AUTOCONFIG = "https://autoconfig.example.com/mail/config-v1.1.xml"
WELL_KNOWN = "https://example.com/.well-known/autoconfig/mail/config-v1.1.xml"
ISPDB = "https://autoconfig.thunderbird.net/v1.1/example.com"


@pytest.fixture
def internet(tmp_path, policy):
    """Makes a nameserver and a web server; a function that discovers against them."""
    running = []

    def make(files=None, records=None, silent=()):
        files = files or {}
        web = FileServer(tmp_path, files)
        running.append(web)
        hosts = {(url.split("/")[2], "A"): ["127.0.0.1"] for url in files}
        dns = NameServer({**hosts, **(records or {})}, silent)
        running.append(dns)
        resolver = DnsResolver([dns.address])
        https = Https(policy, resolver, web.ca_pem, port=web.port)

        def ask(address="carl.smith@example.com", providers=(KNOWN, OAUTH), **options):
            given = {"resolver": resolver, "https": https, "seconds": 3, **options}
            return discover(address, providers, policy, **given)

        ask.web, ask.dns = web, dns
        return ask

    yield make
    for one in running:
        one.stop()


def test_known_provider_needs_nobody(internet):
    ask = internet()
    found = ask("Carl <carl.smith@KNOWN.example>")
    assert found.provider == KNOWN
    assert found.settings.source is Source.TABLE
    assert found.settings.imap.username_of("carl.smith@known.example") == "carl.smith"
    assert not ask.dns.asked and not ask.web.asked


def test_nobody_is_asked_when_that_is_turned_off(internet):
    ask = internet({AUTOCONFIG: file()})
    assert ask(online=False).settings is None
    assert not ask.dns.asked and not ask.web.asked


@pytest.mark.parametrize(
    "url, source",
    [
        (AUTOCONFIG, Source.AUTOCONFIG),
        (WELL_KNOWN, Source.WELL_KNOWN),
        (ISPDB, Source.ISPDB),
    ],
)
def test_file_of_the_domain(internet, url, source):
    ask = internet({url: file()})
    found = ask().settings
    assert (found.source, found.origin) == (source, url)
    assert found.imap == Server("imap.example.com", 993, TLS)
    assert found.smtp == Server("smtp.example.com", 587, STARTTLS)


def test_the_address_is_in_no_request(internet):
    ask = internet({ISPDB: file()})
    ask("carl.smith@example.com")
    assert ask.web.asked and ask.dns.asked
    assert not any("carl" in url for url in ask.web.asked)
    assert not any("carl" in name for name, _kind in ask.dns.asked)


def test_the_domain_is_believed_before_others(internet):
    ask = internet(
        {ISPDB: file(imap="other.example"), AUTOCONFIG: file()},
        {("_imaps._tcp.example.com", "SRV"): ["0 1 993 srv.example.com"]},
    )
    found = ask()
    assert found.settings.source is Source.AUTOCONFIG
    assert found.settings.imap.host == "imap.example.com"


def test_srv_records(internet):
    """The best service, priority and weight; "." is not offered (RFC 2782)."""
    ask = internet(
        records={
            ("_imaps._tcp.example.com", "SRV"): ["0 0 0 ."],
            ("_imap._tcp.example.com", "SRV"): [
                "20 1 143 backup.example.com",
                "10 1 143 light.example.com",
                "10 5 1143 imap.example.com",
            ],
            ("_submissions._tcp.example.com", "SRV"): ["0 1 465 smtp.example.com"],
        }
    )
    found = ask().settings
    assert found.source is Source.SRV
    assert found.origin == "_imap._tcp.example.com, _submissions._tcp.example.com"
    assert found.imap == Server("imap.example.com", 1143, STARTTLS)
    assert found.smtp == Server("smtp.example.com", 465, TLS)


def test_provider_known_by_its_mail_exchanger(internet):
    ask = internet(
        records={
            ("example.com", "MX"): ["20 elsewhere.example", "10 a.mx.known.example"]
        }
    )
    found = ask()
    assert found.settings.source is Source.MX_TABLE
    assert found.provider == KNOWN
    assert found.settings.imap.host == "imap.known.example"


def test_provider_without_password_sign_in_is_shown(internet):
    ask = internet(records={("example.com", "MX"): ["10 x.modern.example"]})
    found = ask()
    assert found.provider == OAUTH
    assert found.settings is None


def test_file_of_the_mail_exchangers_domain(internet):
    url = "https://autoconfig.hoster.example/mail/config-v1.1.xml"
    ask = internet(
        {url: file(imap="%EMAILDOMAIN%")},
        {("example.com", "MX"): ["10 mx1.eu.hoster.example"]},
    )
    found = ask().settings
    assert (found.source, found.origin) == (Source.MX_AUTOCONFIG, url)
    assert found.imap.host == "example.com"


def test_a_side_that_is_missing_comes_from_the_next_source(internet):
    only_imap = file(smtp="")
    ask = internet(
        {AUTOCONFIG: only_imap},
        {("_submission._tcp.example.com", "SRV"): ["0 1 587 srv.example.com"]},
    )
    found = ask().settings
    assert found.imap.host == "imap.example.com"
    assert found.smtp.host == "srv.example.com"


def test_silence_everywhere_is_nothing_found(internet):
    ask = internet(silent=["example.com", "autoconfig.example.com"])
    assert ask(seconds=0.5).settings is None
    assert ask("no address").settings is None
    assert ask("a@" + "x" * 300 + ".example").settings is None


def test_redirects_stay_with_https_and_end(internet):
    other = "https://conf.example.com/file.xml"
    ask = internet({AUTOCONFIG: other, other: file()})
    assert ask().settings.source is Source.AUTOCONFIG
    for target in ("http://conf.example.com/file.xml", "https://127.0.0.1:22/"):
        ask = internet({AUTOCONFIG: target})
        assert ask().settings is None
    ask = internet({AUTOCONFIG: AUTOCONFIG})
    assert ask().settings is None
    assert ask.web.asked.count(AUTOCONFIG) == 4


def test_internal_hosts_are_not_asked(internet):
    """A domain may name any address as its autoconfig host."""
    ask = internet({AUTOCONFIG: file()})
    strict = Https(
        EgressPolicy(), DnsResolver([ask.dns.address]), None, port=ask.web.port
    )
    assert ask(https=strict).settings is None
    assert not ask.web.asked


def test_certificates_are_checked(internet, policy):
    ask = internet({AUTOCONFIG: file()})
    blind = Https(policy, DnsResolver([ask.dns.address]), None, port=ask.web.port)
    assert ask(https=blind).settings is None
    assert not ask.web.asked


@pytest.mark.parametrize(
    "xml",
    [
        b"",
        b"<html>Not found</html>",
        b"<clientConfig/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><clientConfig>&a;</clientConfig>',
        b"<clientConfig><emailProvider/></clientConfig>",
        file().replace(b"SSL", b"plain").replace(b"STARTTLS", b"plain"),
        file(imap="", smtp="").replace(b"993", b"0"),
        b" " * (MAX_SIZE + 1) + file(),
    ],
    ids=["empty", "page", "bare", "dtd", "nothing", "plain", "no host", "huge"],
)
def test_files_that_are_none_or_not_safe(internet, xml):
    assert internet({AUTOCONFIG: xml})().settings is None


def test_a_server_for_oauth_alone_is_skipped():
    xml = file().replace(b"password-cleartext", b"OAuth2")
    assert autoconfig.read(xml, "example.com") == (None, None)


@pytest.mark.parametrize(
    "written, username",
    [
        ("%EMAILADDRESS%", "carl@example.com"),
        ("%EMAILLOCALPART%", "carl"),
        ("%EMAILLOCALPART%.%EMAILDOMAIN%", "carl.example.com"),
        ("root", "carl@example.com"),
        ("%REALNAME%", "carl@example.com"),
        ("", "carl@example.com"),
    ],
)
def test_usernames(written, username):
    imap, _smtp = autoconfig.read(file(username=written), "example.com")
    assert imap.username_of("carl@example.com") == username


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda t: file(t, t, t)))
def test_any_file_is_read_or_refused(data):
    try:
        for server in autoconfig.read(data, "example.com"):
            assert server is None or (server.host and 0 < server.port < 65536)
    except ValueError:
        pass


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("mx1.mail.example.com", "example.com"),
        ("mx.example.co.uk", "example.co.uk"),
        ("MX.Example.Me.Uk.", "example.me.uk"),
        ("example.com.", "example.com"),
        ("com", ""),
        ("co.uk", ""),
        ("localhost", ""),
        ("", ""),
    ],
)
def test_base_domains(host, domain):
    assert base_domain(host) == domain


@pytest.mark.parametrize(
    "suffix", ["me.uk", "id.au", "asn.au", "lg.jp", "gob.mx", "co.uk", "com.br"]
)
def test_no_stranger_is_asked_below_a_public_suffix(internet, suffix):
    """The mail exchanger of a firm there is not everybody's."""
    stranger = f"https://autoconfig.{suffix}/mail/config-v1.1.xml"
    own = f"https://autoconfig.firm.{suffix}/mail/config-v1.1.xml"
    ask = internet(
        {stranger: file(imap="stranger.example"), own: file()},
        {("example.com", "MX"): [f"10 mx.firm.{suffix}."]},
    )
    found = ask().settings
    assert (found.source, found.origin) == (Source.MX_AUTOCONFIG, own)
    assert f"autoconfig.{suffix}" not in {name for name, _kind in ask.dns.asked}
    assert not any(f"/autoconfig.{suffix}/" in url for url in ask.web.asked)


@pytest.mark.parametrize("side", list(Side))
def test_the_right_port_is_found_out(servers, policy, side):
    """Typed: the STARTTLS port as TLS. Found: both ways that work, no password sent."""
    kind = side.value
    tls = getattr(servers, f"{kind}_tls_port")
    starttls = getattr(servers, f"{kind}_starttls_port")
    endpoint = Endpoint(
        side, "localhost", starttls, TLS, "carl@example.com", "secret", servers.ca_pem
    )
    usual = ((tls, TLS), (1, STARTTLS))
    found = find_ports(endpoint, policy, usual=usual)
    assert found == [(tls, TLS), (starttls, STARTTLS)]


def test_no_port_of_a_host_with_a_wrong_certificate(servers, policy):
    endpoint = Endpoint(Side.IMAP, "localhost", servers.imap_tls_port, TLS, "", "")
    assert find_ports(endpoint, policy, usual=()) == []
