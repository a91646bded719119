"""The archive: a tar whose first member says what is in it, sealed by age to recipients' public keys."""

import contextlib
import grp
import hashlib
import io
import json
import os
import pwd
import re
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from guardian.cli.backup.contents import MAX_BYTES, opened
from guardian.common.errors import GuardianError
from guardian.common.files import sync_directory

MANIFEST = "manifest.json"
_MANIFEST_BYTES = 4 << 20
RECIPIENT = re.compile(r"age1[a-z0-9]{20,100}")
# Below the root, in these places and nowhere else.
PLACES = r"(etc/guardian|var/lib/guardian)/[A-Za-z0-9@_.-]+(/[A-Za-z0-9@_.-]+)*|dump/guardian-[0-9TZ]+\.(dump|json)"
_NAME = re.compile(rf"(?!.*(^|/)\.\.?(/|$))({PLACES}|secrets/[a-z][a-z0-9_.-]{{0,62}})")


class Item(BaseModel):
    """One member."""

    model_config = ConfigDict(extra="forbid")

    name: str
    size: int = Field(ge=0, le=MAX_BYTES)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    mode: int = Field(ge=0, le=0o777)
    owner: str = Field(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")
    group: str = Field(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")


class Manifest(BaseModel):
    """What the archive holds."""

    model_config = ConfigDict(extra="forbid")

    format: int = Field(ge=1, le=1)
    tier: str = Field(pattern=r"^(edge|node|control)$")
    host: str = Field(max_length=253)
    version: str = Field(max_length=64)
    made: str = Field(max_length=40)
    items: list[Item] = Field(max_length=100_000)


@dataclass(frozen=True)
class Member:
    """A file on its way into an archive: `inside` below `root`, which no link leads to."""

    name: str
    root: Path
    inside: Path
    mode: int
    owner: str
    group: str

    @staticmethod
    def of(name: str, root: Path, inside: Path, like: os.stat_result | None = None) -> "Member":
        """With owner and mode of `like`, or of the file itself."""
        if like is None:
            with opened(root, inside) as (file, _):
                like = os.fstat(file.fileno())
        owner, group = pwd.getpwuid(like.st_uid).pw_name, grp.getgrgid(like.st_gid).gr_name
        return Member(name, root, inside, like.st_mode & 0o777, owner, group)


def write(target: Path, recipients: list[str], facts: dict[str, Any], members: list[Member]) -> int:
    """Seal the members into `target`, which is whole or not there; its size."""
    if not recipients or not all(RECIPIENT.fullmatch(item) for item in recipients):
        raise GuardianError(
            "A backup is sealed to somebody's public key.",
            reason="backup_recipient",
            hint="`age-keygen` makes a pair: give the public one, age1…, and keep the other away from this host.",
        )
    items = [_item(member) for member in members]
    manifest = Manifest.model_validate({"format": 1, **facts, "items": items})
    aside = target.with_name(f".{target.name}.part")
    command = ["age", "--encrypt", *(word for item in recipients for word in ("--recipient", item))]
    with _age([*command, "--output", str(aside)], stdin=subprocess.PIPE) as age:
        stdin = cast(IO[bytes], age.stdin)
        with stdin, tarfile.open(fileobj=stdin, mode="w|") as tar:
            _add(tar, MANIFEST, io.BytesIO(data := manifest.model_dump_json(indent=1).encode()), len(data))
            for member, item in zip(members, items, strict=True):
                with opened(member.root, member.inside) as (file, _):
                    _add(tar, member.name, file, item.size)
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(aside, target)
    sync_directory(target.parent)
    return target.stat().st_size


def _item(member: Member) -> Item:
    if _NAME.fullmatch(member.name) is None:
        raise GuardianError(f"{member.name} has no place in a backup.", reason="backup_name")
    with opened(member.root, member.inside) as (file, _):
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    return Item(name=member.name, size=size, sha256=digest, mode=member.mode, owner=member.owner, group=member.group)


def _add(tar: tarfile.TarFile, name: str, file: IO[bytes], size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    tar.addfile(entry, file)


def read(source: Path, identity: bytes, into: Path) -> Manifest:
    """Open an archive into the empty folder `into`, each member checked; GuardianError `backup_…`."""
    command = ["age", "--decrypt", "--identity", "-", str(source)]
    with _age(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as age:
        stdin, stdout = cast(IO[bytes], age.stdin), cast(IO[bytes], age.stdout)
        with stdin:
            stdin.write(identity)
        try:
            with tarfile.open(fileobj=stdout, mode="r|") as tar:
                return _unpack(tar, into)
        except (tarfile.TarError, ValidationError, ValueError) as error:
            # Nothing at all came out: the key does not fit, and age says so.
            if age.wait() != 0:
                raise _closed(age) from error
            raise _damaged(f"{error}".splitlines()[0]) from error


def _unpack(tar: tarfile.TarFile, into: Path) -> Manifest:
    manifest: Manifest | None = None
    waiting: dict[str, Item] = {}
    for entry in tar:
        file = tar.extractfile(entry) if entry.isreg() else None
        if file is None:
            raise _damaged(f"{entry.name[:80]} is no file")
        if manifest is None:
            if entry.name != MANIFEST or entry.size > _MANIFEST_BYTES:
                raise _damaged("it does not begin with its manifest")
            manifest = Manifest.model_validate(json.loads(file.read()))
            waiting = {item.name: item for item in manifest.items}
            continue
        item = waiting.pop(entry.name, None)
        if item is None or _NAME.fullmatch(item.name) is None or item.size != entry.size:
            raise _damaged(f"{entry.name[:80]} is not what its manifest says")
        _keep(file, item, into / item.name)
    if manifest is None or waiting:
        raise _damaged("not all is there that its manifest names")
    return manifest


def _keep(file: IO[bytes], item: Item, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest = hashlib.sha256()
    with target.open("xb") as kept:
        while piece := file.read(1 << 20):
            digest.update(piece)
            kept.write(piece)
    if digest.hexdigest() != item.sha256:
        raise _damaged(f"{item.name} is not what its manifest says")


@contextlib.contextmanager
def _age(command: list[str], **pipes: Any) -> Iterator["subprocess.Popen[bytes]"]:
    try:
        process = subprocess.Popen(command, stderr=subprocess.PIPE, **pipes)
    except FileNotFoundError:
        raise GuardianError(
            "The program age is not installed.", reason="age_missing", hint="apt-get install age"
        ) from None
    with process:
        try:
            yield process
        except BrokenPipeError:
            pass
        except BaseException:
            process.kill()
            raise
        if process.wait() != 0:
            raise _closed(process)


def _closed(process: "subprocess.Popen[bytes]") -> GuardianError:
    said = (process.stderr.read(1000) if process.stderr else b"").decode("utf-8", "replace").strip().splitlines()
    return GuardianError(
        f"age refused: {said[0] if said else 'it does not say why'}",
        reason="backup_closed",
        hint="Is this the private key of one of those it was sealed to?",
    )


def _damaged(what: str) -> GuardianError:
    return GuardianError(f"This is no whole backup: {what}.", reason="backup_damaged", hint="Take another one.")
