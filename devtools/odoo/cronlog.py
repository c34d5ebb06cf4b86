"""The runs of scheduled actions in the log of a server."""

import re
from datetime import datetime, timezone
from pathlib import Path

#: The scheduled action that imports older e-mails.
IMPORT = "Mailboxes: import older e-mails"
_LINE = re.compile(
    r"^(?P<time>\S+ \S+) \d+ INFO \S+ \S+ir_cron: Job '(?P<name>[^']+)' \(\d+\) "
    r"(?P<what>starting|fully done|partially done|failed)",
    re.MULTILINE,
)


class CronLog:
    """What a server's log says; by default, from the moment on at which this was
    made."""

    def __init__(self, path: Path | str, whole: bool = False):
        self.path = Path(path)
        self._start = 0 if whole else self.path.stat().st_size

    def runs(self, name: str) -> list[tuple[float, float | None]]:
        """(begin, end) of each run, in seconds; None: it is running."""
        with self.path.open("rb") as log:
            log.seek(self._start)
            text = log.read().decode(errors="replace")
        found: list[tuple[float, float | None]] = []
        for line in _LINE.finditer(text):
            if line["name"] != name:
                continue
            moment = _seconds(line["time"])
            if line["what"] == "starting":
                found.append((moment, None))
            elif found:
                found[-1] = (found[-1][0], moment)
        return found


def breaks(runs: list[tuple[float, float | None]]) -> list[float]:
    """Seconds between the end of a run and the beginning of the next one."""
    pairs = zip(runs, runs[1:], strict=False)
    return [begin - end for (_, end), (begin, _) in pairs if end is not None]


def _seconds(text: str) -> float:
    moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S,%f")
    return moment.replace(tzinfo=timezone.utc).timestamp()
