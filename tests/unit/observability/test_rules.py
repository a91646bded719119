"""Each alert fires on its fault and on nothing else, as promtool, Prometheus's own judge, works the rules out."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.observability.metric_names import ROOT

FILES = sorted((ROOT / "roles" / "observability" / "files" / "rules").glob("*.yml"))
RULES = [
    rule
    for file in FILES
    for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
MINUTES = 3 * 60
DAY = 86400
# A site that is well, for three hours. Promtool's clock begins at 0.
CAMERA = 'instance="edge", tier="edge", daemon="camera", camera="front"'
UPLINK = 'instance="edge", tier="edge", daemon="uplink"'
API = 'instance="control", tier="control", daemon="api"'
DISK = 'instance="edge", mountpoint="/"'
WELL = {
    f"guardian_up{{{CAMERA}}}": "1x180",
    f"guardian_ready{{{CAMERA}}}": "1x180",
    f'guardian_dependency_state{{{UPLINK}, dependency="events"}}': "0x180",
    f'guardian_dependency_state{{{CAMERA}, dependency="disk"}}': "0x180",
    f'guardian_dependency_state{{{API}, dependency="database"}}': "0x180",
    f'guardian_build_info{{{CAMERA}, version="2"}}': "1x180",
    'guardian_release_info{instance="edge", version="2"}': "1x180",
    # A demo has daemons and no release folder.
    'guardian_build_info{instance="demo", version="3"}': "1x180",
    f"process_start_time_seconds{{{CAMERA}}}": "100x60 900x119",
    'node_systemd_service_restart_total{instance="edge", name="guardian-uplink.service"}': "2x60 3x119",
    'node_systemd_unit_state{instance="edge", name="guardian-uplink.service", state="failed"}': "0x180",
    'node_systemd_unit_state{instance="edge", name="cron.service", state="failed"}': "1x180",
    'guardian_certificate_end_timestamp_seconds{instance="edge", certificate="identity"}': f"{20 * DAY}x180",
    'guardian_certificate_unreadable{instance="edge", certificate="identity"}': "0x180",
    f"guardian_camera_streaming{{{CAMERA}}}": "1x60 0 0 1x117",
    f"guardian_camera_lag_seconds{{{CAMERA}}}": "0x60 7 0x118",
    'guardian_detector_loaded{instance="edge", tier="edge", daemon="analyzer"}': "1x180",
    f"guardian_uplink_events_waiting{{{UPLINK}}}": "0x120 90 60 30 0x57",
    f"guardian_uplink_events_refused{{{UPLINK}}}": "1x180",
    'guardian_tunnel_connected{instance="edge"}': "1x60 0 1x119",
    # A rekey is due every two minutes.
    'guardian_tunnel_handshake_age_seconds{instance="edge"}': "125x180",
    'guardian_hub_peers{instance="node"}': "2x180",
    'guardian_hub_peers_connected{instance="node"}': "2x60 1x3 2x116",
    'guardian_gateway_edges{instance="node"}': "2x180",
    'guardian_gateway_edges_online{instance="node"}': "2x60 1x3 2x116",
    'guardian_agents_nodes{instance="control", state="silent"}': "0x180",
    'guardian_agents_nodes{instance="control", state="reporting"}': "3x180",
    'guardian_agents_cameras{instance="control", state="failed"}': "0x180",
    'guardian_agents_cameras{instance="control", state="waiting"}': "2x180",
    f'guardian_api_answers_total{{{API}, status="2xx"}}': "0+600x180",
    f'guardian_api_answers_total{{{API}, status="4xx"}}': "0+100x180",
    f'guardian_api_answers_total{{{API}, status="5xx"}}': "0+1x180",
    f'guardian_api_seconds_bucket{{{API}, le="0.5"}}': "0+99x180",
    f'guardian_api_seconds_bucket{{{API}, le="2.5"}}': "0+100x180",
    f'guardian_api_seconds_bucket{{{API}, le="+Inf"}}': "0+100x180",
    'guardian_success_timestamp_seconds{instance="control", task="guardian-database-backup"}': "0x180",
    'guardian_success_timestamp_seconds{instance="control", task="guardian-database-check"}': "0x180",
    'up{job="guardian", instance="edge"}': "1x60 0 1x119",
    'up{job="host", instance="edge"}': "1x180",
    f"node_filesystem_avail_bytes{{{DISK}}}": "60-0.001x180",
    f"node_filesystem_size_bytes{{{DISK}}}": "100x180",
    'node_timex_offset_seconds{instance="edge"}': "0.02x180",
    'node_timex_sync_status{instance="edge"}': "1x180",
    'node_memory_MemAvailable_bytes{instance="edge"}': "40x180",
    'node_memory_MemTotal_bytes{instance="edge"}': "100x180",
}


@dataclass(frozen=True)
class Fault:
    """What differs from a site that is well, and the alerts that fire for it, by name and host."""

    series: dict[str, str]
    fires: dict[str, str]


FAULTS = {
    "a daemon was killed": Fault({f"guardian_up{{{CAMERA}}}": "0x180"}, {"GuardianDaemonDown": "edge"}),
    "a daemon starts and never is ready": Fault(
        {f"guardian_ready{{{CAMERA}}}": "0x180"}, {"GuardianDaemonNotReady": "edge"}
    ),
    "the node refuses this edge": Fault(
        {f'guardian_dependency_state{{{UPLINK}, dependency="events"}}': "3x180"}, {"GuardianDependencyFailed": "edge"}
    ),
    "a roster is stale": Fault(
        {f'guardian_dependency_state{{{UPLINK}, dependency="events"}}': "2x180"}, {"GuardianDependencyDegraded": "edge"}
    ),
    "the owner makes no vault": Fault(
        {f'guardian_dependency_state{{{UPLINK}, dependency="events"}}': "1x180"}, {"GuardianDependencyWaiting": "edge"}
    ),
    "an upgrade forgot a daemon": Fault(
        {
            'guardian_release_info{instance="edge", version="2"}': "_x180",
            'guardian_release_info{instance="edge", version="3"}': "1x180",
        },
        {"GuardianReleaseMismatch": "edge"},
    ),
    "a daemon crashes after each start": Fault(
        {f"process_start_time_seconds{{{CAMERA}}}": "100+60x180"}, {"GuardianRestartLoop": "edge"}
    ),
    "a daemon never comes up": Fault(
        {'node_systemd_service_restart_total{instance="edge", name="guardian-uplink.service"}': "0+1x180"},
        {"GuardianRestartLoop": "edge"},
    ),
    "systemd gave a unit up": Fault(
        {'node_systemd_unit_state{instance="edge", name="guardian-uplink.service", state="failed"}': "1x180"},
        {"GuardianUnitFailed": "edge"},
    ),
    "renewal has failed for weeks": Fault(
        {'guardian_certificate_end_timestamp_seconds{instance="edge", certificate="identity"}': f"{6 * DAY}x180"},
        {"GuardianCertificateEndsSoon": "edge"},
    ),
    "a certificate ends tomorrow": Fault(
        {'guardian_certificate_end_timestamp_seconds{instance="edge", certificate="identity"}': f"{DAY}x180"},
        {"GuardianCertificateEndsSoon": "edge", "GuardianCertificateEnds": "edge"},
    ),
    "a certificate may not be read": Fault(
        {'guardian_certificate_unreadable{instance="edge", certificate="identity"}': "1x180"},
        {"GuardianCertificateUnreadable": "edge"},
    ),
    "a camera was unplugged": Fault(
        {f"guardian_camera_streaming{{{CAMERA}}}": "0x180"}, {"GuardianCameraNotStreaming": "edge"}
    ),
    "the disk of the recordings broke": Fault(
        {f'guardian_dependency_state{{{CAMERA}, dependency="disk"}}': "3x180"}, {"GuardianCameraNotRecording": "edge"}
    ),
    "the disk hangs": Fault(
        {f"guardian_camera_lag_seconds{{{CAMERA}}}": "10+60x180"}, {"GuardianCameraLagging": "edge"}
    ),
    "the model was deleted": Fault(
        {'guardian_detector_loaded{instance="edge", tier="edge", daemon="analyzer"}': "0x180"},
        {"GuardianDetectorMissing": "edge"},
    ),
    "the node is away for a day": Fault(
        {f"guardian_uplink_events_waiting{{{UPLINK}}}": "0+1x180"}, {"GuardianOutboxGrowing": "edge"}
    ),
    "the node refuses events": Fault(
        {f"guardian_uplink_events_refused{{{UPLINK}}}": "1x170 2x9"}, {"GuardianEventsRefused": "edge"}
    ),
    "the hub does not answer": Fault(
        {'guardian_tunnel_connected{instance="edge"}': "0x180"}, {"GuardianTunnelDown": "edge"}
    ),
    "pings pass and handshakes do not": Fault(
        {'guardian_tunnel_handshake_age_seconds{instance="edge"}': "125+60x180"}, {"GuardianTunnelDown": "edge"}
    ),
    "an edge's router blocks the tunnel": Fault(
        {'guardian_hub_peers_connected{instance="node"}': "1x180"}, {"GuardianEdgeTunnelDown": "node"}
    ),
    "an edge lost its network": Fault(
        {'guardian_gateway_edges_online{instance="node"}': "1x180"}, {"GuardianEdgeOffline": "node"}
    ),
    "a node lost its network": Fault(
        {'guardian_agents_nodes{instance="control", state="silent"}': "1x180"}, {"GuardianNodeSilent": "control"}
    ),
    "a household's camera is broken": Fault(
        {'guardian_agents_cameras{instance="control", state="failed"}': "1x180"}, {"GuardianCamerasFailed": "control"}
    ),
    "the API fails one in ten": Fault(
        {f'guardian_api_answers_total{{{API}, status="5xx"}}': "0+70x180"}, {"GuardianApiErrors": "control"}
    ),
    "the API is slow": Fault(
        {f'guardian_api_seconds_bucket{{{API}, le="0.5"}}': "0+50x180"}, {"GuardianApiSlow": "control"}
    ),
    "PostgreSQL is down": Fault(
        {f'guardian_dependency_state{{{API}, dependency="database"}}': "3x180"}, {"GuardianPostgresqlDown": "control"}
    ),
    "no backup for two days": Fault(
        {'guardian_success_timestamp_seconds{instance="control", task="guardian-database-backup"}': f"{-2 * DAY}x180"},
        {"GuardianBackupTooOld": "control"},
    ),
    "no restore was tried for ten days": Fault(
        {'guardian_success_timestamp_seconds{instance="control", task="guardian-database-check"}': f"{-10 * DAY}x180"},
        {"GuardianRestoreUntried": "control"},
    ),
    "a host is off": Fault({'up{job="host", instance="edge"}': "0x180"}, {"GuardianHostSilent": "edge"}),
    "recordings fill the disk": Fault(
        {f"node_filesystem_avail_bytes{{{DISK}}}": "45-0.05x180"}, {"GuardianDiskFilling": "edge"}
    ),
    "the disk is full and stays so": Fault(
        {f"node_filesystem_avail_bytes{{{DISK}}}": "3x180"}, {"GuardianDiskFull": "edge"}
    ),
    "the clock is wrong": Fault(
        {'node_timex_offset_seconds{instance="edge"}': "-3x180"}, {"GuardianClockSkew": "edge"}
    ),
    "no time server answers": Fault(
        {'node_timex_sync_status{instance="edge"}': "0x180"}, {"GuardianClockUnset": "edge"}
    ),
    "a process eats the memory": Fault(
        {'node_memory_MemAvailable_bytes{instance="edge"}': "3x180"}, {"GuardianMemoryLow": "edge"}
    ),
}


def case(name: str, fault: Fault) -> dict[str, Any]:
    """One test as promtool reads it: at its end exactly these alerts fire."""
    series = WELL | fault.series
    fires = [
        {"labels": f'{{alertname="{alert}", instance="{host}"}}', "value": 1} for alert, host in fault.fires.items()
    ]
    return {
        "name": name,
        "interval": "1m",
        "input_series": [{"series": key, "values": values} for key, values in series.items()],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname, instance) (ALERTS{alertstate="firing"})',
                "eval_time": f"{MINUTES}m",
                "exp_samples": fires,
            }
        ],
    }


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("promtool")
    assert program, "promtool is missing: apt-get install prometheus"
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def judge(folder: Path, tests: list[dict[str, Any]], rules: list[Path] = FILES) -> subprocess.CompletedProcess[str]:
    file = folder / "tests.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(rule) for rule in rules], "tests": tests}), encoding="utf-8")
    return promtool("test", "rules", str(file))


def test_prometheus_takes_every_rule() -> None:
    done = promtool("check", "rules", *map(str, FILES))
    assert done.returncode == 0, done.stdout + done.stderr
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


def test_nothing_fires_while_all_is_well(tmp_path: Path) -> None:
    done = judge(tmp_path, [case("well", Fault({}, {}))])
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_fault_fires_its_alert_and_no_other(tmp_path: Path) -> None:
    done = judge(tmp_path, [case(name, fault) for name, fault in FAULTS.items()])
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_rule_that_never_fires_is_found(tmp_path: Path) -> None:
    broken = tmp_path / "edge.yml"
    text = (FILES[0].parent / "edge.yml").read_text(encoding="utf-8")
    broken.write_text(text.replace("guardian_camera_streaming == 0", "guardian_camera_streaming == 7"))
    done = judge(tmp_path, [case("unplugged", FAULTS["a camera was unplugged"])], [broken])
    assert done.returncode != 0


def test_every_alert_has_its_fault() -> None:
    assert {rule["alert"] for rule in RULES} == {alert for fault in FAULTS.values() for alert in fault.fires}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_it_is_how_bad_and_where_to_read_on(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    notes = rule["annotations"]
    assert set(notes) == {"summary", "description", "runbook"}
    page, _, anchor = notes["runbook"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor == rule["alert"].lower()
    assert anchor in {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
