"""Users of the mail servers who have a password of their own, in one file for both."""

from pathlib import Path


def passwords(file: Path) -> dict[str, str]:
    """Password by user, in lower case."""
    lines = file.read_text().splitlines()
    return dict(line.split(":", 1) for line in lines if not line.startswith("#"))


def set_password(file: Path, user: str, password: str) -> None:
    """Add or change one; both servers know it with the next log-in."""
    if not (user and password) or set(user + password) & set(":\n\r "):
        raise ValueError("neither user nor password may hold a colon or a space")
    changed = {**passwords(file), user.lower(): password}
    text = "".join(f"{name}:{value}\n" for name, value in changed.items())
    # Dovecot reads the file again when its size or its second of change differs.
    if len(text.encode()) == file.stat().st_size:
        text += "#\n"
    part = file.with_suffix(".part")
    part.write_text(text)
    part.replace(file)
