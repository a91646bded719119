"""What the role writes for Prometheus, Alertmanager and `guardian-metrics`, judged by the programs that read it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.observability.metric_names import ROOT
from tests.unit.observability.test_rules import RULES, promtool

from guardian.cli.metrics.config import MetricsConfig
from guardian.common.config import load

ROLE = ROOT / "roles" / "observability"
INVENTORY: dict[str, Any] = {
    "control": {"hosts": {"c.example": {}}},
    "node": {"hosts": {"n.example": {"observability_listen": "192.0.2.10"}}},
    "edge": {"hosts": {"e.example": {}}},
}
EMAIL = {
    "to": "you@b.example",
    "from": "g@b.example",
    "smarthost": "mail.b.example:587",
    "user": "g",
    "password": "s3cret",
}
HOOKS = [
    {"name": "pager", "url": "https://pager.example/x", "token": "t0ken", "severities": ["critical"]},
    {"name": "chat", "url": "https://chat.example/y"},
]
TEMPLATES = ["alertmanager.yml", "prometheus.yml", "metrics.yaml", "prometheus-alertmanager.conf", "prometheus.conf"]


Site = dict[str, Path]


def written(folder: Path, **given: object) -> Site:
    """The role's templates as ansible writes them for each host of a site: host, and its folder."""
    (folder / "templates").symlink_to(ROLE / "templates")
    places: Site = {}
    for host in ("c.example", "n.example"):
        places[host] = folder / host
        places[host].mkdir()
    tasks = [
        {
            "ansible.builtin.template": {
                "src": f"{name}.j2",
                "dest": f"{folder}/{{{{ inventory_hostname }}}}/{name}",
                "mode": "0600",
            }
        }
        for name in TEMPLATES
    ]
    play = {
        "hosts": list(places),
        "connection": "local",
        "gather_facts": False,
        "vars_files": [str(ROLE / "vars" / "main.yml")],
        "tasks": tasks,
    }
    (folder / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    # Weaker than a host's own variables, as a role's defaults are.
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
    inventory = {"all": {"vars": defaults, "children": INVENTORY}}
    (folder / "hosts.yml").write_text(json.dumps(inventory), encoding="utf-8")
    extra = json.dumps({"ansible_python_interpreter": sys.executable, **given})
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "hosts.yml", "-e", extra, "play.yml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return places


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return written(tmp_path_factory.mktemp("site"), observability_email=EMAIL, observability_webhooks=HOOKS)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return written(tmp_path_factory.mktemp("plain"))


def amtool(*arguments: str) -> str:
    program = shutil.which("amtool")
    assert program, "amtool is missing: apt-get install prometheus-alertmanager"
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def read(place: Path, name: str) -> str:
    return (place / name).read_text(encoding="utf-8")


def test_alerts_go_where_they_were_asked_to(site: Site) -> None:
    config = str(site["c.example"] / "alertmanager.yml")
    amtool("check-config", config)

    def receivers(severity: str) -> set[str]:
        told = amtool("config", "routes", "test", f"--config.file={config}", f"severity={severity}", "alertname=X")
        return set(told.split(","))

    assert receivers("critical") == {"email", "webhook-pager", "webhook-chat"}
    assert receivers("warning") == {"email", "webhook-chat"}
    assert receivers("info") == {"nobody"}


def test_no_secret_stands_in_a_file(site: Site) -> None:
    text = "".join(read(site["c.example"], name) for name in TEMPLATES)
    assert not any(secret in text for secret in ("s3cret", "t0ken"))
    unit = read(site["c.example"], "prometheus-alertmanager.conf")
    assert "LoadCredentialEncrypted=smtp-password:/etc/credstore.encrypted/guardian.smtp-password" in unit
    assert "LoadCredentialEncrypted=webhook-pager:" in unit
    assert "webhook-chat" not in unit


def test_without_receivers_alertmanager_still_starts(plain: Site) -> None:
    amtool("check-config", str(plain["c.example"] / "alertmanager.yml"))


def test_prometheus_asks_itself_and_those_that_can_be_reached(site: Site) -> None:
    file = site["c.example"] / "prometheus.yml"
    done = promtool("check", "config", "--syntax-only", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    jobs = {job["job_name"]: job for job in yaml.safe_load(file.read_text(encoding="utf-8"))["scrape_configs"]}
    asked = {item["labels"]["instance"]: item["targets"] for item in jobs["guardian"]["static_configs"]}
    assert asked == {"c.example": ["127.0.0.1:9101"], "n.example": ["192.0.2.10:9101"]}
    assert "IPAddressAllow=192.0.2.10" in read(site["c.example"], "prometheus.conf").splitlines()


@pytest.mark.parametrize(
    ("host", "daemons", "listen"),
    [
        ("c.example", {"api", "agents"}, "127.0.0.1:9101"),
        ("n.example", {"hub", "gateway", "relay", "agent"}, "192.0.2.10:9101"),
    ],
)
def test_the_exporter_expects_the_daemons_of_its_tier(plain: Site, host: str, daemons: set[str], listen: str) -> None:
    config = load(MetricsConfig, plain[host] / "metrics.yaml", {})
    assert (set(config.expect), config.listen, config.activity) == (daemons, listen, False)
    assert ("guardian-database-backup" in config.tasks) == (host == "c.example")


def test_the_inhibitions_name_alerts_there_are(plain: Site) -> None:
    rules = yaml.safe_load(read(plain["c.example"], "alertmanager.yml"))["inhibit_rules"]
    sources = {match.split('"')[1] for rule in rules for match in rule["source_matchers"]}
    assert sources
    assert sources <= {rule["alert"] for rule in RULES}
