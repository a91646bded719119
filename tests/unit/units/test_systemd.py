"""systemd's own judgement of the texts: how exposed each unit is, and that it understands every line."""

import re
import shutil
import statistics
import subprocess
import tomllib
from pathlib import Path

import pytest
from tests.unit.units.texts import TIERS, UNITS, Unit, load

CEILINGS = tomllib.loads((UNITS / "exposure.toml").read_text("utf-8"))
SERVICES = load("service")
# Run for an instant, as root and without network, or not reachable by anybody: not what the measure is of.
BRIEF = {"guardian-cameras", "guardian-seed", "guardian-credential-write@", "guardian-failure@", "guardian-migrate"}
BRIEF |= {"guardian-settings", "guardian-grow", "guardian-install", "guardian-usb-camera@"}
BRIEF |= {"guardian-judge", "guardian-update-apply"}


def analyze(*arguments: str) -> str:
    if shutil.which("systemd-analyze") is None:
        raise AssertionError("systemd-analyze is missing: install Debian's systemd (tools/packages.txt).")
    done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr


def score(path: Path) -> float:
    said = analyze("security", "--offline=true", "--no-pager", str(path))
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+) ", said)
    assert found, said[-500:]
    return float(found[1])


def test_every_service_has_a_ceiling_and_nothing_else_has() -> None:
    assert set(CEILINGS) == {unit.short for unit in SERVICES}


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_no_unit_is_more_exposed_than_its_ceiling(unit: Unit) -> None:
    assert score(UNITS / unit.name) <= CEILINGS[unit.short]


def test_ceilings_are_low() -> None:
    lasting = {name: value for name, value in CEILINGS.items() if name.removesuffix(".service") not in BRIEF}
    # Frames of a card are below any address that a rule could name.
    assert lasting.pop("guardian-wifi@.service") <= 1.6
    assert max(lasting.values()) <= 1.5
    assert statistics.median(lasting.values()) <= 1.1
    assert max(CEILINGS.values()) <= 1.6


def test_what_records_detects_or_keeps_sealed_bytes_is_at_the_score_of_its_kind_or_below() -> None:
    kinds = {"local": 0.2, "gpu": 0.6, "loopback": 0.9, "one network": 1.0, "any": 1.1}
    daemons = {"analyzer": "gpu", "camera@": "one network", "uplink": "one network", "gateway": "any"}
    daemons |= {"relay": "loopback", "api": "local", "agents": "any", "agent": "any"}
    assert [name for name, kind in daemons.items() if CEILINGS[f"guardian-{name}.service"] > kinds[kind]] == []


def test_the_gpu_does_not_cost_the_analyzer_more_than_its_kind(tmp_path: Path) -> None:
    both = tmp_path / "guardian-analyzer.service"
    more = (UNITS / "optional/guardian-analyzer.service.d/60-intel-gpu.conf").read_text("utf-8")
    both.write_text((UNITS / "edge/guardian-analyzer.service").read_text("utf-8") + more)
    assert score(both) <= 0.6


def test_a_camera_on_a_port_costs_its_daemon_less_than_the_network_and_systemd_understands_it(tmp_path: Path) -> None:
    more = (UNITS / "optional/guardian-camera@.service.d/70-usb.conf").read_text("utf-8")
    text = (UNITS / "edge/guardian-camera@.service").read_text("utf-8") + more
    both = tmp_path / "guardian-camera@usb1.service"
    both.write_text(re.sub(r"^ExecStart=.*$", "ExecStart=/bin/true", text, flags=re.MULTILINE))
    assert score(both) <= CEILINGS["guardian-camera@.service"]
    said = analyze("verify", "--man=no", str(both))
    assert [line for line in said.splitlines() if str(both) in line] == []


def test_an_images_seed_costs_its_unit_nothing_and_systemd_understands_it(tmp_path: Path) -> None:
    more = (UNITS / "optional/guardian-seed.service.d/60-image.conf").read_text("utf-8")
    text = (UNITS / "common/guardian-seed.service").read_text("utf-8") + more
    both = tmp_path / "guardian-seed.service"
    both.write_text(text.replace("ExecStart=/opt/guardian/current/bin/guardian-seed", "ExecStart=/bin/true"))
    assert score(both) <= CEILINGS["guardian-seed.service"]
    said = analyze("verify", "--man=no", str(both))
    assert [line for line in said.splitlines() if str(both) in line] == []


@pytest.mark.parametrize("tier", [*TIERS, "appliance"])
def test_systemd_understands_every_line(tier: str, tmp_path: Path) -> None:
    """In a tree of its own, with programs in place: what it says then is about our texts."""
    assert verified(tier, tmp_path) == []
    # And it would say something.
    with (tmp_path / "etc/systemd/system/guardian.slice").open("a") as file:
        file.write("Nonsense=1\n")
    assert any("Nonsense" in line for line in verify(tmp_path))


def verified(tier: str, tmp_path: Path) -> list[str]:
    system = tmp_path / "etc/systemd/system"
    system.mkdir(parents=True)
    for folder in (UNITS / "common", UNITS / tier):
        for path in folder.glob("guardian*"):
            if path.suffix in {".service", ".socket", ".path", ".slice", ".target", ".timer"}:
                shutil.copy(path, system)
    for unit in load("service"):
        for value in [*unit.values("ExecStart"), *unit.values("ExecCondition")]:
            program = tmp_path / value.split()[0].lstrip("/")
            program.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy("/bin/true", program)
    (tmp_path / "usr/bin").mkdir(parents=True, exist_ok=True)
    shutil.copy("/bin/true", tmp_path / "usr/bin/kill")
    shutil.copytree("/usr/lib/systemd/system", tmp_path / "usr/lib/systemd/system", symlinks=True)
    return verify(tmp_path)


def verify(root: Path) -> list[str]:
    system = root / "etc/systemd/system"
    names = sorted(re.sub(r"@\.", "@front.", path.name) for path in system.iterdir())
    said = analyze("verify", "--man=no", "--recursive-errors=yes", f"--root={root}", *names)
    return [line for line in said.splitlines() if "guardian" in line]
