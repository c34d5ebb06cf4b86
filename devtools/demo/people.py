"""Who is who in the demo: made-up companies, at addresses that lead nowhere."""

from dataclasses import dataclass

MAILBOX = "sales@brightwater.example"
COMPANY = "Brightwater Trading"
DISPLAY_NAME = "Brightwater Sales"


@dataclass(frozen=True)
class Login:
    """A user of the demo's Odoo; `role` is for the person who tries it."""

    login: str
    password: str
    name: str
    email: str
    role: str


ADMIN = Login(
    "admin",
    "admin",
    "Administrator",
    "admin@brightwater.example",
    "administrator: everything",
)
OWNER = Login(
    "owner",
    "owner",
    "Marta Keller",
    "marta.keller@brightwater.example",
    f"owner of {MAILBOX}: Settings > Mailboxes",
)
AGENT = Login(
    "agent",
    "agent",
    "Ben Okafor",
    "ben.okafor@brightwater.example",
    "agent without a mailbox: reads the e-mails on the contacts",
)


@dataclass(frozen=True)
class Contact:
    """A contact; `company` names the contact it is a person of."""

    name: str
    email: str | None = None
    company: str | None = None
    function: str | None = None
    city: str | None = None

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


PIKE = Contact("Harbour & Pike Ltd", "info@harbourpike.example", city="Bristol")
NORA = Contact(
    "Nora Whitfield", "nora@harbourpike.example", PIKE.name, "Purchasing manager"
)
TOM = Contact("Tom Adeyemi", "tom.adeyemi@harbourpike.example", PIKE.name, "Warehouse")
BYGG = Contact("Lindqvist Bygg AB", "kontakt@lindqvistbygg.example", city="Malmö")
ELIN = Contact("Elin Lindqvist", "elin@lindqvistbygg.example", BYGG.name, "Owner")
VERDE = Contact("Mercado Verde SL", city="València")
JAVIER = Contact("Javier Ibáñez", "javier@mercadoverde.example", VERDE.name, "Buyer")
PRIYA = Contact("Priya Raman", "priya.raman@example.org", city="Leeds")
# One address, two contacts: both see its mail.
SCHOOL = Contact("Oakfield School", "office@oakfield.example", city="Exeter")
BURSAR = Contact(
    "Bursar of Oakfield School", "Office@Oakfield.example", SCHOOL.name, "Bursar"
)
KENJI = Contact("Kenji Morishita", "kenji@morishita.example", city="Nagoya")
ALBA = Contact("Alba Sousa", "alba.sousa@example.net", city="Porto")

CONTACTS = (
    *(PIKE, NORA, TOM, BYGG, ELIN, VERDE),
    *(JAVIER, PRIYA, SCHOOL, BURSAR, KENJI, ALBA),
)
