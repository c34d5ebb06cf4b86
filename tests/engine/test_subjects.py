"""Subjects are compared and answered without what programs put in front of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.mailbox_connector.engine.mime.subjects import (
    bare_subject,
    reply_subject,
    untagged_subject,
)


@pytest.mark.parametrize(
    ("subject", "bare"),
    [
        ("Offer", "offer"),
        ("Re: Offer", "offer"),
        ("AW: Re[2]: FWD : Offer", "offer"),
        ("Regarding: Offer", "regarding: offer"),
        ("[sales] Re: Offer", "[sales] re: offer"),
        (" SV:\tOffer ", "offer"),
        ("Re:", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_bare(subject, bare):
    assert bare_subject(subject) == bare


@pytest.mark.parametrize(
    "subject",
    ["Offer", "[sales] Re: Offer", "***SPAM*** AW: [x] Fwd: Offer", "R: Offer"],
)
def test_tags_of_lists_and_filters_do_not_count(subject):
    assert untagged_subject(subject) == "offer"


@given(st.text(max_size=60))
def test_a_reply_is_marked_once(subject):
    reply = reply_subject(subject)
    assert reply.startswith("Re:")
    assert reply_subject(reply) == reply
    assert bare_subject(reply) == bare_subject(subject)
