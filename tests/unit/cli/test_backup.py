"""A host's backup, with real stores and the real age: taken in use, opened by its recipient alone, put back whole."""

import hashlib
import io
import json
import os
import secrets
import subprocess
import tarfile
from datetime import timedelta
from pathlib import Path

import pytest

from guardian.cli.backup import archive, making, restoring
from guardian.cli.backup.contents import Layout
from guardian.common.clock import now
from guardian.common.errors import GuardianError
from guardian.edge.uplink.store import UplinkStore
from guardian.node.gateway.edges import Edge, Edges, EnrolmentError, nothing
from guardian.node.gateway.store import Store


def key_pair() -> tuple[str, bytes]:
    text = subprocess.run(["age-keygen"], capture_output=True, check=True).stdout
    public = next(line.split()[-1] for line in text.decode().splitlines() if line.startswith("# public key"))
    return public, text


@pytest.fixture(scope="module")
def keys() -> tuple[str, bytes]:
    return key_pair()


@pytest.fixture
def host(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "host")
    layout.etc.mkdir(parents=True)
    (layout.etc / "edge.yaml").write_text("log_level: info\n")
    (layout.etc / "seed").mkdir()
    (layout.etc / "seed/home.seed").write_text("not for a backup")
    identity = layout.state / "identity"
    identity.mkdir(parents=True)
    (identity / "identity.json").write_text('{"edge": "front"}')
    (identity / "identity.json").chmod(0o640)
    clips = layout.state / "cameras/front/clips/2026-01-01"
    clips.mkdir(parents=True)
    (clips / "a.sealed").write_bytes(bytes(100))
    return layout


def take(layout: Layout, into: Path, public: str) -> Path:
    making.backup(into, "edge", [public], layout.root)
    return into


def test_a_store_in_use_is_copied_whole_and_put_back(
    host: Layout, keys: tuple[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public, private = keys
    store = UplinkStore(host.state)
    store.acknowledge(7, [(3, "event_malformed", "It was.")])
    sealed = take(host, tmp_path / "host.age", public)
    # What comes after is not in it, and a write-ahead log is not put over the older store.
    store.acknowledge(9, [])
    give(monkeypatch, private)
    restoring.restore(sealed, "edge", False, host.root)
    store.close()
    again = UplinkStore(host.state)
    assert (again.cursor(), again.refused()) == (7, [(3, "event_malformed", "It was.")])
    again.close()


def give(monkeypatch: pytest.MonkeyPatch, private: bytes) -> None:
    class Stdin:
        buffer = io.BytesIO(private)

    monkeypatch.setattr("sys.stdin", Stdin)


def test_a_bare_machine_gets_all_but_recordings_and_seeds(
    host: Layout, keys: tuple[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public, private = keys
    sealed = take(host, tmp_path / "host.age", public)
    bare = Layout(tmp_path / "bare")
    give(monkeypatch, private)
    restoring.restore(sealed, "edge", False, bare.root)
    there = {path.relative_to(bare.root).as_posix() for path in bare.root.rglob("*") if path.is_file()}
    assert there == {"etc/guardian/edge.yaml", "var/lib/guardian/identity/identity.json"}
    assert (bare.state / "identity/identity.json").stat().st_mode & 0o777 == 0o640


def test_to_look_changes_nothing(
    host: Layout, keys: tuple[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = take(host, tmp_path / "host.age", keys[0])
    give(monkeypatch, keys[1])
    (host.etc / "edge.yaml").write_text("log_level: debug\n")
    restoring.restore(sealed, "edge", True, host.root)
    assert (host.etc / "edge.yaml").read_text() == "log_level: debug\n"


def test_nothing_of_it_can_be_read_without_the_key(host: Layout, keys: tuple[str, bytes], tmp_path: Path) -> None:
    sealed = take(host, tmp_path / "host.age", keys[0])
    assert b"identity" not in sealed.read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    with pytest.raises(GuardianError) as caught:
        archive.read(sealed, key_pair()[1], tmp_path / "into")
    assert caught.value.reason == "backup_closed"


@pytest.mark.parametrize("recipient", ["", "age1", "AGE-SECRET-KEY-1ABC", "--output=/etc/passwd"])
def test_what_is_no_public_key_is_refused(recipient: str, host: Layout, tmp_path: Path) -> None:
    with pytest.raises(GuardianError) as caught:
        take(host, tmp_path / "host.age", recipient)
    assert caught.value.reason == "backup_recipient"
    assert not (tmp_path / "host.age").exists()


def test_a_cut_off_or_changed_file_changes_nothing(
    host: Layout, keys: tuple[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = take(host, tmp_path / "host.age", keys[0]).read_bytes()
    changed = whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:]
    (host.etc / "edge.yaml").write_text("log_level: debug\n")
    for data in (whole[:-40], whole[: len(whole) // 2], changed):
        (tmp_path / "host.age").write_bytes(data)
        give(monkeypatch, keys[1])
        with pytest.raises(GuardianError) as caught:
            restoring.restore(tmp_path / "host.age", "edge", False, host.root)
        assert caught.value.reason in {"backup_closed", "backup_damaged"}
    assert (host.etc / "edge.yaml").read_text() == "log_level: debug\n"


def test_another_tiers_backup_is_refused(
    host: Layout, keys: tuple[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = take(host, tmp_path / "host.age", keys[0])
    give(monkeypatch, keys[1])
    with pytest.raises(GuardianError, match="a host of tier edge, and this host is of tier node"):
        restoring.restore(sealed, "node", False, host.root)


def node_store(layout: Layout) -> Store:
    (layout.state / "gateway").mkdir(parents=True, exist_ok=True)
    return Store(layout.state / "gateway")


async def enrolled(edges: Edges, name: str) -> str:
    await edges.create_token(name, name, now() + timedelta(hours=1))
    edge = Edge(secrets.token_hex(16), name, secrets.token_bytes(32), bytes(1216), now())
    await edges.register(name, edge, b"key", nothing)
    return edge.id


@pytest.mark.parametrize("same_machine", [True, False])
async def test_a_nodes_backup_brings_back_no_token_and_no_revoked_edge_unseen(
    same_machine: bool,
    tmp_path: Path,
    keys: tuple[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    layout = Layout(tmp_path / "node")
    layout.etc.mkdir(parents=True)
    store = node_store(layout)
    edges = Edges(store)
    home, stolen = await enrolled(edges, "Home"), await enrolled(edges, "Stolen")
    await edges.create_token("unspent", "Later", now() + timedelta(days=3))
    making.backup(tmp_path / "node.age", "node", [keys[0]], layout.root)
    await edges.revoke(stolen)
    await edges.register("unspent", Edge("c" * 32, "Later", bytes(32), bytes(1216), now()), b"key", nothing)
    store.close()
    there = layout if same_machine else Layout(tmp_path / "other")
    give(monkeypatch, keys[1])
    capsys.readouterr()
    restoring.restore(tmp_path / "node.age", "node", False, there.root)
    said = capsys.readouterr().out
    assert f"Home ({home})" in said and "`guardian edge revoke ID`" in said
    # Another machine cannot know; whoever restores is told.
    assert (f"Stolen ({stolen})" in said) is not same_machine
    again = node_store(there)
    restored = Edges(again)
    await restored.load()
    assert {edge.name for edge in restored.all() if edge.revoked_at is None} == (
        {"Home"} if same_machine else {"Home", "Stolen"}
    )
    with pytest.raises(EnrolmentError) as caught:
        await restored.check_token("unspent")
    assert caught.value.reason == "token_expired"
    again.close()


@pytest.mark.parametrize("damage", [b"", b"no store at all" * 300])
async def test_a_broken_store_is_no_hindrance_to_its_own_restore(
    damage: bytes, tmp_path: Path, keys: tuple[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(tmp_path / "node")
    layout.etc.mkdir(parents=True)
    store = node_store(layout)
    home = await enrolled(Edges(store), "Home")
    making.backup(tmp_path / "node.age", "node", [keys[0]], layout.root)
    store.close()
    (layout.state / "gateway/node.db").write_bytes(damage)
    give(monkeypatch, keys[1])
    restoring.restore(tmp_path / "node.age", "node", False, layout.root)
    again = node_store(layout)
    restored = Edges(again)
    await restored.load()
    assert [edge.id for edge in restored.all()] == [home]
    again.close()


def forged(path: Path, public: str, names: list[str], *, listed: bool = True) -> Path:
    """An archive by somebody who may seal to the recipient, as everybody may."""
    data = b"root::0:0:::"
    item = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "mode": 0o644, "owner": "root"}
    items = [{"name": name, "group": "root", **item} for name in names if listed]
    facts = {"format": 1, "tier": "edge", "host": "h", "version": "0", "made": "now", "items": items}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in [("manifest.json", json.dumps(facts).encode()), *((name, data) for name in names)]:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    command = ["age", "--encrypt", "--recipient", public, "--output", str(path)]
    subprocess.run(command, input=packed.getvalue(), check=True)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "etc/passwd",
        "etc/guardian/../passwd",
        "/etc/guardian/edge.yaml",
        "var/lib/guardian/../../../root/.ssh/authorized_keys",
        "secrets/../x",
        "dump/x.sh",
    ],
)
def test_a_forged_one_reaches_no_other_place(name: str, keys: tuple[str, bytes], tmp_path: Path) -> None:
    sealed = forged(tmp_path / "forged.age", keys[0], [name])
    (tmp_path / "into").mkdir()
    with pytest.raises(GuardianError) as caught:
        archive.read(sealed, keys[1], tmp_path / "into")
    assert caught.value.reason == "backup_damaged"
    assert list((tmp_path / "into").iterdir()) == []


def test_what_the_manifest_does_not_name_is_refused(keys: tuple[str, bytes], tmp_path: Path) -> None:
    sealed = forged(tmp_path / "forged.age", keys[0], ["etc/guardian/edge.yaml"], listed=False)
    (tmp_path / "into").mkdir()
    with pytest.raises(GuardianError, match="not what its manifest says"):
        archive.read(sealed, keys[1], tmp_path / "into")


def laid(host: Layout, tmp_path: Path) -> Path:
    """A file of somebody else's that a daemon would like to have overwritten, given away or read out."""
    UplinkStore(host.state).close()
    victim = tmp_path / "shadow"
    victim.write_text("root:secret")
    victim.chmod(0o600)
    return victim


@pytest.mark.parametrize("name", [".uplink.db.restored", f".uplink.db.{os.getpid()}.new", "uplink.db"])
def test_a_link_a_daemon_laid_is_not_written_through(
    name: str, host: Layout, keys: tuple[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = laid(host, tmp_path)
    sealed = take(host, tmp_path / "host.age", keys[0])
    folder, before = host.state / "uplink", victim.stat()
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(victim)
    give(monkeypatch, keys[1])
    restoring.restore(sealed, "edge", False, host.root)
    assert victim.read_text() == "root:secret"
    assert (victim.stat().st_mode, victim.stat().st_ctime_ns) == (before.st_mode, before.st_ctime_ns)
    assert (folder / "uplink.db").is_file()
    assert not (folder / "uplink.db").is_symlink()


def test_a_folder_that_became_a_link_gets_nothing(
    host: Layout, keys: tuple[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid(host, tmp_path)
    sealed = take(host, tmp_path / "host.age", keys[0])
    (host.state / "uplink").rename(tmp_path / "elsewhere")
    before = sorted(path.name for path in (tmp_path / "elsewhere").iterdir())
    (host.state / "uplink").symlink_to(tmp_path / "elsewhere")
    give(monkeypatch, keys[1])
    with pytest.raises(GuardianError, match="uplink lies on the way, and is no folder") as caught:
        restoring.restore(sealed, "edge", False, host.root)
    assert caught.value.reason == "restore_failed"
    assert sorted(path.name for path in (tmp_path / "elsewhere").iterdir()) == before


def test_a_store_that_is_a_link_is_not_read(host: Layout, keys: tuple[str, bytes], tmp_path: Path) -> None:
    laid(host, tmp_path)
    store = host.state / "uplink/uplink.db"
    store.rename(tmp_path / "another.db")
    store.symlink_to(tmp_path / "another.db")
    with pytest.raises(GuardianError, match="a link lies there") as caught:
        take(host, tmp_path / "host.age", keys[0])
    assert caught.value.reason == "backup_unreadable"
    assert not (tmp_path / "host.age").exists()


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_takes_a_files_place_after_it_was_looked_at_is_not_read(
    kind: str, host: Layout, keys: tuple[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim, path = laid(host, tmp_path), host.state / "identity/identity.json"
    add = archive._item

    def swap(member: archive.Member) -> archive.Item:
        if member.name.endswith("identity.json"):
            path.unlink()
            path.symlink_to(victim) if kind == "link" else os.mkfifo(path)
        return add(member)

    monkeypatch.setattr(archive, "_item", swap)
    with pytest.raises(GuardianError, match=f"a {kind} lies there"):
        take(host, tmp_path / "host.age", keys[0])
    assert not (tmp_path / "host.age").exists()


def test_a_dump_that_is_a_link_is_not_read(host: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim, dumps = laid(host, tmp_path), tmp_path / "dumps"
    dumps.mkdir()
    (dumps / "guardian-20260101T000000Z.json").write_text("{}")
    (dumps / "guardian-20260101T000000Z.dump").symlink_to(victim)
    monkeypatch.setattr(making, "DUMPS", dumps)
    monkeypatch.setattr(making, "_run", lambda *_: None)
    with pytest.raises(GuardianError, match="a link lies there"):
        making.gather(host, "control", tmp_path)
