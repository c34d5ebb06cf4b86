"""Run and stop programs; everything is stopped by its own process id."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from .console import DevError


@cache
def service_user() -> pwd.struct_passwd:
    """Who servers run as: this user, or an unprivileged one when this is root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise DevError("no unprivileged system user (postgres, nobody) to run servers as")


def service_dir(path: Path) -> Path:
    """Make a folder that belongs to the service user."""
    path.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        os.chown(path, service_user().pw_uid, service_user().pw_gid)
    return path


def run(
    args: Sequence[str | Path],
    *,
    as_service: bool = False,
    env: Mapping[str, str] | None = None,
    cwd: Path | str | None = None,
    log: Path | None = None,
    check: bool = True,
) -> str:
    """Run a program to its end and return its output (stdout and stderr).

    `as_service` runs it as the service user. With `check`, a failing program raises
    DevError with the end of its output. With `log`, the output goes there instead.
    """
    user = _as_service(cwd) if as_service else {"cwd": cwd}
    full_env = {**os.environ, **(env or {})}
    # A file and no pipe: a program that leaves a daemon behind never closes a pipe.
    with open(log, "ab") if log else tempfile.TemporaryFile() as output:
        try:
            done = subprocess.run(
                [str(arg) for arg in args],
                env=full_env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                **user,
            )
        except FileNotFoundError as error:
            raise DevError(f"{args[0]} is not installed") from error
        text = ""
        if not log:
            output.seek(0)
            text = output.read().decode(errors="replace")
    if check and done.returncode:
        shown = tail(log) if log else text[-4000:]
        command = " ".join(str(arg) for arg in args)
        raise DevError(f"{command} ended with {done.returncode}:\n{shown}")
    return text


def _as_service(cwd: Path | str | None) -> dict:
    if os.geteuid() != 0:
        return {"cwd": cwd or "/"}
    user = service_user()
    return {
        "cwd": cwd or "/",
        "user": user.pw_uid,
        "group": user.pw_gid,
        "extra_groups": [],
    }


def spawn(
    args: Sequence[str | Path],
    log: Path,
    *,
    as_service: bool = False,
    env: Mapping[str, str] | None = None,
    cwd: Path | str | None = None,
    stdin: Path | str = os.devnull,
) -> subprocess.Popen:
    """Start a program in a session of its own, its output appended to `log`."""
    user = _as_service(cwd) if as_service else {"cwd": cwd}
    with open(log, "ab") as output, open(stdin, "rb") as given:
        return subprocess.Popen(
            [str(arg) for arg in args],
            env={**os.environ, **(env or {})},
            stdin=given,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **user,
        )


def tail(path: Path, lines: int = 40) -> str:
    if not path.exists():
        return ""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def which(name: str, *folders: str) -> str | None:
    """Find a program, also where only root's PATH has it."""
    path = os.pathsep.join((os.environ.get("PATH", ""), *folders))
    return shutil.which(name, path=path + ":/usr/sbin:/sbin:/usr/bin:/bin")


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def read_pid(path: Path, program: str) -> int | None:
    """The id in a pid file, when a process whose command holds `program` has it."""
    try:
        pid = int(path.read_text().split()[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except (OSError, ValueError, IndexError):
        return None
    return pid if program in command and alive(pid) else None


def stop(pid: int, timeout: float = 20) -> None:
    """Ask a process to end, and end it after `timeout` seconds."""
    for number, patience in ((signal.SIGTERM, timeout), (signal.SIGKILL, 5)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        try:
            wait_for(lambda: not alive(pid), patience, f"process {pid} to end")
        except DevError:
            continue
        return


def finish(process: subprocess.Popen, timeout: float | None = None) -> int:
    """Wait for a spawned process; interrupted, end all that it started too.

    After `timeout` seconds it is ended, and DevError raised.
    """
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired as error:
        raise DevError(f"ended after {timeout:.0f} s: it hung") from error
    finally:
        end(process)


def end(process: subprocess.Popen, timeout: float = 20) -> None:
    """Interrupt a spawned process, and end its whole session after `timeout` s."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, number)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            continue


def wait_for(condition: Callable[[], bool], timeout: float, what: str) -> None:
    """Wait until `condition` holds; raise DevError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise DevError(f"waited {timeout:.0f} s in vain for {what}")
        time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    """Loopback TCP ports that nothing listens on now, all different."""
    held = []
    try:
        for _ in range(count):
            listener = socket.socket()
            held.append(listener)
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in held]
    finally:
        for listener in held:
            listener.close()


def listening(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


def give(path: Path) -> None:
    """Let the service user own a file."""
    if os.geteuid() == 0:
        os.chown(path, service_user().pw_uid, service_user().pw_gid)
