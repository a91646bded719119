"""`guardian-rescue`: look at a disk that does not do what it should, save its logs to a stick, reset it to factory.

Nothing on the disk is written to before somebody types a word for it.
"""

import argparse
import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from guardian.appliance import disks, layout, logs, luks, ours, reset, status, sticks
from guardian.appliance.mounts import mounted
from guardian.appliance.ours import Ours, OursError
from guardian.appliance.reset import Machine, Order
from guardian.appliance.screen import SCREENS, Screen
from guardian.appliance.sticks import Stick
from guardian.common.clock import now
from guardian.common.errors import GuardianError

RESET, ERASE = "RESET", "ERASE"
_SECONDS = 3600
Action = tuple[str, Callable[[], None]]


def main() -> None:
    """The menu, for ever; with `--finish` only where a reset cannot be finished."""
    parser = argparse.ArgumentParser(prog="guardian-rescue", description=__doc__)
    parser.add_argument("--finish", action="store_true", help="go on with a reset that was cut off, and end")
    given = parser.parse_args()
    with Screen(SCREENS) as screen:
        if given.finish:
            try:
                return finish(screen)
            except (GuardianError, OSError, subprocess.SubprocessError) as error:
                screen.say(f"  A reset to factory was cut off, and cannot be finished: {error}")
        menu(screen, actions(screen))


def menu(screen: Screen, choices: Sequence[Action]) -> None:
    """Numbers to type, for ever: whoever restarts the machine ends it."""
    screen.say()
    screen.say("  Private AI Guardian: rescue")
    screen.say("  ---------------------------")
    while True:
        screen.say()
        typed = screen.choose("Type a number", [text for text, _ in choices])
        screen.say()
        if not typed:
            screen.say("  That is none of the numbers.")
            continue
        try:
            choices[typed - 1][1]()
        except (GuardianError, OSError, subprocess.SubprocessError) as error:
            screen.say(f"  {error}")


def actions(screen: Screen) -> list[Action]:
    """What the menu offers."""
    return [
        ("Look: the disk, its file system, the last recordings", lambda: look(screen)),
        ("Save logs to a stick", lambda: save(screen)),
        ("Reset to factory, and keep the recordings", lambda: ask_reset(screen, keeps_clips=True)),
        ("Reset to factory, and erase everything", lambda: ask_reset(screen, keeps_clips=False)),
        ("Restart; nothing was changed by looking or saving", lambda: leave("reboot")),
        ("Switch off", lambda: leave("poweroff")),
    ]


def look(screen: Screen) -> None:
    """All of it, as it is found."""
    screen.say("  Looking. The check of a large disk takes minutes.")
    disk = our_disk(screen)
    with decrypted(disk, screen) as device:
        for line in status.look(disk, device):
            screen.say(f"  {line}")


def save(screen: Screen) -> None:
    """To a stick that is chosen; it is read back."""
    disk = our_disk(screen)
    chosen = choose_stick(screen, sticks.find(disks.told(), [disk.path, disks.whole(ours.started_from())]))
    screen.say("  Looking first: what it finds is saved too. The check of a large disk takes minutes.")
    name = f"guardian-logs-{stamp()}.tar.gz"
    with decrypted(disk, screen) as device:
        texts = {
            "status.txt": "".join(f"{line}\n" for line in status.look(disk, device)),
            "disks.txt": _said("lsblk", "--output=NAME,SIZE,TYPE,TRAN,MODEL,FSTYPE,PARTLABEL"),
            "rescue.txt": _said("journalctl", "--boot", "--no-pager", "--output=short-iso"),
        }
        with data_to_read(device, screen) as data, mounted(chosen.device, chosen.kind, "rw") as folder:
            sha256 = logs.save(data, texts, folder, name, screen.progress)
    with mounted(chosen.device, chosen.kind, "ro") as folder:
        logs.verify(folder, name, sha256, screen.progress)
    screen.say(f"  {name} lies on the stick. It may be taken out.")
    screen.say(f"  SHA-256 {sha256}")


def choose_stick(screen: Screen, found: Sequence[Stick]) -> Stick:
    """One of several by its number; OursError when there is none."""
    if not found:
        raise OursError(
            "There is no stick with FAT or exFAT.",
            reason="stick_missing",
            hint="Plug one in by USB, wait a moment, and choose again.",
        )
    typed = screen.choose("Which one? Type its number", [stick.said for stick in found])
    if not typed:
        raise OursError("That is none of the numbers.", reason="stick_missing")
    return found[typed - 1]


def ask_reset(screen: Screen, *, keeps_clips: bool) -> None:
    """Until it is done and the machine restarts; or nothing, unless the word is typed."""
    disk = our_disk(screen)
    encrypted = luks.is_luks(Path(disk.device(layout.DATA)))
    if encrypted and not keeps_clips:
        luks.need_tpm()
    screen.say(f"  {disk.said}")
    screen.say("  This machine will forget whose it is: enrolment, keys, cameras, settings and logs go.")
    if keeps_clips:
        screen.say(
            "  Recordings stay, sealed. The household's secret opens them, one by one, with `guardian clip open`;"
        )
        screen.say("  the browser lists them no more.")
    else:
        screen.say("  Recordings go too. Nobody brings them back.")
        if encrypted:
            screen.say("  The data partition will be encrypted to this machine's TPM anew, with another recovery key.")
    if not screen.agrees(RESET if keeps_clips else ERASE):
        screen.say("  Nothing was changed.")
        return
    with machine_of(disk, screen) as machine:
        if keeps_clips:
            # Before it is durable that this is to be done: a disk that cannot do it stays as it is.
            with machine.data():
                pass
        order = Order(keeps_clips, stamp(), encrypted and not keeps_clips)
        reset.ask(machine.boot, order)
        reset.finish(machine, order, screen.progress)
    screen.say("  Done. Take out the stick if you started from one; the machine restarts.")
    leave("reboot")


def finish(screen: Screen) -> None:
    """Go on with a reset that was cut off; where none was, or the order is damaged, the machine starts as before."""
    with machine_of(our_disk(screen), screen) as machine:
        order = reset.asked(machine.boot)
        if order is None:
            reset.done(machine.boot)
            return
        screen.say("  A reset to factory was cut off. It goes on; leave the power on.")
        reset.finish(machine, order, screen.progress)


def our_disk(screen: Screen) -> Ours:
    """The one to work on; of several the one somebody chooses."""
    found = ours.find(disks.told(), ours.started_from())
    if not found:
        raise OursError(
            "No disk of this machine has a system of ours.",
            reason="disk_missing",
            hint="Install it from a stick, or look whether the disk is plugged in.",
        )
    if len(found) == 1:
        return found[0]
    typed = screen.choose("Which disk? Type its number", [disk.said for disk in found])
    if not typed:
        raise OursError("That is none of the numbers.", reason="disk_missing")
    return found[typed - 1]


@contextlib.contextmanager
def machine_of(disk: Ours, screen: Screen) -> Iterator[Machine]:
    """Its boot partition mounted to be written to, its other partitions by name."""
    data, seed = Path(disk.device(layout.DATA)), Path(disk.device(layout.SEED))
    slots = {name: Path(disk.device(part)) for name, part in layout.SLOTS.items()}
    with mounted(disk.device(layout.BOOT), "vfat", "rw") as boot:
        yield Machine(boot, data, lambda: _data(data, screen), seed, slots)


@contextlib.contextmanager
def decrypted(disk: Ours, screen: Screen) -> Iterator[Path | None]:
    """What the data's file system lies on, not to be written to; None, and why, where nothing opens it."""
    with contextlib.ExitStack() as stack:
        device = None
        try:
            data = Path(disk.device(layout.DATA))
            device = stack.enter_context(luks.opened(data, lambda: ask_key(screen), writable=False))
        except GuardianError as error:
            screen.say(f"  {error}")
        yield device


@contextlib.contextmanager
def data_to_read(device: Path | None, screen: Screen) -> Iterator[Path | None]:
    """The data partition as it lies there; None, and why, where it cannot be mounted."""
    with contextlib.ExitStack() as stack:
        data = None
        try:
            data = None if device is None else stack.enter_context(mounted(str(device), "ext4", status.LOOK))
        except GuardianError as error:
            screen.say(f"  Without the journal: {error}")
        yield data


def ask_key(screen: Screen) -> str:
    """Of a data partition that the TPM does not open."""
    screen.say("  The data partition is encrypted, and the TPM does not open it.")
    return screen.ask("  Type its recovery key, or nothing to leave it closed: ")


def stamp() -> str:
    """The time, for names: `20260131T080000Z`."""
    return f"{now():%Y%m%dT%H%M%SZ}"


def leave(how: str) -> None:
    """`reboot` or `poweroff`."""
    command = ["systemctl", "start", "--no-block", "--job-mode=replace-irreversibly", f"{how}.target"]
    subprocess.run(command, check=False, timeout=60)
    # Nothing more is asked meanwhile.
    time.sleep(60)


@contextlib.contextmanager
def _data(device: Path, screen: Screen) -> Iterator[Path]:
    with luks.opened(device, lambda: ask_key(screen), writable=True) as system:
        # As a start does: what is left after that, mounting judges.
        subprocess.run(["e2fsck", "-p", str(system)], capture_output=True, check=False, timeout=_SECONDS)
        with mounted(str(system), "ext4", "rw") as folder:
            yield folder


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=300)
    return done.stdout or done.stderr
