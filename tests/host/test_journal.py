"""What the host's journal holds: no secret, no traceback, and no more than it may keep."""

import os
import re
from pathlib import Path

from tests.host.runner import Host

# What a token, a key or an address with a password in it looks like, wherever it came from.
_SECRETS = [
    re.compile(r"gdn1\.[A-Za-z0-9_-]{40,}"),
    re.compile(r"BEGIN [A-Z ]*PRIVATE KEY"),
    re.compile(r"rtsps?://[^/\s:@]+:[^/\s@*]+@"),
    re.compile(r"postgresql(?:\+\w+)?://[^/\s:@]+:[^/\s@*]+@"),
]


def test_no_daemon_logged_a_traceback(host: Host):
    answer = host.try_run("journalctl", "-q", "-b", "-o", "short-iso", "-u", "guardian-*", "--no-pager", timeout=120)
    # A journal in which no daemon said anything has nothing that the pattern could be of.
    assert answer.status == 0 or "No data available" in answer.err
    said = answer.out
    assert [line for line in said.splitlines() if "Traceback (most recent call last)" in line] == []


def test_the_journal_holds_no_secret(host: Host):
    """Neither what looks like one nor those that whoever prepared the host names in `PLANTED`, one a line of a file."""
    said = host.run("journalctl", "-q", "-o", "cat", "--no-pager", timeout=120).out
    planted = os.environ.get("PLANTED", "")
    known = [line for line in Path(planted).read_text("utf-8").splitlines() if len(line) > 5] if planted else []
    assert [pattern.pattern for pattern in _SECRETS if pattern.search(said)] == []
    assert [text[:3] + "…" for text in known if text in said] == []


def test_no_secret_is_in_a_command_line_an_environment_or_a_unit(host: Host, services: list[str]):
    shown = host.run("systemctl", "show", "--property=Id,ExecStart,Environment", "--", *services).out
    assert [pattern.pattern for pattern in _SECRETS if pattern.search(shown)] == []
    assert re.findall(r"(?i)^Environment=.*(?:password|secret|token)", shown, re.MULTILINE) == []


def test_the_journal_is_kept_and_bounded(host: Host):
    found = host.describe("/var/log/journal")[0]
    assert found is not None
    shown = host.run("systemd-analyze", "cat-config", "systemd/journald.conf").out
    assert re.search(r"^SystemMaxUse=\d+", shown, re.MULTILINE)
