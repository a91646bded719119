"""`guardian status` and `guardian doctor`, asking real health sockets."""

import asyncio
import contextlib
import json
import os
import socket
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.vectors.household import Home
from typer.testing import CliRunner, Result

from guardian.cli.doctor.command import app as doctor_app
from guardian.cli.status import app as status_app
from guardian.common import tls
from guardian.common.failures import note
from guardian.common.health import Health, HealthServer
from guardian.vault import roster as vault_roster


@pytest.fixture
def run_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="gs-") as folder:
        yield Path(folder)


def socket_of(run_dir: Path, daemon: str, name: str = "health.sock") -> Path:
    (run_dir / daemon).mkdir()
    return run_dir / daemon / name


def as_stranger(*command: Any) -> str:
    """What `guardian status` says to a user who is in no group of ours."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
        os.write(writing, status(*command).output.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as output:
        return output.read().decode()


@contextmanager
def serving(run_dir: Path, *healths: Health) -> Iterator[None]:
    """Daemons' health sockets, each as the daemon itself would serve it."""
    loop = asyncio.new_event_loop()
    servers = [HealthServer(health, run_dir / health.service / "health.sock") for health in healths]

    async def serve() -> None:
        await asyncio.gather(*(server.serve() for server in servers))

    async def opened() -> None:
        await asyncio.gather(*(server.open.wait() for server in servers))

    def run() -> None:
        loop.run_until_complete(serve())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(opened(), loop).result(30)
        yield
    finally:
        for server in servers:
            loop.call_soon_threadsafe(server.stop)
        thread.join()
        loop.close()


def status(*arguments: str | Path) -> Result:
    return CliRunner().invoke(status_app, list(map(str, arguments)), env={"COLUMNS": "160"})


def well(name: str, line: str = "all quiet") -> Health:
    health = Health(name)
    health.ready, health.status = True, line
    health.set("store", "ok", "The store is open.")
    return health


def state_of_an_edge(folder: Path, home: Home) -> Path:
    """identity/ and uplink/ as enrolment and uplink leave them, and an edge.yaml beside."""
    identity = folder / "identity"
    identity.mkdir(parents=True)
    (identity / "identity.json").write_text(
        json.dumps({"tenant": "t", "edge": home.edge.id, "name": "Hall", "gateway": "g:1"})
    )
    for name, seed in zip(("sign.key", "receive.key"), home.edge_keys.seeds(), strict=True):
        (identity / name).write_bytes(seed)
        (identity / name).chmod(0o600)
    key, authority = tls.new_key(), tls.Authority.create("x")
    (identity / "tls.key").write_bytes(tls.key_pem(key))
    (identity / "tls.key").chmod(0o600)
    (identity / "tls.pem").write_bytes(tls.cert_pem(authority.issue_client(key.public_key(), "guardian://t/edge/e")))
    (folder / "uplink").mkdir()
    (folder / "uplink" / "roster.json").write_bytes(vault_roster.to_json(home.roster.entries))
    (folder / "cameras").mkdir()
    return folder


def edge_yaml(folder: Path, run_dir: Path, **more: Any) -> Path:
    path = folder / "edge.yaml"
    whole = {"state_dir": str(folder), "run_dir": str(run_dir), "cameras_dir": str(folder / "cameras")} | more
    path.write_text(yaml.safe_dump(whole))
    return path


def test_all_is_well_and_the_camera_says_what_it_does(run_dir: Path) -> None:
    with serving(run_dir, well("camera@front", "15.0 fps, recording"), well("gateway")):
        answer = status("--run-dir", run_dir)
    assert answer.exit_code == 0
    for text in ("Edge", "camera@front", "15.0 fps, recording", "Node", "gateway", "all quiet"):
        assert text in answer.output


def test_what_is_wrong_stands_under_its_daemon_with_sentence_and_reason(run_dir: Path) -> None:
    camera = well("camera@front")
    camera.set("camera", "degraded", "The camera [front] refuses this password.", reason="password_refused")
    with serving(run_dir, camera, well("uplink")):
        answer = status("--run-dir", run_dir)
    assert answer.exit_code == 1
    assert "The camera [front] refuses this password. (password_refused)" in answer.output


def test_a_killed_daemon_is_not_taken_for_one_that_was_never_there(run_dir: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(socket_of(run_dir, "relay")))
    with serving(run_dir, well("gateway")):
        answer = status("--run-dir", run_dir)
    assert answer.exit_code == 2
    assert "it was killed" in answer.output


def test_a_daemon_that_accepts_and_says_nothing_is_told_from_a_dead_one(run_dir: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(socket_of(run_dir, "relay")))
        silent.listen()
        answer = status("--run-dir", run_dir)
    assert answer.exit_code == 2
    assert "It did not answer within" in answer.output


def test_an_answer_without_end_is_read_no_further(run_dir: Path) -> None:
    sent = 0

    def flood(taken: socket.socket) -> None:
        nonlocal sent
        with taken, contextlib.suppress(OSError):
            taken.recv(4096)
            taken.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
            while sent < 64 << 20:
                sent += taken.send(b" " * 65536)

    with socket.socket(socket.AF_UNIX) as endless:
        endless.bind(str(socket_of(run_dir, "relay")))
        endless.listen()
        thread = threading.Thread(target=lambda: flood(endless.accept()[0]))
        thread.start()
        answer = status("--run-dir", run_dir)
        thread.join(10)
    assert answer.exit_code == 2
    assert "no health report" in answer.output
    assert 1 << 20 < sent < 8 << 20


def test_sockets_that_speak_other_protocols_are_left_alone(run_dir: Path) -> None:
    with socket.socket(socket.AF_UNIX) as frames:
        frames.bind(str(socket_of(run_dir, "analyzer", "frames.sock")))
        frames.listen()
        frames.setblocking(False)
        with serving(run_dir, well("analyzer")):
            assert status("--run-dir", run_dir).exit_code == 0
        with pytest.raises(BlockingIOError):
            frames.accept()


def test_where_nothing_runs_it_says_so_and_how_to_go_on(run_dir: Path) -> None:
    answer = status("--run-dir", run_dir)
    assert answer.exit_code == 3
    assert "Nothing runs here" in answer.output
    assert "make demo" in answer.output


def test_an_edge_with_a_household_shows_the_words_to_compare(run_dir: Path, tmp_path: Path) -> None:
    home = Home()
    config = edge_yaml(state_of_an_edge(tmp_path, home), run_dir)
    words = " ".join(home.roster.edge_words(home.edge_keys.sign_public, home.edge_keys.receive_public))
    with serving(run_dir, well("uplink")):
        answer = status("--config", config, "--run-dir", run_dir, "--json")
        shown = status("--config", config)
    report = json.loads(answer.output)
    assert (report["words"], report["state"], len(report["daemons"])) == (words, "ok", 1)
    assert report["households"][0]["confirmed"]
    assert words in shown.output


def test_on_a_host_the_words_need_no_private_key(run_dir: Path, tmp_path: Path) -> None:
    # There the private keys are credentials of the daemons: nobody could compare words before the edge was confirmed.
    home = Home()
    config = edge_yaml(state_of_an_edge(tmp_path, home), run_dir)
    keys = home.edge_keys
    for name in ("sign.key", "receive.key"):
        (tmp_path / "identity" / name).unlink()
    public = {"sign": keys.sign_public.hex(), "receive": keys.receive_public.hex()}
    (tmp_path / "identity" / "public.json").write_text(json.dumps(public))
    with serving(run_dir, well("uplink")):
        report = json.loads(status("--config", config, "--json").output)
    assert report["words"] == " ".join(home.roster.edge_words(keys.sign_public, keys.receive_public))


def test_a_roster_that_was_tampered_with_is_a_fault(run_dir: Path, tmp_path: Path) -> None:
    config = edge_yaml(state_of_an_edge(tmp_path, Home()), run_dir)
    path = tmp_path / "uplink" / "roster.json"
    rows = json.loads(path.read_text())
    rows["entries"][1], rows["entries"][2] = rows["entries"][2], rows["entries"][1]
    path.write_text(json.dumps(rows))
    with serving(run_dir, well("uplink")):
        answer = status("--config", config)
    assert answer.exit_code == 2
    assert "does not continue the one before" in answer.output


def examine(config: Path) -> dict[str, list[tuple[str, str, str]]]:
    answer = CliRunner().invoke(doctor_app, ["--config", str(config), "--json"])
    found: dict[str, list[tuple[str, str, str]]] = {}
    for item in json.loads(answer.output)["findings"]:
        found.setdefault(item["check"], []).append((item["verdict"], item["sentence"], item["fix"]))
    return found


def test_the_doctor_finds_nothing_wrong_with_a_healthy_edge(run_dir: Path, tmp_path: Path) -> None:
    state = state_of_an_edge(tmp_path, Home())
    (state / "cameras" / "front.yaml").write_text(yaml.safe_dump({"name": "Front", "path": "rtsp://127.0.0.1/x"}))
    with serving(run_dir, well("uplink"), well("camera@front")):
        found = examine(edge_yaml(state, run_dir))
    for check in ("config", "identity", "certificate", "clock", "roster", "daemons"):
        assert [verdict for verdict, _, _ in found[check]] == ["good"], found[check]


def test_each_thing_that_is_wrong_has_a_sentence_and_a_remedy(run_dir: Path, tmp_path: Path) -> None:
    state = state_of_an_edge(tmp_path, Home())
    (state / "identity" / "sign.key").chmod(0o644)
    (state / "identity" / "tls.pem").write_text("no certificate")
    (state / "uplink" / "roster.json").write_text("{}")
    found = examine(edge_yaml(state, run_dir, detect={"fsp": 5}))
    assert 'did you mean "fps"?' in found["config"][0][1]
    assert "0644" in found["identity"][0][1]
    for check in ("config", "identity", "certificate", "roster"):
        assert found[check][0][0] == "bad"
        assert found[check][0][2]
    assert found["daemons"][0][0] == "doubtful"
    assert stat.S_IMODE((state / "identity" / "sign.key").stat().st_mode) == 0o644


def test_a_camera_file_that_cannot_be_used_is_found(run_dir: Path, tmp_path: Path) -> None:
    state = state_of_an_edge(tmp_path, Home())
    (state / "cameras" / "front.yaml").write_text(yaml.safe_dump({"name": "Front", "path": "http://u:pw@cam/x"}))
    faults = [sentence for verdict, sentence, _ in examine(edge_yaml(state, run_dir))["config"] if verdict == "bad"]
    assert len(faults) == 1
    assert "rtsp://" in faults[0]
    assert "pw" not in faults[0]


def test_other_people_of_the_machine_may_not_ask_a_daemon(run_dir: Path):
    with serving(run_dir, well("uplink")):
        assert stat.S_IMODE((run_dir / "uplink").stat().st_mode) == 0o750


def test_what_failed_today_is_shown_with_its_last_words(run_dir: Path, tmp_path: Path):
    config = edge_yaml(tmp_path, run_dir)
    for lines in (["It hums."], ["The disk is full."]):
        note.write(tmp_path / "failures", "guardian-relay.service", result="exit-code", status="status 1", lines=lines)
    with serving(run_dir, well("uplink")):
        shown = status("--config", config).output
        told = json.loads(status("--config", config, "--json").output)
    sentence = "guardian-relay.service ended with an error (status 1); its last words: The disk is full."
    assert f"{sentence} (2 times in all)" in shown
    assert [(item["count"], item["sentence"]) for item in told["failures"]] == [(2, sentence)]


def test_who_may_not_ask_is_told_so_instead_of_that_nothing_runs(run_dir: Path):
    (run_dir / "uplink").mkdir(mode=0)
    run_dir.chmod(0o755)
    assert "You may not ask it" in as_stranger("--run-dir", run_dir)
    run_dir.chmod(0)
    assert "You may not look into" in as_stranger("--run-dir", run_dir)
    run_dir.chmod(0o700)


def test_a_strangers_words_are_no_commands_to_the_terminal(run_dir: Path):
    """A node's refusal is shown on the edge as the node worded it."""
    health = well("uplink", "\x1b]0;mine\x07 [red]busy[/]")
    health.set("node", "degraded", "\x1b[2J\x9b31m\u202eevil [bold]words[/]", reason="\x1b[0m")
    with serving(run_dir, health):
        for answer in (status("--run-dir", run_dir), status("--run-dir", run_dir, "--json")):
            shown = answer.stdout
            assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(shown)
            assert "\\u001b" not in shown
            assert "[red]busy[/]" in shown
