"""What a release is made from, before anything is fetched."""

import subprocess
from pathlib import Path

import pytest
from tools.releasing import schemas, tree, wheels
from tools.releasing.tree import Refused, Wanted

LIST = """\
# made by make lock
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:{c}
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:{d}
""".format(**{name: name * 64 for name in "abcd"})


def test_a_list_is_read_with_its_markers_and_hashes() -> None:
    pins = wheels.read_list(LIST)
    assert [(pin.name, pin.version, len(pin.hashes)) for pin in pins] == [
        ("numpy", "2.4.6", 2),
        ("numpy", "2.5.5", 1),
        ("colorama", "0.4.6", 1),
    ]


@pytest.mark.parametrize(("python", "taken"), [("3.11", ["2.4.6"]), ("3.12", ["2.5.5"]), ("3.13", ["2.5.5"])])
def test_each_python_takes_what_its_markers_say(python: str, taken: list[str]) -> None:
    assert [pin.version for pin in wheels.read_list(LIST) if pin.wanted_by(python)] == taken


@pytest.mark.parametrize("line", ["numpy", "numpy>=2 \\", "-e .", "--pre", "    --hash=md5:00"])
def test_what_is_no_pin_is_refused(line: str) -> None:
    with pytest.raises(Refused, match="Not a line"):
        wheels.read_list(LIST + line + "\n")


def test_the_lists_of_the_tiers_are_read_whole() -> None:
    for tier in ("edge", "node", "control", "install"):
        text = (tree.ROOT / "requirements" / f"{tier}.txt").read_text()
        again = "".join(pin.lines(pin.hashes) for pin in wheels.read_list(text))
        assert set(again.split()) == {word for line in text.splitlines() if line[:1] != "#" for word in line.split()}


def test_a_wheel_with_other_bytes_than_the_lock_says_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "numpy-2.4.6-cp311-cp311-manylinux_2_28_x86_64.whl").write_bytes(b"not numpy")
    assert wheels._matching(wheels.read_list(LIST), tmp_path) == {}


def test_the_copy_holds_the_checkout_and_a_patch_changes_the_copy_alone(tmp_path: Path) -> None:
    patch = tmp_path / "note.patch"
    patch.write_text("--- a/src/guardian/note.txt\n+++ b/src/guardian/note.txt\n@@ -0,0 +1 @@\n+hello\n")
    target = tmp_path / "copy"
    target.mkdir()
    assert tree.copy(Wanted(patches=[patch], version="9.9.9.dev1"), target) == "9.9.9.dev1"
    assert (target / "src/guardian/note.txt").read_text() == "hello\n"
    assert 'version = "9.9.9.dev1"' in (target / "pyproject.toml").read_text()
    assert not (tree.ROOT / "src/guardian/note.txt").exists()
    assert (target / "src/guardian/common/errors.py").read_bytes() == (
        tree.ROOT / "src/guardian/common/errors.py"
    ).read_bytes()
    assert not (target / "tests").exists()


def test_a_patch_that_fits_no_more_is_refused_with_its_name(tmp_path: Path) -> None:
    patch = tmp_path / "old.patch"
    patch.write_text("--- a/LICENSE\n+++ b/LICENSE\n@@ -1 +1 @@\n-not the licence\n+hello\n")
    target = tmp_path / "copy"
    target.mkdir()
    with pytest.raises(Refused, match=r"old\.patch does not apply any more"):
        tree.copy(Wanted(patches=[patch]), target)


def test_a_commit_is_copied_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "copy"
    target.mkdir()
    tree.copy(Wanted(ref="HEAD"), target)
    committed = subprocess.run(
        ["git", "show", "HEAD:src/guardian/__init__.py"], cwd=tree.ROOT, capture_output=True, check=True
    ).stdout
    assert (target / "src/guardian/__init__.py").read_bytes() == committed


@pytest.mark.parametrize(("version", "words"), [("next", "is not a version"), ("0.3.0-test1", "is not a version")])
def test_a_version_that_is_none_is_refused(version: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('version = "0.1.0"\n')
    with pytest.raises(Refused, match=words):
        tree.set_version(tmp_path / "pyproject.toml", version)


def test_a_version_is_written_in_its_normal_form_or_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('version = "0.1.0"\n')
    with pytest.raises(Refused, match=r"write 0\.3\.0\.dev1"):
        tree.set_version(tmp_path / "pyproject.toml", "0.3.0-dev1")


def test_the_digest_tells_content_name_and_mode_apart(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    first = tree.digest(tmp_path)
    (tmp_path / "a").chmod(0o755)
    second = tree.digest(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    third = tree.digest(tmp_path)
    (tmp_path / "b").write_text("two")
    assert len({first, second, third, tree.digest(tmp_path)}) == 4


def migration(folder: Path, revision: str, before: str | None, extra: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{revision}_x.py").write_text(f"revision = {revision!r}\ndown_revision = {before!r}\n{extra}\n")


def test_every_store_of_a_tier_is_found_with_its_chain(tmp_path: Path) -> None:
    versions = tmp_path / "guardian/node/gateway/migrations/versions"
    migration(versions, "0001", None)
    migration(versions, "0002", "0001", 'oldest_code = "0001"')
    migration(tmp_path / "guardian/node/agent/migrations/versions", "0001", None)
    assert schemas.of_tier(tmp_path, "node") == {
        "agent": {"revisions": ["0001"], "oldest_code": "0001"},
        "gateway": {"revisions": ["0001", "0002"], "oldest_code": "0001"},
    }


def test_a_migration_that_does_not_say_so_shuts_out_the_code_before_it(tmp_path: Path) -> None:
    versions = tmp_path / "guardian/edge/uplink/migrations/versions"
    migration(versions, "0001", None)
    migration(versions, "0002", "0001")
    assert schemas.of_tier(tmp_path, "edge")["uplink"]["oldest_code"] == "0002"


def test_migrations_that_fork_are_refused(tmp_path: Path) -> None:
    versions = tmp_path / "guardian/edge/uplink/migrations/versions"
    for name in ("0001", "0002", "0003"):
        migration(versions, name, None if name == "0001" else "0001")
    with pytest.raises(Refused, match="not one chain"):
        schemas.of_tier(tmp_path, "edge")


PATCHES = sorted((tree.ROOT / "molecule/upgrade").glob("*.patch"))


def patched(name: str, target: Path) -> Path:
    target.mkdir()
    tree.copy(Wanted(patches=[tree.ROOT / "molecule/upgrade" / name], version="0.3.0.dev1"), target)
    return target


@pytest.mark.parametrize("patch", PATCHES, ids=lambda path: path.stem)
def test_the_releases_that_tests_upgrade_to_can_still_be_made(patch: Path, tmp_path: Path) -> None:
    source = patched(patch.name, tmp_path / "copy")
    for tier in ("edge", "node", "control"):
        assert schemas.of_tier(source / "src", tier)
    for path in (source / "src").rglob("*.py"):
        compile(path.read_text(encoding="utf-8"), str(path), "exec")


def test_the_next_release_differs_by_migrations_that_only_add_and_by_a_field(tmp_path: Path) -> None:
    source = patched("next.patch", tmp_path / "copy")
    for tier, store in (("control", "control"), ("node", "gateway")):
        ours = schemas.of_tier(tree.ROOT / "src", tier)[store]
        theirs = schemas.of_tier(source / "src", tier)[store]
        assert theirs["revisions"][:-1] == ours["revisions"]
        # So that this release may go on with what that one leaves.
        assert theirs["oldest_code"] in ours["revisions"]
    for name in ("edge/v1/edge.proto", "control/v1/control.proto"):
        ours_text, theirs_text = ((root / "proto/guardian" / name).read_text() for root in (tree.ROOT, source))
        assert set(ours_text.splitlines()) < set(theirs_text.splitlines())


@pytest.mark.parametrize("tier", ["edge", "node", "control"])
def test_what_this_release_adds_leaves_every_store_to_the_code_before(tier: str) -> None:
    for store, facts in schemas.of_tier(tree.ROOT / "src", tier).items():
        assert facts["oldest_code"] == facts["revisions"][0], f"{tier}/{store}: going back would need a backup"
