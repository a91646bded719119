"""Certificates that ended, end soon, begin later, or are none."""

import datetime as dt
import os
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from guardian.cli.doctor.checks.certificates import check, judge, nginx_certificates
from guardian.cli.doctor.finding import Subject
from guardian.cli.places import Place
from guardian.common.clock import now

_DAY = dt.timedelta(days=1)


def certificate(start: dt.timedelta, end: dt.timedelta) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now() + start).not_valid_after(now() + end)
    return builder.sign(key, hashes.SHA256())


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        (-2 * _DAY, -_DAY, "certificate_expired"),
        (-400 * _DAY, 3 * _DAY, "certificate_expiring"),
        (-6 * _DAY, _DAY / 2, "certificate_expiring"),
        (_DAY, 9 * _DAY, "certificate_not_yet_valid"),
        (-400 * _DAY, 300 * _DAY, ""),
        # One for a week that is renewed in its last third is not late after a day.
        (-_DAY, 6 * _DAY, ""),
    ],
)
def test_how_long_it_is_good_for_is_judged_by_how_long_it_lives(start: dt.timedelta, end: dt.timedelta, reason: str):
    finding = judge(certificate(start, end), "It")
    assert (finding.reason if finding else "") == reason


def test_every_certificate_of_the_tier_is_looked_at(tmp_path: Path):
    good = certificate(-_DAY, 300 * _DAY).public_bytes(Encoding.PEM)
    ended = certificate(-9 * _DAY, -_DAY).public_bytes(Encoding.PEM)
    for folder, name, data in (("identity", "tls.pem", good), ("identity", "ca.pem", good + ended)):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_bytes(data)
    (tmp_path / "gateway").mkdir()
    (tmp_path / "gateway" / "ca.pem").write_text("no certificate")
    found = list(check(Subject(Place(tmp_path, tmp_path, tmp_path / "node.yaml"))))
    assert [item.reason for item in found] == ["certificate_expired", "certificate_unreadable", ""]
    assert "ca.pem" in found[0].sentence
    assert "2 certificates" in found[2].sentence


def test_what_nginx_serves_is_found_in_its_sites(tmp_path: Path):
    (tmp_path / "sites-enabled").mkdir()
    (tmp_path / "sites-enabled" / "guardian").write_text(
        "server {\n  ssl_certificate /etc/ssl/a.pem;\n  # ssl_certificate /etc/ssl/old.pem;\n"
        "  ssl_certificate_key /etc/ssl/a.key;\n  ssl_certificate $variable;\n}\n"
    )
    assert nginx_certificates(tmp_path) == {Path("/etc/ssl/a.pem")}
    assert nginx_certificates(tmp_path / "none") == set()


def test_what_a_daemon_laid_in_a_certificates_place_is_said_and_not_read(tmp_path: Path):
    for folder in ("identity", "gateway"):
        (tmp_path / folder).mkdir()
    os.mkfifo(tmp_path / "identity/tls.pem")
    (tmp_path / "identity/ca.pem").symlink_to("/dev/zero")
    with (tmp_path / "gateway/ca.pem").open("wb") as file:
        file.truncate(1 << 40)
    found = list(check(Subject(Place(tmp_path, tmp_path, tmp_path / "node.yaml"))))
    assert [item.reason for item in found] == ["certificate_unreadable"] * 3
    assert [item.sentence.partition(": ")[2] for item in found] == [
        "a pipe lies there, not a file.",
        "a link lies there, not a file.",
        "it is larger than 1048576 bytes.",
    ]


def test_a_link_that_root_laid_for_nginx_is_followed(tmp_path: Path):
    (tmp_path / "sites-enabled").mkdir()
    (tmp_path / "guardian").write_text("  ssl_certificate /etc/ssl/a.pem;\n")
    (tmp_path / "sites-enabled/guardian").symlink_to("../guardian")
    os.mkfifo(tmp_path / "sites-enabled/pipe")
    assert nginx_certificates(tmp_path) == {Path("/etc/ssl/a.pem")}
