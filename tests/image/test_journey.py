"""The whole way: from a stick with a seed to an event at the node, through kernel WireGuard, nobody at the machine.

And on from there, where GUARDIAN_IMAGE is `full`: an update from the node that stays, one whose writing the power cut
short, one that never comes up, one that is less well; and the way back from the first one.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest
from tests.image.conftest import GIB, KEY, REFUSED, UPDATE_KEY, lies_on, seed
from tests.image.household import Home, home
from tests.image.variants import made
from tools.image.qemu import Drive, Machine, empty

from guardian.common import seed_region

FULL = os.environ.get("GUARDIAN_IMAGE") == "full"
pytestmark = pytest.mark.timeout(7200)
# What systemd says in the kernel's log of units that wait for each other.
CYCLE = "ordering cycle"
# What the image was baked with.
FIRST = version("guardian")
# Where an update is laid on the machine.
HANDED = "/var/lib/guardian/it.update"


@dataclass
class Story:
    """One machine with its disk, beside its home; `figures` are seconds."""

    home: Home
    folder: Path
    key: Path
    disk: Path
    figures: dict[str, float]

    def starts(self) -> Machine:
        """From its own disk, the cable plugged in."""
        return Machine(self.folder / "machine", [Drive(self.disk)], network=self.home.cable, space=self.home.space)

    def says(self, command: str, seconds: float = 300, given: Path | None = None) -> str:
        """A command on it."""
        return self.home.inside(command, self.key, seconds, given)

    def took(self, what: str, since: float) -> None:
        """A figure for who reads the test's output."""
        self.figures[what] = time.monotonic() - since
        print(f"{what}: {self.figures[what]:.0f} s", flush=True)


@pytest.fixture
def key(tmp_path: Path) -> Iterator[Path]:
    """An SSH key of who looks after the machine."""
    path = tmp_path / "ssh"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    yield path
    path.unlink()


async def test_from_the_stick_to_an_event_and_through_updates(stick: Path, tmp_path: Path, key: Path) -> None:
    async with home() as place:
        story = Story(place, tmp_path, key, empty(tmp_path / "disk.img", 6 * GIB), {})
        token = await place.place.token("Front door")
        genesis = place.owner.roster.genesis_hash.hex()
        more = ["--name", "Front door", "--unattended", "--fingerprint", genesis, "--ssh-key", f"{key}.pub"]
        seed(stick, KEY, *more, "--time-zone", "Europe/Berlin", token=token)
        installs(story, stick)
        with story.starts() as machine:
            await enrols_and_delivers(story, machine)
            looks_well(story)
            limits_bite(story)
            await is_spent(story, token, tmp_path)
        assert not lies_on(story.disk, token)
        with story.disk.open("rb") as disk:
            disk.seek(seed_region.find(disk).offset)
            assert disk.read(seed_region.SIZE) == seed_region.empty()
        if FULL:
            await goes_through_updates(story)


def installs(story: Story, stick: Path) -> None:
    """Unattended, from the stick to an empty disk."""
    began = time.monotonic()
    drives = [Drive(stick, "usb"), Drive(story.disk)]
    with Machine(story.folder / "installer", drives) as machine:
        assert machine.expect("Done. Take the stick out", REFUSED, seconds=1200) != REFUSED, machine.said()[-3000:]
        machine.ends()
    story.took("from switching on to an installed disk", began)


async def enrols_and_delivers(story: Story, machine: Machine) -> None:
    """It enrols by itself, the owner confirms, a camera that is plugged in is found, and something moves before it."""
    began = time.monotonic()
    edge = await story.home.edge()
    assert edge.name == "Front door"
    story.took("from switching on to an enrolled edge", began)
    await story.home.confirm(edge)
    # Without acceleration a machine here has a tenth of a Mini PC's power: small pictures, and few.
    story.says("echo 'usb: {width: 320, height: 180, fps: 3}' >> /etc/guardian/edge.yaml")
    # Cameras by USB's own interface: the kernel draws what they see, and it moves.
    story.says("modprobe vivid n_devs=2 node_types=0x1,0x1")
    assert await story.home.event()
    story.took("from switching on to the first event at the node", began)
    assert "[FAILED]" not in machine.said()


def looks_well(story: Story) -> None:
    """As an operator looks at it."""
    assert story.says("systemctl --failed --no-legend --plain").strip() == ""
    assert CYCLE not in story.says("journalctl --boot --no-pager --output=cat")
    assert story.says("cat /sys/module/wireguard/initstate").strip() == "live"
    assert "wireguard" in story.says("ip -details link show dev guardian0 || ip -details link show type wireguard")
    assert story.says("cat /etc/timezone").strip() == "Europe/Berlin"
    # Its exit status says how loaded this machine is.
    print(story.says("guardian status || true"))
    print(story.says("guardian console --once"))


BITES = """
set -e
unit=guardian-console@tty1.service
group=/sys/fs/cgroup$(systemctl show --value --property=ControlGroup "$unit")
cat "$group/memory.max" "$group/pids.max"
# Processes in its place, and more of them than may be.
set +e
sh -c 'echo $$ > '"$group"'/cgroup.procs; for i in $(seq 60); do sleep 20 & done' 2>&1
grep max "$group/pids.events"
# One that wants more memory than it may have is killed, and systemd ends the unit, which starts anew.
sh -c 'echo $$ > '"$group"'/cgroup.procs; exec python3 -c "x = bytearray(400 << 20)"'
echo "memory $?"
journalctl --boot --unit="$unit" --output=cat --no-pager | grep -c "OOM killer"
true
"""


def limits_bite(story: Story) -> None:
    """MemoryMax= and TasksMax= of a unit, on this kernel."""
    said = story.says(BITES)
    assert said.split()[:2] == [str(192 << 20), "32"]
    assert "memory 137" in said
    assert said.split()[-1] != "0"
    assert "Cannot fork" in said
    assert "max 0" not in said


async def is_spent(story: Story, token: str, folder: Path) -> None:
    """A second machine with the same token is refused."""
    node = story.home.place.node
    code = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom guardian.edge.enroll.enrol import enrol_async\n"
        "asyncio.run(enrol_async(Path(sys.argv[1]), sys.argv[2], 'Second'))"
    )
    done = await node.call(sys.executable, "-c", code, str(folder / "second"), token)
    assert done.returncode != 0
    assert "token" in done.stderr.lower()
    assert len(await story.home.place.listed()) == 1


async def goes_through_updates(story: Story) -> None:
    """Good, taken back, cut short, never up, not working: the machine ends on the good one by itself."""
    good = made(story.folder, "8.0.0", UPDATE_KEY)
    await offered(story, good)
    fetched(story)
    judged(story, "B", "8.0.0")
    rolled_back(story)
    judged(story, "A", FIRST)
    dead = made(story.folder, "8.1.0", UPDATE_KEY, dead=True)
    cut_short(story, dead)
    assert '"B": ""' in judged(story, "A", FIRST)
    applied(story, dead)
    for _ in range(2):
        with story.starts() as machine:
            machine.ends(600)
    judged(story, "A", FIRST, outcome="never_came_up", tried="8.1.0")
    broken = made(story.folder, "8.2.0", UPDATE_KEY, broken="edge/uplink/main.py")
    applied(story, broken)
    began = time.monotonic()
    with story.starts() as machine:
        machine.ends(1500)
    story.took("from the start of a broken update to its own restart", began)
    judged(story, "A", FIRST, outcome="unhealthy", tried="8.2.0")


async def offered(story: Story, update: Path) -> None:
    """To every edge of the node, by its operator."""
    place = story.home.place
    keys = story.folder / "update-keys"
    keys.mkdir()
    shutil.copyfile(UPDATE_KEY.with_suffix(".pub"), keys / "update.pub")
    settings = place.settings
    settings = settings.model_copy(update={"updates": settings.updates.model_copy(update={"keys": keys})})
    config = story.folder / "node.yaml"
    config.write_text(settings.model_dump_json(), "utf-8")
    words = ["node", "update", "add", str(update), "--percent", "100", "--config", str(config)]
    done = await place.node.call(sys.executable, "-m", "guardian.cli.main", *words)
    assert done.returncode == 0, done.stderr


def fetched(story: Story) -> None:
    """By the machine's own units, through the tunnel; then it restarts by itself."""
    began = time.monotonic()
    with story.starts() as machine:
        wait_for_ssh(story)
        print(story.says("guardian update apply", 3000))
        story.took("a start, and an update fetched through the tunnel", began)
        machine.ends(1200)
    story.took("a start, an update fetched and applied", began)


def rolled_back(story: Story) -> None:
    """By whoever looks after it: the slot before is tried like an update."""
    with story.starts() as machine:
        wait_for_ssh(story)
        story.says("systemctl start guardian-judge.service", 900)
        print(story.says("guardian update rollback --no-restart", 900))
        story.says("sync; systemctl reboot --no-block")
        machine.ends(300)


def cut_short(story: Story, update: Path) -> None:
    """The power goes while it is written."""
    with story.starts():
        wait_for_ssh(story)
        hand_over(story, update)
        story.says(f"systemd-run --quiet --unit=cut $(command -v guardian) update apply --no-restart {HANDED}")
        half = "journalctl --unit=cut --output=cat --no-pager | grep 'Writing the system: 50'"
        print(story.says(f"until {half}; do sleep 1; done", 1200))


def applied(story: Story, update: Path) -> None:
    """Handed over by SSH, and applied; the machine restarts."""
    began = time.monotonic()
    with story.starts() as machine:
        wait_for_ssh(story)
        hand_over(story, update)
        story.says(f"guardian update apply --no-restart {HANDED}", 1200)
        story.says(f"rm {HANDED}; sync; systemctl reboot --no-block")
        machine.ends(300)
    story.took(f"a start, and {update.name} applied", began)


def hand_over(story: Story, update: Path) -> None:
    """By SSH, to a machine whose own system was judged."""
    story.says(f"cat > {HANDED}", 1200, update)
    # is-active knows no waiting, and who starts a unit that is being started waits for it.
    story.says("systemctl start guardian-judge.service", 900)


def judged(story: Story, slot: str, runs: str, *, outcome: str = "good", tried: str = "") -> str:
    """It runs that slot and version, all is well, and its history says what became of the last update; what it said."""
    with story.starts():
        wait_for_ssh(story)
        told = ""
        for _ in range(60):
            told = story.says("guardian update status --json; guardian update history --json; cat /run/image/slot")
            if f'"version": "{tried or runs}", "outcome": "{outcome}"' in told:
                break
            time.sleep(10)
        print(told)
        assert f'"version": "{tried or runs}", "outcome": "{outcome}"' in told
        assert f'"running": "{slot}", "good": "{slot}", "trial": ""' in told
        assert f'"{slot}": "{runs}"' in told
        looks_well(story)
        story.says("sync; systemctl poweroff --no-block")
    return told


def wait_for_ssh(story: Story, seconds: float = 900) -> None:
    """Until somebody can be let in."""
    end = time.monotonic() + seconds
    while True:
        try:
            story.says("true", 90)
            return
        except (AssertionError, subprocess.TimeoutExpired, OSError):
            assert time.monotonic() < end, "nobody is let in by SSH"
            time.sleep(5)
