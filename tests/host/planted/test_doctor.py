"""`guardian doctor` names each fault that is planted, and is quiet again once it is mended.

The clock of a lab's host is this machine's, so it is not touched: the doctor alone runs under libfaketime.
"""

import datetime as dt
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from tests.host.planted.conftest import Doctor
from tests.host.runner import Host

_DAEMON = {"edge": "analyzer", "node": "relay", "control": "agents"}
_CERTIFICATE = {"edge": "identity/tls.pem", "node": "identity/tls.pem", "control": "agents/enrol.pem"}
_FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


@contextmanager
def kept(host: Host, path: str) -> Iterator[None]:
    """A file as it was, owner and all, whatever is done to it."""
    host.run("cp", "-a", "--", path, f"{path}.kept")
    try:
        yield
    finally:
        host.run("mv", "-f", "--", f"{path}.kept", path)


def test_a_stopped_unit(host: Host, tier: str, doctor: Doctor, quiet: set[str]):
    unit = f"guardian-{_DAEMON[tier]}.service"
    host.run("systemctl", "stop", unit)
    try:
        found = [item for item in doctor.findings("units") if item["reason"] == "unit_stopped"]
        assert [(unit in item["sentence"], f"systemctl start {unit}" in item["fix"]) for item in found] == [
            (True, True)
        ]
    finally:
        host.run("systemctl", "start", unit)


def test_a_unit_that_fails_over_and_over(host: Host, tier: str, doctor: Doctor, quiet: set[str]):
    unit = f"guardian-{_DAEMON[tier]}.service"
    place = f"/run/systemd/system/{unit}.d/planted.conf"
    host.write(place, "[Service]\nExecStartPre=/bin/false\nRestartSec=200ms\n")
    host.run("systemctl", "daemon-reload")
    try:
        host.try_run("systemctl", "restart", unit)
        found = doctor.becomes(lambda reasons: bool(reasons & {"unit_restarting", "unit_failed"}), "units")
        assert found & {"unit_restarting", "unit_failed"}
    finally:
        host.remove(place)
        host.run("systemctl", "daemon-reload")
        host.run("systemctl", "restart", unit)


def test_an_expired_certificate(host: Host, tier: str, doctor: Doctor, quiet: set[str]):
    path = f"/var/lib/guardian/{_CERTIFICATE[tier]}"
    with kept(host, path):
        host.run("tee", path, text=ended())
        found = [item for item in doctor.findings("certificate") if item["reason"] == "certificate_expired"]
        assert [path in item["sentence"] for item in found] == [True]


def test_a_full_disk(host: Host, tier: str, doctor: Doctor, quiet: set[str]):
    """A small file system over one daemon's folder: what others wrote stays as it is."""
    with small_disk(host, f"/var/lib/guardian/{_DAEMON[tier] if tier != 'node' else 'gateway'}") as folder:
        host.run("fallocate", "-l", "7900K", f"{folder}/planted")
        found = [item for item in doctor.findings("disk") if item["reason"] == "disk_full"]
        assert [folder in item["sentence"] for item in found] == [True]


def test_a_disk_without_inodes(host: Host, tier: str, doctor: Doctor, quiet: set[str]):
    with small_disk(host, f"/var/lib/guardian/{_DAEMON[tier] if tier != 'node' else 'gateway'}") as folder:
        host.run("sh", "-c", f"cd {shlex.quote(folder)} && for i in $(seq 199); do : > $i || exit 0; done")
        assert "inodes_low" in doctor.reasons("disk")


@contextmanager
def small_disk(host: Host, folder: str) -> Iterator[str]:
    """8 MiB and 200 inodes at `folder`."""
    host.run("mount", "-t", "tmpfs", "-o", "size=8m,nr_inodes=200,mode=0750", "planted", folder)
    try:
        yield folder
    finally:
        host.run("umount", "-l", folder)


def test_a_wrong_clock(host: Host, tier: str, doctor: Doctor):
    """In the doctor's process alone; what peers and files keep of the time is real.

    Under libfaketime no process can wait for another one for long, so systemd is not asked here.
    """
    place = "/run/guardian-planted/libfaketime.so"
    host.write(place, _FAKETIME.read_bytes(), 0o755)
    wrong = {"LD_PRELOAD": place, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
    try:
        assert "clock_behind" in doctor.reasons("clock", env={**wrong, "FAKETIME": "-1h"})
        if tier != "edge":
            # An edge knows nobody who says the time.
            assert "clock_apart" in doctor.reasons("clock", env={**wrong, "FAKETIME": "+1h"})
    finally:
        host.remove(place)


def test_a_clock_that_was_moved_while_the_daemons_ran(doctor: Doctor):
    """The kernel's own count of seconds is an hour further for the doctor than it was for systemd."""
    assert "clock_stepped" in doctor.reasons("clock", before=["unshare", "--time", "--monotonic=3600"])
    assert not doctor.reasons("clock") & {"clock_behind", "clock_stepped", "clock_apart"}


def test_a_closed_port(host: Host, tier: str, doctor: Doctor, quiet: set[str]):
    """By a rule of the firewall: on a tier that serves, in its own; on an edge, on the way to its node."""
    chain, port = {"edge": ("output", "7443"), "node": ("input", "7444"), "control": ("input", "8444")}[tier]
    with rule(host, chain, f"tcp dport {port} drop"):
        reason = "peer_unreachable" if tier == "edge" else "port_blocked"
        assert reason in doctor.reasons("ports", "peer")


def test_a_port_on_which_nothing_listens(host: Host, tier: str, doctor: Doctor, quiet: set[str]):
    """An edge listens nowhere: its node's door is closed to it when there is no way there, and nobody mends that."""
    unit = {"edge": "guardian-tunnel", "node": "guardian-gateway", "control": "guardian-agents"}[tier]
    host.run("systemctl", "stop", unit)
    if tier == "edge":
        host.run("ip", "link", "set", "guardian0", "down")
    try:
        found = doctor.becomes(lambda reasons: bool(reasons & {"port_closed", "peer_unreachable"}), "ports", "peer")
        assert ("peer_unreachable" if tier == "edge" else "port_closed") in found
    finally:
        host.run("systemctl", "restart", unit)


def test_the_tunnel_down(host: Host, tier: str, doctor: Doctor, quiet: set[str]):
    """The interface is taken down; on an edge also the way out, so that only handshakes can tell."""
    if tier == "control":
        assert host.describe("/sys/class/net/guardian0")[0] is None
        return
    unit = "guardian-tunnel" if tier == "edge" else "guardian-hub"
    # Who keeps the interface would set it up again before the doctor has looked.
    host.run("systemctl", "kill", "--kill-whom=main", "--signal=STOP", unit)
    host.run("ip", "link", "set", "guardian0", "down")
    try:
        assert "tunnel_interface_missing" in doctor.reasons("tunnel")
    finally:
        host.run("systemctl", "kill", "--kill-whom=main", "--signal=CONT", unit)
        host.run("systemctl", "restart", unit)
    if tier == "edge":
        with rule(host, "output", "udp dport 51820 drop"):
            assert "tunnel_down" in doctor.becomes(lambda reasons: "tunnel_down" in reasons, "tunnel")


def test_no_firewall(host: Host, doctor: Doctor, quiet: set[str]):
    rules = host.run("nft", "list", "ruleset").out
    host.run("nft", "flush", "ruleset")
    try:
        assert "firewall_off" in doctor.reasons("firewall")
    finally:
        host.run("nft", "-f", "-", text=rules)


def test_a_stopped_database(host: Host, tier: str, doctor: Doctor, quiet: set[str]):
    if tier != "control":
        assert host.try_run("systemctl", "is-active", "postgresql").out.strip() != "active"
        return
    host.run("systemctl", "stop", "postgresql.service", "postgresql@*.service")
    try:
        assert "database_stopped" in doctor.reasons("database")
    finally:
        host.run("systemctl", "start", "postgresql.service")


def test_loose_and_foreign_folders(host: Host, tier: str, doctor: Doctor, quiet: set[str]):
    own = f"guardian-{_DAEMON[tier]}"
    configuration, folder = f"/etc/guardian/{tier}.yaml", f"/var/lib/guardian/{_CERTIFICATE[tier].split('/')[0]}"
    owner = host.run("stat", "-c", "%U", folder).out.strip()
    host.run("chmod", "0666", configuration)
    host.run("chown", own if owner != own else "root", folder)
    try:
        assert {"mode_wrong", "ownership_wrong"} <= doctor.reasons("permissions")
    finally:
        host.run("chmod", "0640", configuration)
        host.run("chown", owner, folder)


def test_a_release_that_is_not_what_runs_and_one_that_is_gone(host: Host, doctor: Doctor, quiet: set[str]):
    release = host.run("readlink", "-f", "/opt/guardian/current").out.strip()
    link = host.run("readlink", "/opt/guardian/current").out.strip()
    with kept(host, f"{release}/release.json"):
        text = host.read(f"{release}/release.json") or ""
        host.run("tee", f"{release}/release.json", text=text.replace('"version": "', '"version": "9'))
        assert "release_restart_needed" in doctor.reasons("release")
    host.run("ln", "-sfn", "releases/none", "/opt/guardian/current")
    try:
        assert "release_broken" in doctor.reasons("release")
    finally:
        host.run("ln", "-sfn", link, "/opt/guardian/current")


def test_a_secret_that_others_may_read_or_that_is_gone(host: Host, tier: str, doctor: Doctor, quiet: set[str]):
    if tier == "control":
        # Its roles are known by their users' names: there is no secret to lose.
        assert "credential_missing" not in doctor.reasons("credentials")
        return
    path = "/etc/credstore.encrypted/guardian.tls.key"
    host.run("chmod", "0644", path)
    assert "credential_exposed" in doctor.reasons("credentials")
    host.run("chmod", "0600", path)
    with kept(host, path):
        host.remove(path)
        assert "credential_missing" in doctor.reasons("credentials")


def test_a_camera_that_nobody_watches(host: Host, tier: str, doctor: Doctor, quiet: set[str]):
    names = (
        [entry.path.rpartition("/")[2][:-5] for entry in host.walk("/etc/guardian/cameras")] if tier == "edge" else []
    )
    for name in names[:1]:
        host.run("systemctl", "stop", f"guardian-camera@{name}")
        try:
            assert "camera_not_watching" in doctor.reasons("cameras")
        finally:
            host.run("systemctl", "start", f"guardian-camera@{name}")
    assert names or tier != "edge"


@contextmanager
def rule(host: Host, chain: str, text: str) -> Iterator[None]:
    """One rule before all others of the product's own table."""
    said = host.run("nft", "-e", "-a", "insert", "rule", "inet", "guardian", chain, *text.split()).out
    handle = said.rpartition("handle ")[2].strip()
    try:
        yield
    finally:
        host.run("nft", "delete", "rule", "inet", "guardian", chain, "handle", handle)


def ended() -> str:
    """A certificate that ended yesterday."""
    key, today = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "planted")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(today - dt.timedelta(days=9))
    certificate = builder.not_valid_after(today - dt.timedelta(days=1)).sign(key, hashes.SHA256())
    return certificate.public_bytes(Encoding.PEM).decode()
