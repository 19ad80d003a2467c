"""Whom the servers run as. Root runs none of them: PostgreSQL refuses it, rightly, and Valkey has no need of it.

For an ordinary user nothing here happens but a `mkdir`. For root, the folders are given to a system user, and what is
closed to that user on the way to its folders and programs is opened, just far enough.
"""

import logging
import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)

SYSTEM_USER = "nightmarket"


@dataclass(frozen=True)
class Owner:
    """Whom a server's folders belong to, and whom the server runs as; the words are those of `subprocess`."""

    user: int
    group: int
    extra_groups: tuple[int, ...] | None  # None: as they are, for only root may change them


def ourselves() -> Owner:
    """Who we are."""
    return Owner(os.geteuid(), os.getegid(), extra_groups=None)


def owner_of(folder: Path) -> Owner:
    """Ourselves; for root the folder's owner, or the system user when the folder is new or root's.

    So a shop that an ordinary user has opened is still that user's after a `sudo`. Makes the system user at first need;
    raises FileNotFoundError or CalledProcessError where `useradd` is missing or fails.
    """
    if os.geteuid() != 0:
        return ourselves()
    if folder.exists() and (found := folder.stat()).st_uid != 0:
        return Owner(found.st_uid, found.st_gid, extra_groups=())
    user = _system_user()
    return Owner(user.pw_uid, user.pw_gid, extra_groups=())


def make_folder(folder: Path, owner: Owner) -> None:
    """Make the folder, closed to all but its owner. Raises PermissionError if it is there and somebody else's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.geteuid() == 0:
        if folder.lstat().st_uid == 0:
            os.lchown(folder, owner.user, owner.group)
        _open_way_to(folder)
    # lstat: in /tmp somebody may have laid a link in wait, which must not pass for the folder it leads to
    if (found := folder.lstat().st_uid) != owner.user:
        raise PermissionError(f"{folder} belongs to user {found}, not to user {owner.user}")


def let_run(program: Path) -> None:
    """Let the system user run a program that root has installed in its own home."""
    if os.geteuid() == 0:
        _open_way_to(program)


def _open_way_to(path: Path) -> None:
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & 0o001:
            logger.warning("%s: everybody may pass through now, as the server's user must reach %s", folder, path)
            folder.chmod(mode | 0o001)


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        adduser = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", SYSTEM_USER]
        subprocess.run(adduser, check=True)  # noqa: S603
        return pwd.getpwnam(SYSTEM_USER)
