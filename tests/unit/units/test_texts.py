"""Every unit says all that makes its sandbox, and taking any line of it away is found."""

import re
import tomllib
from collections import Counter, defaultdict
from itertools import pairwise

import pytest
from tests.unit.units.texts import ROOT, TIERS, UNITS, Unit, expected, faults, is_root, load

SERVICES = load("service")
BIN = "/opt/guardian/current/bin/"
# The release that judges another.
JUDGE = "/opt/guardian/judge/bin/"
# Not part of the sandbox, and without it the unit is less than it should be.
GUARDED = re.compile(
    r"(OnFailure|User|Group|Slice|MemoryMax|TasksMax|WatchdogSec|Restart|RestartPreventExitStatus|TimeoutStopSec"
    r"|StateDirectoryMode|RuntimeDirectoryMode|Documentation)="
)


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_service_says_exactly_what_it_must(unit: Unit) -> None:
    assert list(faults(unit)) == []


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_taking_any_one_line_of_its_sandbox_away_is_found(unit: Unit) -> None:
    lines = [line for line in unit.text.splitlines() if line in expected(unit) or GUARDED.match(line)]
    assert len(lines) >= 35
    assert [line for line in lines if not list(faults(unit.without(line)))] == []


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_line_that_relaxes_it_is_found_with_and_without_a_reason(unit: Unit) -> None:
    for more in ("PrivateDevices=no\n", "# Because.\nAmbientCapabilities=CAP_SYS_ADMIN\n", "ReadWritePaths=/etc\n"):
        assert list(faults(Unit(unit.name, unit.text.replace("# Sandbox\n", f"# Sandbox\n{more}"))))


def test_every_program_is_a_console_script_of_this_project() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    ours = [
        value.split()[0].replace(JUDGE, BIN)
        for unit in SERVICES
        for directive in ("ExecStart", "ExecReload", "ExecCondition", "ExecStartPre", "ExecStartPost", "ExecStopPost")
        for value in unit.values(directive)
    ]
    others = Counter(program for program in ours if not program.startswith(BIN))
    assert set(others) == {"kill", "/usr/bin/tty", "/usr/bin/wireguard-go", "/usr/sbin/wpa_supplicant"}
    assert {program.removeprefix(BIN) for program in ours if program.startswith(BIN)} <= scripts.keys()


def test_every_user_and_group_is_made_by_the_tiers_own_table() -> None:
    for unit in SERVICES:
        if is_root(unit):
            continue
        tables = [UNITS / folder / f"guardian-{folder}.sysusers" for folder in {unit.tier, "common"}]
        made = " ".join(path.read_text("utf-8") for path in tables)
        assert re.search(rf"^\s*u {unit.value('User')} - ", made, re.MULTILINE), unit.name
        assert re.search(rf"\b[ug] {unit.value('Group')} - ", made), unit.name


def test_members_of_the_table_are_its_own_users_and_may_ask_sockets() -> None:
    groups: dict[str, set[str]] = defaultdict(set)
    for path in UNITS.glob("*/*.sysusers"):
        text = path.read_text("utf-8")
        users = set(re.findall(r"^u (\S+)", text, re.MULTILINE))
        for user, group in re.findall(r"^m (\S+) (\S+)", text, re.MULTILINE):
            assert user in users, f"{path}: {user}"
            groups[group].add(user)
        # Wi-Fi's has no daemon of ours to ask.
        assert users - {"guardian-wifi"} <= groups["guardian"], path
    assert groups["guardian-clips"] == {"guardian-camera", "guardian-analyzer", "guardian-uplink"}
    assert groups["systemd-journal"] == {"guardian-failure"}


def test_one_daemon_one_user() -> None:
    owners: dict[str, set[str]] = defaultdict(set)
    for unit in SERVICES:
        if not is_root(unit):
            owners[unit.value("User")].add(unit.short)
    shared = {user: names for user, names in owners.items() if len(names) > 1}
    # Who configures WireGuard and the process that is WireGuard share its socket.
    together = {"guardian-wireguard-go.service"}
    assert shared == {
        "guardian-tunnel": together | {"guardian-tunnel.service"},
        "guardian-hub": together | {"guardian-hub.service"},
    }


def test_every_unit_is_wanted_by_its_target_or_started_by_another() -> None:
    started_by_others = {
        "guardian-camera@.service",  # guardian-cameras
        "guardian-credential-write@.service",  # its path
        "guardian-failure@.service",  # OnFailure
        "guardian-metrics.service",  # role observability
        "guardian-usb-camera@.service",  # udev's rule of role appliance
        "guardian-update.service",  # its timer
    }
    for tier in TIERS:
        [target] = [unit for unit in load("target") if unit.tier == tier]
        wants = {re.sub(r"@[^.]+\.", "@.", name) for name in target.words("Wants")}
        here = {
            unit.short
            for unit in load()
            if unit.tier in {tier, "common"} and not unit.short.endswith((".slice", ".target"))
        }
        assert wants <= here
        own = {unit.short for unit in load() if unit.tier == tier and not unit.short.endswith(".target")}
        assert own - wants <= started_by_others


def test_units_that_run_go_down_with_their_target() -> None:
    for unit in SERVICES:
        if unit.tier in TIERS and unit.value("Restart") == "always":
            assert unit.value("PartOf") == f"guardian-{unit.tier}.target", unit.name


def test_nothing_waits_for_what_waits_for_it() -> None:
    for tier in TIERS:
        units = [unit for unit in load() if unit.tier in {tier, "common"}]
        after = ordering(units)
        assert cycle(after) == []


def ordering(units: list[Unit]) -> dict[str, set[str]]:
    """Who starts after whom: as written, and what systemd adds for targets, paths, sockets and timers."""
    names = {unit.short for unit in units}
    after: dict[str, set[str]] = {name: set() for name in names}
    for unit in units:
        for other in map(template, unit.words("After")):
            after[unit.short].add(other)
        for other in map(template, unit.words("Before")):
            after.setdefault(other, set()).add(unit.short)
        if unit.short.endswith(".target"):
            after[unit.short] |= {template(name) for name in unit.words("Wants")}
        if unit.short.endswith((".path", ".socket", ".timer")):
            after.setdefault(unit.short.rpartition(".")[0] + ".service", set()).add(unit.short)
    return after


def template(name: str) -> str:
    return re.sub(r"@[^.]*\.", "@.", name)


def cycle(after: dict[str, set[str]]) -> list[str]:
    """The names of one cycle, or none."""
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for other in sorted(after.get(name, ())):
            if found := walk(other, [*path, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(after) if (found := walk(name, []))), [])


def test_a_cycle_would_be_found() -> None:
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert cycle({"a": {"b"}, "b": {"c"}}) == []


def test_detection_cannot_starve_recording() -> None:
    slices = {unit.short: unit for unit in load("slice")}
    recording, detection = slices["guardian-recording.slice"], slices["guardian-detection.slice"]
    system = slices["guardian-system.slice"]
    for weight in ("CPUWeight", "IOWeight"):
        ordered = [int(unit.value(weight)) for unit in (detection, system, recording)]
        assert all(small * 5 <= large for small, large in pairwise(ordered))
    assert detection.value("MemoryMax") and detection.value("MemoryHigh") and recording.value("MemoryLow")
    by_name = {unit.short: unit for unit in SERVICES}
    assert by_name["guardian-camera@.service"].value("Slice") == "guardian-recording.slice"
    assert by_name["guardian-uplink.service"].value("Slice") == "guardian-recording.slice"
    assert by_name["guardian-analyzer.service"].value("Slice") == "guardian-detection.slice"
    assert int(by_name["guardian-camera@.service"].value("OOMScoreAdjust")) < 0
    assert int(by_name["guardian-analyzer.service"].value("OOMScoreAdjust")) > 0


def test_a_secret_is_loaded_by_those_alone_whom_the_contract_names() -> None:
    loaded: dict[str, set[str]] = defaultdict(set)
    for unit in SERVICES:
        for value in unit.values("LoadCredentialEncrypted"):
            name, _, path = value.partition(":")
            assert path == f"/etc/credstore.encrypted/guardian.{name}"
            loaded[name].add(unit.short.removeprefix("guardian-").removesuffix(".service"))
    assert loaded == {
        "seed": {"enroll"},
        "sign.key": {"camera@", "analyzer", "uplink"},
        "receive.key": {"uplink"},
        "tls.key": {"uplink", "agent", "update"},
        "wireguard.key": {"tunnel", "hub"},
        "camera.%i": {"camera@"},
        "database-app": {"api", "agents"},
        "database-owner": {"migrate"},
        "images.key": {"api"},
        "wifi": {"wifi@"},
    }


def test_a_unit_waits_for_each_secret_it_cannot_do_without() -> None:
    for unit in SERVICES:
        spared = {value.partition(":")[0] for value in unit.values("SetCredential")}
        for value in unit.values("LoadCredentialEncrypted"):
            name, _, path = value.partition(":")
            assert name in spared or path in unit.values("ConditionPathExists"), f"{unit.name}: {name}"


def test_each_door_of_the_gateway_is_its_callers_alone() -> None:
    users = {unit.short: (unit.value("User"), unit.value("Group")) for unit in SERVICES}
    text = (UNITS / "node/guardian-node.tmpfiles").read_text("utf-8")
    made = dict(re.findall(r"^d /run/guardian/doors/(\S+) (.*)$", text, re.MULTILINE))
    assert made.pop("operator") == "0700 guardian-gateway guardian-gateway"
    assert made.keys() == {"relay", "agent", "hub"}
    for caller, rest in made.items():
        # A caller comes in by the group it alone is in.
        user = f"guardian-{caller}"
        assert rest == f"0750 guardian-gateway {user}"
        assert users[f"guardian-{caller}.service"] == (user, user)
        members = [path for path in UNITS.glob("*/*.sysusers") if f" {user}\n" in f"{path.read_text('utf-8')}\n"]
        assert members == []


def test_no_path_of_a_checkout_and_no_shell() -> None:
    for path in UNITS.rglob("*.*"):
        if path.is_file():
            text = path.read_text("utf-8")
            assert not re.search(r"/bin/(ba)?sh\b|/home/|/root/|/tmp/", text), path
