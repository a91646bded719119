"""A site that is watched: Prometheus sees every exporter of the control plane's host, and goes without a trace."""

import asyncio
import json

import pytest
from tests.host.runner import Host
from tests.host.site.household import until
from tests.host.site.together import play

pytestmark = pytest.mark.asyncio(loop_scope="session")
HERE = "--limit=control"
_ASK = "import sys, urllib.request as u; sys.stdout.buffer.write(u.urlopen(sys.argv[1]).read())"


async def test_the_control_planes_host_is_watched_and_a_second_run_changes_nothing(control: Host):
    for second in (False, True):
        ended = await asyncio.to_thread(play, "playbooks/monitoring.yml", HERE)
        assert ended.returncode == 0, ended.stdout[-6000:]
        assert ("changed=0 " in ended.stdout) is second

    async def seen() -> set[str]:
        answer = control.try_run("python3", "-c", _ASK, "http://127.0.0.1:9090/api/v1/query?query=up%3D%3D1")
        if answer.status:
            return set()
        up = {item["metric"]["job"] for item in json.loads(answer.out)["data"]["result"]}
        return up if {"guardian", "host"} <= up else set()

    assert await until("both exporters are scraped", seen, 90)
    # No port but those of before is open to others.
    listening = control.run("ss", "-Htuln").out
    assert not any(f"0.0.0.0:{port}" in listening or f"*:{port}" in listening for port in (9090, 9093, 9100, 9101))


async def test_the_whole_sites_selfcheck_ends_well(control: Host, node: Host, edge: Host):
    ended = await asyncio.to_thread(play, "playbooks/selfcheck.yml")
    assert ended.returncode == 0, ended.stdout[-6000:]


async def test_monitoring_that_is_taken_away_leaves_nothing_running_and_no_file(control: Host):
    ended = await asyncio.to_thread(play, "playbooks/monitoring.yml", HERE, observability_state="absent")
    assert ended.returncode == 0, ended.stdout[-6000:]
    for unit in ("guardian-metrics", "prometheus", "prometheus-alertmanager", "prometheus-node-exporter"):
        assert control.try_run("systemctl", "is-active", unit).out.strip() != "active", unit
    left = control.describe("/etc/guardian/metrics.yaml", "/etc/prometheus/prometheus.yml", "/etc/prometheus/guardian")
    assert left == [None, None, None]
