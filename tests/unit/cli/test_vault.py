"""A household begun on the edge, and its clips opened with nothing but file, roster, slots and secret."""

import json
import os
import pty
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.vectors.household import Home, seal_clip

from guardian.vault import owner, slots
from guardian.vault import roster as vault_roster
from guardian.vault.encoding import new_id
from guardian.vault.identity import Keys
from guardian.vault.roster import Roster

SECRET = "seven quiet herons"
GUARDIAN = str(Path(sys.executable).with_name("guardian"))


def guardian(*arguments: str | Path, secret: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command; the secret goes through a descriptor."""
    given = ["--secret-fd", "0"] if secret else []
    command = [GUARDIAN, *map(str, arguments), *given]
    return subprocess.run(command, input=f"{secret}\n", capture_output=True, text=True, check=False)


def enrol(state: Path, name: str = "Hall") -> Keys:
    """What `guardian edge enroll` leaves behind."""
    keys, folder = Keys.generate(), state / "identity"
    folder.mkdir(parents=True)
    for file, seed in zip(("sign.key", "receive.key"), keys.seeds(), strict=True):
        (folder / file).write_bytes(seed)
    identity = {"tenant": "t", "edge": new_id(), "name": name, "gateway": "127.0.0.1:1"}
    (folder / "identity.json").write_text(json.dumps(identity))
    return keys


def test_a_household_begun_on_an_enrolled_edge_includes_it(tmp_path: Path) -> None:
    keys = enrol(tmp_path)
    made = json.loads(guardian("vault", "init", "--state-dir", tmp_path, "--json", secret=SECRET).stdout)
    roster = Roster.verify(vault_roster.from_json(Path(made["roster"]).read_bytes()))
    assert [edge.sign for edge in roster.edges.values()] == [keys.sign_public]
    words = guardian("vault", "words", "--state-dir", tmp_path)
    assert words.stdout.split() == roster.edge_words(keys.sign_public, keys.receive_public)
    shown = json.loads(guardian("vault", "show", "--state-dir", tmp_path, "--json").stdout)
    assert ([item["name"] for item in shown["edges"]], shown["entries"]) == (["Hall"], 2)


def test_nothing_on_the_edge_holds_the_secret_the_code_or_a_private_key(tmp_path: Path) -> None:
    enrol(tmp_path)
    made = json.loads(guardian("vault", "init", "--state-dir", tmp_path, "--json", secret=SECRET).stdout)
    roster = Roster.verify(vault_roster.from_json(Path(made["roster"]).read_bytes()))
    stored = json.loads(Path(made["slots"]).read_text())["slots"]
    parsed = [slots.Slot.read(json.dumps(item).encode()) for item in stored]
    seeds = owner.unlock(parsed, roster, SECRET).keys.seeds()
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in (SECRET.encode(), made["recovery_code"].encode(), *seeds):
        assert secret not in kept
        assert secret.hex().encode() not in kept
    assert stat.S_IMODE(Path(made["slots"]).stat().st_mode) & 0o007 == 0


def test_a_household_is_never_begun_twice(tmp_path: Path) -> None:
    guardian("vault", "init", "--state-dir", tmp_path, secret=SECRET)
    before = (tmp_path / "uplink" / "roster.json").read_bytes()
    again = guardian("vault", "init", "--state-dir", tmp_path, secret=SECRET)
    assert again.returncode == 1
    assert "has a household already" in again.stderr
    assert (tmp_path / "uplink" / "roster.json").read_bytes() == before


def test_an_edge_enrolled_later_is_added_with_the_secret_and_not_without(tmp_path: Path) -> None:
    guardian("vault", "init", "--state-dir", tmp_path, secret=SECRET)
    enrol(tmp_path)
    wrong = guardian("vault", "add-edge", "--state-dir", tmp_path, secret="seven noisy herons")
    assert (wrong.returncode, wrong.stderr) == (1, "guardian: The secret does not open this key slot.\n")
    assert guardian("vault", "add-edge", "--state-dir", tmp_path, secret=SECRET).returncode == 0
    shown = json.loads(guardian("vault", "show", "--state-dir", tmp_path, "--json").stdout)
    assert [item["name"] for item in shown["edges"]] == ["Hall"]


def test_a_short_secret_is_refused_and_nothing_is_made(tmp_path: Path) -> None:
    answer = guardian("vault", "init", "--state-dir", tmp_path, secret="short")
    assert answer.returncode == 1
    assert "fewer than" in answer.stderr
    assert list(tmp_path.iterdir()) == []


def type_on_terminal(lines: list[str], *arguments: str | Path) -> tuple[int, str]:
    """Run the command on a terminal of its own and type; its exit status and all the terminal showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(GUARDIAN, [GUARDIAN, *map(str, arguments)])  # noqa: S606 - the child of a fork
    shown, waiting = b"", list(lines)
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
        if waiting and piece.rstrip().endswith(b":"):
            os.write(terminal, waiting.pop(0).encode() + b"\n")
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def test_a_typed_secret_is_asked_for_twice_and_never_shown(tmp_path: Path) -> None:
    status, shown = type_on_terminal([SECRET, SECRET], "vault", "init", "--state-dir", tmp_path)
    assert status == 0
    assert SECRET not in shown
    assert "Recovery code, shown this once" in shown


def test_a_secret_mistyped_the_second_time_makes_nothing(tmp_path: Path) -> None:
    status, shown = type_on_terminal([SECRET, SECRET + "x"], "vault", "init", "--state-dir", tmp_path)
    assert status == 1
    assert "nothing was made" in shown
    assert list(tmp_path.iterdir()) == []


def test_without_a_terminal_the_secret_is_not_read_from_a_pipe_by_accident(tmp_path: Path) -> None:
    answer = subprocess.run(
        [GUARDIAN, "vault", "init", "--state-dir", str(tmp_path)],
        input=f"{SECRET}\n{SECRET}\n",
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    assert answer.returncode == 1
    assert "There is no terminal" in answer.stderr


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a careful owner has on a USB stick: a clip, the roster, her slots."""
    folder, home = tmp_path_factory.mktemp("kept"), Home()
    (folder / "a.sealed").write_bytes(seal_clip(home.edge_keys, home.roster.epoch, home.metadata(), new_id()))
    (folder / "roster.json").write_bytes(vault_roster.to_json(home.roster.entries))
    slot = slots.create_with_secret(SECRET, home.roster.household, home.owner.id, home.owner.keys)
    (folder / "slots.json").write_text(json.dumps([json.loads(slot.to_json())]))
    return folder


def open_clip(kept: Path, sealed: Path, out: Path, secret: str = SECRET) -> subprocess.CompletedProcess[str]:
    chain = ["--roster", str(kept / "roster.json"), "--slots", str(kept / "slots.json")]
    return guardian("clip", "open", sealed, *chain, "--out", out, "--json", secret=secret)


def test_a_whole_clip_opens_and_says_it_is_complete(kept: Path, tmp_path: Path) -> None:
    answer = json.loads(open_clip(kept, kept / "a.sealed", tmp_path / "a.mp4").stdout)
    assert (answer["state"], answer["kind"]) == ("complete", "clip")
    assert answer["bytes"] == (tmp_path / "a.mp4").stat().st_size > 0
    assert stat.S_IMODE((tmp_path / "a.mp4").stat().st_mode) == 0o600


def test_a_clip_whose_recorder_died_says_it_is_truncated(kept: Path, tmp_path: Path) -> None:
    whole = (kept / "a.sealed").read_bytes()
    footer = int.from_bytes(whole[-16:-12], "big")
    (tmp_path / "cut.sealed").write_bytes(whole[: -(footer + 20 + 100)])
    answer = json.loads(open_clip(kept, tmp_path / "cut.sealed", tmp_path / "a.mp4").stdout)
    assert answer["state"] == "truncated"


def test_a_changed_clip_is_refused_and_nothing_is_written(kept: Path, tmp_path: Path) -> None:
    changed = bytearray((kept / "a.sealed").read_bytes())
    changed[len(changed) // 2] ^= 1
    (tmp_path / "bad.sealed").write_bytes(changed)
    answer = open_clip(kept, tmp_path / "bad.sealed", tmp_path / "a.mp4")
    assert answer.returncode == 1
    assert "was changed" in answer.stderr
    assert not (tmp_path / "a.mp4").exists()


def test_a_file_that_is_there_is_never_replaced(kept: Path, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"mine")
    answer = open_clip(kept, kept / "a.sealed", tmp_path / "a.mp4")
    assert answer.returncode == 1
    assert "is there already" in answer.stderr
    assert (tmp_path / "a.mp4").read_bytes() == b"mine"


def test_the_wrong_secret_opens_nothing(kept: Path, tmp_path: Path) -> None:
    answer = open_clip(kept, kept / "a.sealed", tmp_path / "a.mp4", secret="not the secret")
    assert answer.returncode == 1
    assert "The secret does not open" in answer.stderr


def test_slots_with_an_absurd_cost_are_refused_before_any_work(kept: Path, tmp_path: Path) -> None:
    absurd = json.loads((kept / "slots.json").read_text())
    absurd[0]["kdf"]["m"] = 10 << 20
    (tmp_path / "slots.json").write_text(json.dumps(absurd))
    answer = guardian("vault", "slots", tmp_path / "slots.json")
    assert answer.returncode == 1
    assert "absurd amount of work" in answer.stderr


def test_a_roster_that_contradicts_the_one_seen_before_is_refused(kept: Path, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_bytes(vault_roster.to_json(Home("foreign").roster.entries))
    good = guardian("vault", "verify", kept / "roster.json", "--pinned", kept / "roster.json")
    assert good.returncode == 0
    fork = guardian("vault", "verify", tmp_path / "other.json", "--pinned", kept / "roster.json")
    assert fork.returncode == 1
    assert "contradicts" in fork.stderr
