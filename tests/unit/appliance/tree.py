"""A machine's partitions as a reset or a look finds them: folders for what is mounted, files for devices."""

import contextlib
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from guardian.appliance import grubenv, layout
from guardian.appliance.reset import Machine
from guardian.appliance.slots import Words

STATE = "system/var/lib/guardian"
# What nobody but the machine may have; each is unlike any other.
SECRETS = {
    "system/etc/credstore.encrypted/guardian.sign.key": b"sealed-sign-key-4711",
    "system/etc/credstore.encrypted/guardian.camera.front": b"sealed-camera-password-4712",
    "system/var/lib/systemd/credential.secret": b"host-key-4713",
    "system/etc/guardian/seed/seed.json": b"seed-with-token-4714",
    f"{STATE}/enroll/kept.json": b"unspent-keys-4715",
    f"{STATE}/seed/left": b"seed-left-4716",
}
OTHERS = {
    "system/machine-id": b"0123456789abcdef0123456789abcdef\n",
    "system/etc/guardian/edge.yaml": b"name: settings-4720\n",
    "system/etc/guardian/cameras/front.yaml": b"path: rtsp://camera-4721/\n",
    f"{STATE}/identity/identity.json": json.dumps(
        {"tenant": "t", "edge": "0" * 32, "name": "Hall", "gateway": "10.86.0.1:7443"}
    ).encode(),
    f"{STATE}/analyzer/events.db": b"who-came-when-4722",
    f"{STATE}/cameras/front/index.db": b"clip-times-4723",
    f"{STATE}/uplink/uplink.db": b"cursor-4724",
    "system/var/log/dpkg.log": b"log-4725",
    "updates/next.squashfs": b"half-an-update-4726",
}
JOURNAL = "system/var/log/journal/0123456789abcdef0123456789abcdef"
RECORDINGS = {
    f"{STATE}/cameras/front/clips/2026-01-30/a.sealed": "cameras/front/2026-01-30/a.sealed",
    f"{STATE}/cameras/front/clips/2026-01-31/b.sealed": "cameras/front/2026-01-31/b.sealed",
    f"{STATE}/cameras/yard/clips/2026-01-31/c.sealed": "cameras/yard/2026-01-31/c.sealed",
    f"{STATE}/analyzer/objects/2026-01-31/d.sealed": "snapshots/2026-01-31/d.sealed",
    f"{STATE}/uplink/roster.json": "roster.json",
    f"{STATE}/vault/slots.json": "slots.json",
}


@dataclass(frozen=True)
class Tree:
    """`boot` and `data` are mounted folders; `machine` is what a reset is given."""

    folder: Path

    @property
    def boot(self) -> Path:
        """With grubenv and slot A's kernel."""
        return self.folder / "boot"

    @property
    def data(self) -> Path:
        """As after months of work."""
        return self.folder / "data"

    @property
    def machine(self) -> Machine:
        """Its devices are files."""
        slots = {name: self.folder / f"slot-{name}" for name in layout.SLOTS}
        return Machine(self.boot, self.folder / "data.img", self.mount, self.folder / "seed", slots)

    def mount(self) -> AbstractContextManager[Path]:
        """It is there already."""
        return contextlib.nullcontext(self.data)

    def words(self) -> Words:
        """GRUB's."""
        return Words.of(grubenv.read(self.boot / grubenv.PLACE))

    def says(self, words: Words) -> None:
        """Set them."""
        (self.boot / grubenv.PLACE).write_bytes(grubenv.pack(words.said()))

    def files(self) -> dict[str, bytes]:
        """All of the data partition."""
        return {
            path.relative_to(self.data).as_posix(): path.read_bytes()
            for path in self.data.rglob("*")
            if path.is_file() and not path.is_symlink()
        }

    def holding(self, text: bytes) -> Iterator[str]:
        """Files of the data partition in which this stands."""
        return (name for name, content in self.files().items() if text in content)


def make(folder: Path) -> Tree:
    """A machine with two cameras, enrolled, on slot A, B on trial, with a seed that was not taken."""
    tree = Tree(folder)
    recordings = {name: f"recording {name}".encode() for name in RECORDINGS}
    notes = {
        "unit": "guardian-uplink.service",
        "time": "2026-01-31T08:00:00Z",
        "result": "signal",
        "status": "signal KILL",
    }
    logs = {
        f"{JOURNAL}/system.journal": b"journal-now" * 100,
        f"{JOURNAL}/system@0005-06.journal": b"journal-before" * 100,
        f"{STATE}/failures/guardian-uplink.service.json": json.dumps(
            notes | {"count": 2, "words": ["It hurt."]}
        ).encode(),
    }
    for name, content in (SECRETS | OTHERS | recordings | logs).items():
        path = tree.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tree.data / "lost+found").mkdir()
    for name in ("grub", "A", "B"):
        (tree.boot / name).mkdir(parents=True)
    for name in layout.KERNEL:
        (tree.boot / "A" / name).write_bytes(b"kernel")
    tree.says(Words(trial="B", left="1", reached="1", verdict="unhealthy"))
    (folder / "slot-A").write_bytes(layout.SQUASHFS + bytes(100))
    (folder / "slot-B").write_bytes(bytes(104))
    (folder / "seed").write_bytes(b"a seed".ljust(65_536, b"\1"))
    return tree
