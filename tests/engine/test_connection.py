"""Which hosts may be reached, and what their names may be."""

from __future__ import annotations

import socket

import pytest

from odoo.addons.mailbox_connector.engine.errors import EngineError, Field, Kind, Side
from odoo.addons.mailbox_connector.engine.net.connection import connect
from odoo.addons.mailbox_connector.engine.net.deadline import Deadline
from odoo.addons.mailbox_connector.engine.net.egress import EgressPolicy
from odoo.addons.mailbox_connector.engine.net.resolver import (
    checked_addresses,
    idna_host,
)
from odoo.addons.mailbox_connector.engine.net.tls import tls_context
from odoo.addons.mailbox_connector.engine.types import Endpoint, Security


def endpoint(host, port=993):
    return Endpoint(Side.IMAP, host, port, Security.TLS, "u", "p")


@pytest.mark.parametrize(
    "address",
    """127.0.0.1 127.8.9.1 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 0.0.0.0
    100.64.0.1 100.100.100.200 168.63.129.16 224.0.0.1 255.255.255.255 192.0.0.192
    198.18.0.1 240.0.0.1 ::1 :: fe80::1 fe80::1%eth0 fc00::1 fd00:ec2::254 ff02::1
    fec0::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::a00:1 2002:a00:1:: 2001::1
    2001:db8::1 localhost""".split(),
)
def test_inner_addresses_are_refused(address):
    assert not EgressPolicy().allows_address(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are_allowed(address):
    assert EgressPolicy().allows_address(address)


def test_the_administrator_may_allow_networks():
    policy = EgressPolicy(allowed_networks=("10.0.0.0/8", "::1/128"))
    assert policy.allows_address("10.1.2.3") and policy.allows_address("::1")
    assert policy.allows_address("::ffff:10.1.2.3")
    assert not policy.allows_address("192.168.0.1")


def test_ports():
    policy = EgressPolicy()
    assert all(map(policy.allows_port, (25, 143, 465, 587, 993, 2525, 1143, 65535)))
    assert not any(map(policy.allows_port, (0, 22, 80, 443, 445, 65536, -1)))
    assert EgressPolicy(extra_ports=frozenset({443})).allows_port(443)
    strict = EgressPolicy(ports=frozenset({993}))
    assert strict.allows_port(993) and not strict.allows_port(2525)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        (" Mail.Example.COM. ", "mail.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("[::1]", "::1"),
        ("", ""),
        ("imap://mail.example.com", ""),
        ("mail example", ""),
        ("user@mail.example.com", ""),
        ("a..b", ""),
        ("x" * 64 + ".example", ""),
        ("ü" * 300, ""),
        ("mail\0.example", ""),
    ],
)
def test_host_names(host, name):
    assert idna_host(host) == name


@pytest.mark.parametrize(
    ("host", "port", "kind", "field"),
    [
        ("", 993, Kind.HOST_UNKNOWN, Field.HOST),
        ("no such host", 993, Kind.HOST_UNKNOWN, Field.HOST),
        ("does-not-exist.invalid", 993, Kind.HOST_UNKNOWN, Field.HOST),
        ("localhost", 993, Kind.HOST_FORBIDDEN, Field.HOST),
        ("127.1", 993, Kind.HOST_FORBIDDEN, Field.HOST),
        ("2130706433", 993, Kind.HOST_FORBIDDEN, Field.HOST),
        ("example.com", 80, Kind.HOST_FORBIDDEN, Field.PORT),
    ],
)
def test_settings_that_lead_nowhere(host, port, kind, field):
    with pytest.raises(EngineError) as caught:
        checked_addresses(endpoint(host, port), EgressPolicy(), Deadline(10))
    assert (caught.value.kind, caught.value.field) == (kind, field)
    assert caught.value.host == host


def test_forbidden_addresses_among_allowed_ones_are_skipped(monkeypatch):
    """A name that leads to a public and to an inner address reaches the public."""
    infos = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 993))
        for address in ("10.0.0.1", "8.8.8.8", "127.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: infos)
    found = checked_addresses(endpoint("mail.example.com"), EgressPolicy(), Deadline())
    assert [info[4][0] for info in found] == ["8.8.8.8"]


def test_a_resolver_that_hangs_ends_with_the_time_limit(monkeypatch):
    import threading

    stop = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: stop.wait(20))
    with pytest.raises(EngineError) as caught:
        connect(endpoint("mail.example.com"), EgressPolicy(), connect_timeout=0.1)
    stop.set()
    assert (caught.value.kind, caught.value.field) == (Kind.TIMEOUT, Field.HOST)


def test_the_next_address_is_tried(scripted, policy, monkeypatch):
    server = scripted([(None, b"* OK hi\r\n")])
    infos = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, server.port))
        for address in ("127.0.0.2", "127.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: infos)
    target = Endpoint(Side.IMAP, "x.example", server.port, Security.STARTTLS, "u", "p")
    connection = connect(target, policy)
    assert connection.read_line(100) == b"* OK hi\r\n"
    connection.close()


@pytest.mark.parametrize(
    "pem",
    [
        "not a certificate",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        "-----BEGIN CERTIFICATE-----\nÜÜÜ\n-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----" + "A" * 2_000_000,
    ],
)
def test_what_is_no_certificate(pem):
    with pytest.raises(EngineError) as caught:
        tls_context(pem, Side.SMTP)
    error = caught.value
    assert (error.kind, error.field, error.side) == (
        Kind.CERTIFICATE_INVALID,
        Field.CERTIFICATE,
        Side.SMTP,
    )


def test_tls_is_always_verified():
    import ssl

    for pem in (None, "", "  "):
        context = tls_context(pem)
        assert context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_deadlines():
    assert Deadline(None).left() == float("inf")
    assert Deadline(None).bound(60) == 60
    assert 0 < Deadline(5).bound(60) <= 5
    over = Deadline(0)
    assert over.left() == 0 and over.bound(60) > 0
    with pytest.raises(EngineError):
        over.check(Side.IMAP)
