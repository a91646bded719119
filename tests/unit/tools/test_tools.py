"""The checkout's own tools find what they are there to find."""

from pathlib import Path

import pytest
from tests.analyzing.scenes import scenes
from tools import bench, committed, lock, proto, test

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("index = https://" + "pypi.example/simple", "a registry's address"),
        ("--extra-index-" + "url file:///opt/x", "a package index"),
        ("path = '/" + "root/thing'", "a path of one machine"),
        ('  "reso' + 'lved": "x"', "a download address in a lock"),
        ("<" * 7 + " HEAD", "a merge's leftovers"),
        ("# TO" + "DO later", "work left for later"),
        ("-----BEGIN EC PRIVATE" + " KEY-----", "a private key"),
    ],
)
def test_what_must_not_be_committed_is_found_with_its_place(line: str, what: str) -> None:
    faults = committed.find("a.txt", f"fine\n{line}\n")
    assert len(faults) == 1
    assert faults[0].startswith(f"a.txt:2: {what}: ")


def test_ordinary_text_is_not_accused() -> None:
    text = "see https://example.org/docs\n/etc/guardian/edge.yaml\n/usr/bin/python3\n====\nthe work/main branch\n"
    assert committed.find("a.md", text) == []


def test_the_locks_fit_and_hold_versions_and_hashes_only() -> None:
    assert lock.find_faults() == []


def test_every_list_agrees_with_the_one_that_holds_all() -> None:
    def pins(name: str) -> set[str]:
        lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
        return {line.split(" ")[0] for line in lines if "==" in line and not line.startswith(("#", " "))}

    # Nothing of ours imports pip: it is in no checkout, only in a release.
    assert pins("install") == {line for line in pins("install") if line.startswith("pip==")} != set()
    for name in lock.LISTS.keys() - {"install"}:
        assert pins(name) <= pins("dev"), name


def test_stubs_import_each_other_from_where_they_lie() -> None:
    text = "from guardian.edge.v1 import edge_pb2 as e\n'guardian.edge.v1.edge_pb2'\npackage guardian.edge.v1;\n"
    assert proto.mend(text) == (
        "from guardian.contracts.edge.v1 import edge_pb2 as e\n"
        "'guardian.contracts.edge.v1.edge_pb2'\npackage guardian.edge.v1;\n"
    )


def test_the_stubs_here_are_those_of_the_contracts_here() -> None:
    assert proto.current_stamp() == proto.fingerprint()


def test_a_skipped_test_or_an_empty_run_is_not_good(tmp_path: Path) -> None:
    report = tmp_path / "r.xml"
    report.write_text('<testsuites><testsuite tests="9" failures="1" errors="2" skipped="3"/></testsuites>')
    assert test.counts(report) == (3, 3, 3)
    assert test.counts(tmp_path / "absent.xml") == (0, 0, 0)
    assert test.Outcome("x", 5, 0, 0, 1.0, 0).good
    assert not test.Outcome("x", 5, 0, 1, 1.0, 0).good
    assert not test.Outcome("x", 0, 0, 0, 1.0, 0).good


def test_the_detectors_are_named_that_the_tests_ran_on() -> None:
    said = test.detectors()
    assert "that the project builds" in said
    assert all(name in said for name in [scene.name for scene in scenes()[1:]] or ["not at hand"])


def test_the_bench_takes_every_module_that_is_there() -> None:
    there = {path.stem for path in (ROOT / "tests" / "bench").glob("[a-z]*.py")}
    assert set(bench.find_modules()) == there
