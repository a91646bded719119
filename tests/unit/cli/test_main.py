"""The `guardian` command as a whole: fast, lazy, helpful when a tier is not installed."""

import subprocess
import sys
from pathlib import Path

import pytest

import guardian.cli as guardian_cli
from guardian.cli import main
from guardian.common.errors import GuardianError


def guardian(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("guardian")), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def test_help_lists_every_verb_with_what_it_is_for() -> None:
    answer = guardian("--help")
    assert answer.returncode == 0
    for name, verb in main.VERBS.items():
        assert name in answer.stdout
        assert verb.summary.split()[0] in answer.stdout


IMPORTED = """
import sys, guardian.cli.main as m
sys.argv = ["guardian", "--version"]
try:
    m.main()
except SystemExit:
    pass
print([name for name in sys.modules if name.startswith(("guardian.edge", "guardian.node", "guardian.control"))])
"""


def test_the_overview_imports_no_tier() -> None:
    answer = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == "[]"


def test_a_misspelt_verb_is_answered_with_the_nearest() -> None:
    answer = guardian("stauts")
    assert answer.returncode == 2
    assert "status" in answer.stderr


def test_a_missing_tier_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "far.py").write_text("import a_package_of_that_tier\n")
    monkeypatch.setattr(guardian_cli, "__path__", [*guardian_cli.__path__, str(tmp_path)])
    monkeypatch.setitem(main.VERBS, "far", main.Verb("For elsewhere.", main.TIERS, "edge"))
    with pytest.raises(GuardianError) as caught:
        main.load("far")
    assert caught.value.reason == "tier_absent"
    assert "the edge tier" in str(caught.value)
    assert "pip install 'guardian[edge]'" in str(caught.value)


def test_a_fault_inside_our_own_code_is_not_taken_for_a_missing_tier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torn.py").write_text("import guardian.edge.no_such_module\n")
    monkeypatch.setattr(guardian_cli, "__path__", [*guardian_cli.__path__, str(tmp_path)])
    monkeypatch.setitem(main.VERBS, "torn", main.Verb("Broken.", main.TIERS, "edge"))
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        main.load("torn")


def test_an_error_is_one_sentence_and_no_traceback() -> None:
    answer = guardian("vault", "verify", "/nowhere/roster.json")
    assert answer.returncode == 1
    assert answer.stderr.startswith("guardian: There is no roster /nowhere/roster.json.")
    assert "Traceback" not in answer.stderr
