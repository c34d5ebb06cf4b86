"""What is in the demo's mailbox when the demo begins."""

from datetime import timedelta

from . import parts
from .mail import Mail, Thread
from .people import (
    AGENT,
    BURSAR,
    DISPLAY_NAME,
    ELIN,
    JAVIER,
    KENJI,
    MAILBOX,
    NORA,
    PIKE,
    PRIYA,
    SCHOOL,
    TOM,
)

US = f"{DISPLAY_NAME} <{MAILBOX}>"


def mails() -> list[Mail]:
    """Everything that the mailbox holds when the demo begins."""
    threads = (
        *(_offer(), _damage(), _market(), _school(), _japan(), _copy_to_self()),
        *(_filed(), _today(), _old(), *_not_ours()),
    )
    return [mail for thread in threads for mail in thread.mails]


def _ago(days: float = 0, hours: float = 0, minutes: float = 0) -> timedelta:
    return timedelta(days=days, hours=hours, minutes=minutes)


def _offer() -> Thread:
    thread = Thread("Offer for 40 pallet racks", "racks")
    thread.add(
        *("INBOX", NORA, [US], _ago(5, 20)),
        "Hello Brightwater,\n\nwe are fitting out a second hall and need 40 pallet"
        " racks, 3.5 m high, by the end of January. Could you make us an offer?\n\n"
        "Nora Whitfield\nHarbour & Pike Ltd",
        contacts=[NORA],
    )
    answer = thread.add(
        *("Sent", US, [NORA], _ago(5, 2)),
        "Dear Nora,\n\nthank you for asking. Our offer is attached; it holds until"
        " the middle of December. Delivery in calendar week 3 is possible.\n\n"
        "Kind regards\nMarta Keller",
        "html",
        contacts=[NORA],
    )
    answer.add_attachment(
        parts.pdf(
            (
                "Brightwater Trading",
                "",
                "Offer 2041 for Harbour & Pike Ltd",
                "",
                "40 pallet racks, 3.5 m (galvanised)",
                "Delivery: calendar week 3, free to your hall",
            )
        ),
        maintype="application",
        subtype="pdf",
        filename="Offer 2041.pdf",
    )
    thread.add(
        *("INBOX", NORA, [US], _ago(3, 21)),
        "Hi Marta,\n\nlooks good. Tom (in copy) runs the hall: can the racks come in"
        " two lots?\n\nNora",
        "outlook",
        cc=[TOM],
        contacts=[NORA, TOM],
    )
    thread.add(
        *("Sent", US, [NORA], _ago(3, 19)),
        "Hi Nora, hi Tom,\n\ntwo lots are fine: 20 on the Tuesday, 20 on the"
        " Thursday.\n\nMarta",
        "outlook",
        cc=[TOM],
        contacts=[NORA, TOM],
    )
    thread.add(
        *("INBOX", TOM, [US], _ago(1, 3)),
        "Perfect, please go ahead. Unloading is at gate 4, from 7 in the morning.\n\n"
        "Tom",
        "outlook",
        cc=[NORA, PIKE],
        contacts=[TOM, NORA, PIKE],
    )
    return thread


def _damage() -> Thread:
    thread = Thread("Skadad leverans / damaged delivery", "damage")
    message = thread.add(
        *("INBOX", ELIN, [US], _ago(2, 22)),
        "Hej,\n\none of the tiles arrived cracked, see the picture. Could you send"
        " another one?\n\nHälsningar från Malmö\nElin",
        contacts=[ELIN],
    )
    message.add_alternative(
        "<html><body><p>Hej,</p><p>one of the tiles arrived cracked:</p>"
        '<p><img src="cid:tile@lindqvistbygg.example" alt="cracked tile" width="320">'
        "</p><p>Could you send another one?</p>"
        "<p>Hälsningar från Malmö<br>Elin</p></body></html>",
        subtype="html",
    )
    message.get_payload()[1].add_related(
        parts.photo(),
        maintype="image",
        subtype="png",
        cid="<tile@lindqvistbygg.example>",
        filename="tile.png",
        disposition="inline",
    )
    thread.add(
        *("Sent", US, [ELIN], _ago(2, 20)),
        "Hej Elin,\n\nI am sorry about that. A new one leaves us tomorrow.\n\nMarta",
        "gmail",
        contacts=[ELIN],
    )
    thread.add(
        *("INBOX", ELIN, [US], _ago(0, 23)),
        "Tack! It came this morning, all well.\n\nElin",
        "gmail",
        contacts=[ELIN],
    )
    return thread


def _market() -> Thread:
    thread = Thread("Pedido de otoño: 12 cajas más, ¿es posible?", "pedido")
    thread.add(
        *("INBOX", JAVIER, [US], _ago(4, 6)),
        "Buenos días:\n\n¿pueden añadir 12 cajas al pedido de otoño?\n\nJavier",
        "html",
        contacts=[JAVIER],
    )
    thread.add(
        *("Sent", US, [JAVIER], _ago(4, 1)),
        "Hola Javier,\n\nyes: 12 more boxes, with the same lorry.\n\nMarta",
        contacts=[JAVIER],
    )
    return thread


def _school() -> Thread:
    thread = Thread("Shelves for the library", "shelves")
    thread.add(
        *("INBOX", f"Oakfield School Office <{SCHOOL.email}>", [US], _ago(1, 9)),
        "Good morning,\n\ndo you have the shelves in white too? The bursar asks for"
        " payment by 30 days.\n\nOakfield School",
        contacts=[SCHOOL, BURSAR],
    )
    thread.add(
        *("Sent", US, [SCHOOL], _ago(0, 22)),
        "Good morning,\n\nyes, in white from stock, and 30 days are fine.\n\nMarta",
        contacts=[SCHOOL, BURSAR],
    )
    return thread


def _japan() -> Thread:
    thread = Thread("Samples are on their way", "samples")
    thread.add(
        *("Sent", US, [KENJI], _ago(3, 4)),
        "Dear Kenji,\n\nthe samples left us today; they should reach Nagoya on"
        " Friday.\n\nMarta",
        contacts=[KENJI],
    )
    return thread


def _copy_to_self() -> Thread:
    """One e-mail in two folders: it is shown on the contact once."""
    thread = Thread("Your visit on Thursday", "visit")
    text = "Dear Priya,\n\nI shall be with you at ten on Thursday.\n\nMarta"
    thread.add("Sent", US, [PRIYA], _ago(1, 1), text, cc=[US], contacts=[PRIYA])
    first = thread.mails[0]
    thread.mails.append(Mail("INBOX", first.message, first.date, first.contacts))
    thread.add(
        *("INBOX", PRIYA, [US], _ago(0, 20)),
        "Ten is fine, see you then!\n\nPriya",
        "gmail",
        contacts=[PRIYA],
    )
    return thread


def _filed() -> Thread:
    """What a rule on the server files away is found there."""
    thread = Thread("Gate code for deliveries", "gate")
    thread.add(
        *("Customers/Harbour & Pike", TOM, [US], _ago(2, 2)),
        "The code for gate 4 is on the delivery note from now on.\n\nTom",
        contacts=[TOM],
    )
    return thread


def _today() -> Thread:
    thread = Thread("Quick question about the invoice", "invoice")
    thread.add(
        *("INBOX", PRIYA, [US], _ago(minutes=25)),
        "Hello Marta,\n\nwhich order number should be on the invoice?\n\nPriya",
        contacts=[PRIYA],
    )
    return thread


def _old() -> Thread:
    """Before the window: only a wider one imports it."""
    thread = Thread("Price list of the autumn", "pricelist")
    thread.add(
        *("INBOX", NORA, [US], _ago(19)),
        "Could you send the price list?\n\nNora",
        contacts=[NORA],
    )
    return thread


def _not_ours() -> list[Thread]:
    """Mail that has no business on a contact."""
    stranger = Thread("Cheap office space", "space")
    stranger.add(
        *("INBOX", "Office Deals <hello@officedeals.example>", [US], _ago(2, 5)),
        "Are you looking for an office? Answer today!",
    )
    letter = Thread("Trade Weekly: what moves the market", "weekly")
    letter.add(
        *("INBOX", "Trade Weekly <news@tradeweekly.example>", [US], _ago(1, 6)),
        "Prices & freight: a calm week.",
        "html",
        List_Id="Trade Weekly <weekly.tradeweekly.example>",
        List_Unsubscribe="<https://tradeweekly.example/leave>",
        Precedence="bulk",
    )
    colleague = Thread("Lunch?", "lunch")
    colleague.add(
        "INBOX", f"{AGENT.name} <{AGENT.email}>", [US], _ago(0, 5), "At noon? Ben"
    )
    spoofed = Thread("Your account is locked", "locked")
    spoofed.add(
        *("Junk", NORA, [US], _ago(0, 7)),
        "Click here to unlock your account.",
        contacts=[NORA],
    )
    draft = Thread("Dates for January", "january")
    draft.add(
        *("Drafts", US, [NORA], _ago(0, 2)), "Dear Nora, how about", contacts=[NORA]
    )
    return [stranger, letter, colleague, spoofed, draft]
