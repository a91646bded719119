"""Dashboards: Grafana cannot be had here, so what it would need is checked by what can."""

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.observability.metric_names import ROOT, made_by_daemons, made_by_exporter
from tests.unit.observability.test_rules import RULES, promtool

ROLE = ROOT / "roles" / "observability"
FILES = sorted((ROLE / "files" / "dashboards").glob("*.json"))
BOARDS = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in FILES}
SOURCES = yaml.safe_load((ROLE / "files" / "grafana" / "datasources.yml").read_text(encoding="utf-8"))
# Asked of systemd over D-Bus, which a machine without systemd has not got; on hosts the role's own check sees them.
BY_SYSTEMD = {"node_systemd_unit_state", "node_systemd_service_restart_total"}
# Prometheus makes these itself.
ITS_OWN = {"ALERTS", "up"}
_SUFFIXES = ("_total", "_bucket", "_count", "_sum", "_created")


def expressions() -> list[str]:
    panels = [panel for board in BOARDS.values() for panel in board["panels"]]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def names_in(expression: str) -> set[str]:
    """Metrics an expression asks for."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\b(by|on|without|ignoring)\s*\([^)]*\)", "", bare)
    words = re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?!\s*\(|[a-zA-Z0-9_:])", bare)
    return {word for word in words if word not in {"and", "or", "unless", "bool"}}


@pytest.fixture(scope="module")
def by_node_exporter() -> set[str]:
    """What node-exporter exports when it is started as the role starts it."""
    program = shutil.which("prometheus-node-exporter")
    assert program, "node-exporter is missing: apt-get install prometheus-node-exporter"
    collectors = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))["observability_collectors"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    flags = [f"--collector.{name}" for name in collectors if name != "systemd"]
    command = [program, f"--web.listen-address={address}", "--collector.disable-defaults", *flags]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            text = _page(f"http://{address}/metrics")
        finally:
            process.terminate()
    return set(re.findall(r"^# TYPE (node_\S+)", text, re.MULTILINE))


def _page(address: str) -> str:
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            assert time.monotonic() < deadline, "node-exporter does not answer"
            time.sleep(0.1)


def test_every_metric_that_is_asked_for_is_exported_by_something(by_node_exporter: set[str]) -> None:
    process = {"process_cpu_seconds", "process_resident_memory_bytes", "process_start_time_seconds"}
    known = made_by_daemons() | made_by_exporter() | process | by_node_exporter | BY_SYSTEMD | ITS_OWN
    asked = {name for text in [*expressions(), *(rule["expr"] for rule in RULES)] for name in names_in(text)}
    bare = {name if name in known else re.sub(f"({'|'.join(_SUFFIXES)})$", "", name) for name in asked}
    assert bare <= known, bare - known
    assert "guardian_up" in asked


def test_promtool_understands_every_expression(tmp_path: Path) -> None:
    # Grafana fills its variables in before it asks.
    filled = [text.replace("$instance", ".*") for text in expressions()]
    rules = [{"record": f"panel:{number}:x", "expr": text} for number, text in enumerate(filled)]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    done = promtool("check", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_has_what_grafana_needs(name: str) -> None:
    board: dict[str, Any] = BOARDS[name]
    assert board["uid"] == f"guardian-{name}"
    assert board["title"] and board["description"] and isinstance(board["schemaVersion"], int)
    source = SOURCES["datasources"][0]["uid"]
    variables = {item["name"] for item in board["templating"]["list"]}
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in board["panels"]:
        assert panel["type"] in {"timeseries", "stat", "table"}
        assert panel["title"] and panel["datasource"]["uid"] == source
        place = panel["gridPos"]
        assert place["x"] >= 0 and place["x"] + place["w"] <= 24
        references = [target["refId"] for target in panel["targets"]]
        assert references and len(set(references)) == len(references)
        for target in panel["targets"]:
            assert set(re.findall(r"\$(\w+)", target["expr"])) <= variables


@pytest.mark.parametrize("name", BOARDS)
def test_no_panel_lies_on_another(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARDS[name]["panels"]:
        place = panel["gridPos"]
        mine = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not mine & taken, panel["title"]
        taken |= mine


def test_the_dashboards_that_were_promised_are_there() -> None:
    assert set(BOARDS) == {"overview", "edge", "node", "control", "host"}
