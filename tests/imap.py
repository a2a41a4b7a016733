"""A real Dovecot of one test module: its own folder and port, one mailbox, no root and no service of the machine.

Where it is not installed, `apt-get install dovecot-imapd` (or the system's own) brings it; the tests that need it are
then skipped, with that reason, unless OKNO_TEST_DOVECOT=1 says that it must be there.
"""

import getpass
import grp
import imaplib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.settings import Imap

USER, PASSWORD = "replies", "a-password-of-a-test"
CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_internal_user = {internal}
default_login_user = {login}
default_internal_group = {group}
first_valid_uid = 1
mail_location = maildir:{folder}/mail
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home
}}
"""


@dataclass
class Mailbox:
    """`imap` are the settings by which it is read."""

    folder: Path
    imap: Imap

    def deliver(self, *mails: bytes) -> None:
        """Lay mails into the mailbox, in this order."""
        with self.opened() as server:
            for mail in mails:
                server.append("INBOX", None, None, mail)

    def count_anew(self) -> None:
        """As after the loss of its index: the same mails, under another UIDVALIDITY."""
        with self.opened() as server:
            server.create("Kept")
            server.select("INBOX")
            server.copy("1:*", "Kept")
            server.delete("INBOX")
        for name in (self.folder / "mail").glob("dovecot*"):
            name.unlink()

    def ids(self) -> int:
        with self.opened() as server:
            return int(server.select("INBOX", readonly=True)[1][0] or 0)

    @contextmanager
    def opened(self) -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4(self.imap.host, self.imap.port, timeout=10) as server:
            server.login(USER, PASSWORD)
            yield server


@contextmanager
def dovecot() -> Iterator[Mailbox]:
    program = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        if os.environ.get("OKNO_TEST_DOVECOT") == "1":
            pytest.fail("Dovecot is not installed: apt-get install dovecot-imapd")
        pytest.skip("Dovecot is not installed: apt-get install dovecot-imapd")
    with tempfile.TemporaryDirectory(prefix="okno-imap-") as name, socket.socket() as probe:
        folder = Path(name)
        folder.chmod(0o755)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        write_config(folder, port)
        process = subprocess.Popen([program, "-F", "-c", str(folder / "conf")], stdin=subprocess.DEVNULL)
        try:
            wait_for(port, folder, process)
            yield Mailbox(folder, Imap("127.0.0.1", port, "none", USER, PASSWORD))
        finally:
            process.terminate()
            process.wait(10)


def write_config(folder: Path, port: int) -> None:
    """As root it needs other users for what faces the network; as anybody else it is all one."""
    root = os.getuid() == 0
    me = getpass.getuser()
    known = {user.pw_name for user in pwd.getpwall()}
    internal = "dovecot" if root and "dovecot" in known else me
    login = "dovenull" if root and "dovenull" in known else me
    mail = pwd.getpwnam("nobody" if root else me)
    for part in ("mail", "home", "run", "state"):
        (folder / part).mkdir()
    if root:
        for part in ("mail", "home"):
            os.chown(folder / part, mail.pw_uid, mail.pw_gid)
    group = internal if root else grp.getgrgid(os.getgid()).gr_name
    text = CONFIG.format(
        folder=folder, port=port, internal=internal, login=login, group=group, password=PASSWORD,
        uid=mail.pw_uid, gid=mail.pw_gid,
    )  # fmt: skip
    (folder / "conf").write_text(text)


def wait_for(port: int, folder: Path, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 15
    while True:
        try:
            with imaplib.IMAP4("127.0.0.1", port, timeout=5) as server:
                server.login(USER, PASSWORD)
                return
        except (OSError, imaplib.IMAP4.error) as error:
            if process.poll() is not None or time.monotonic() > until:
                log = folder / "log"
                said = log.read_text() if log.exists() else ""
                pytest.fail(f"Dovecot does not answer ({error}):\n{said}")
            time.sleep(0.1)
