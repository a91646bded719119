"""One live host for all tests of this folder, named by `HOST` (runner.py says how); without it nothing is collected."""

import os
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from tests.host.runner import HERE, ROOT, Host, HostError, connect
from tests.host.verdicts import template

_STAND_IN = "guardian-wireguard-go.service"
TIERS = ("edge", "node", "control")


def pytest_ignore_collect(collection_path: Any, config: pytest.Config) -> bool | None:
    """`pytest` without a host must not fail for want of one, nor count what it cannot do as skipped."""
    if os.environ.get("HOST"):
        # What breaks the host on purpose is for hosts that can be thrown away, and only when it is asked for by name.
        asked = os.environ["HOST"].startswith("lab:") and any("planted" in argument for argument in config.args)
        return True if collection_path.name == "planted" and not asked else None
    return True if collection_path.name != "conftest.py" else None


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """The connection. Without one there is nothing to test: one sentence instead of an error a test."""
    try:
        host = connect(os.environ["HOST"])
    except (HostError, OSError) as error:
        pytest.exit(f"{os.environ['HOST']} cannot be asked: {error}", returncode=pytest.ExitCode.USAGE_ERROR)
    yield host
    host.close()


@pytest.fixture(scope="session")
def tier(host: Host) -> str:
    """What the host is, by its configuration."""
    found = [name for name in TIERS if host.describe(f"/etc/guardian/{name}.yaml")[0]]
    assert len(found) == 1, f"A host is of one tier; /etc/guardian has files of {found or 'none'}."
    return found[0]


@pytest.fixture(scope="session")
def expected(host: Host, tier: str) -> dict[str, Any]:
    """The exact sets of this tier: expected/TIER.toml, and over it what is of every tier."""
    common = tomllib.loads((HERE / "expected" / "common.toml").read_text("utf-8"))
    own = tomllib.loads((HERE / "expected" / f"{tier}.toml").read_text("utf-8"))
    if host.describe("/sys/module/wireguard")[0] is not None:
        # The tables are of hosts whose kernel has none: here it holds the port itself.
        own["running"] = [name for name in own["running"] if name != _STAND_IN]
        own["listens"] = {place: "kernel" if by == _STAND_IN else by for place, by in own["listens"].items()}
    return {**common, **own}


@pytest.fixture(scope="session")
def services(host: Host) -> list[str]:
    """Every guardian service that is loaded."""
    return services_of(host)


def services_of(host: Host) -> list[str]:
    """Instances by their own names, templates not."""
    listed = host.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "--full", "guardian-*.service")
    files = host.run("systemctl", "list-unit-files", "--plain", "--no-legend", "guardian-*.service")
    names = sorted({line.split()[0] for line in [*listed.lines, *files.lines]})
    found = [name for name in names if not name.endswith("@.service") and "-probe" not in name]
    # One instance stands for all of a template: they are told apart by their name alone.
    return sorted({template(name): name for name in reversed(found)}.values())


@pytest.fixture(scope="session")
def ceilings(expected: dict[str, Any]) -> dict[str, float]:
    """How exposed each unit may be; those that roles write have theirs beside what they may do."""
    table = tomllib.loads((ROOT / "units" / "exposure.toml").read_text("utf-8"))
    return {name: float(value) for name, value in {**table, **expected.get("made_by_roles", {})}.items()}
