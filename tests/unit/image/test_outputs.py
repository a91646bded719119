"""The files of an image: what vouches for them is what the programs that people have can check."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tools.image import outputs, progress
from tools.image.slot import Slot
from tools.lab.places import Refused

GOOD = "guardian-edge.iso"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (GOOD, "guardian-edge.qcow2"):
        (tmp_path / name).write_bytes(name.encode() * 100)
    return tmp_path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    assert shutil.which("minisign"), "minisign is missing: apt-get install minisign"
    command = ["minisign", "-G", "-W", "-p", str(tmp_path / "key.pub"), "-s", str(tmp_path / "key")]
    subprocess.run(command, check=True, capture_output=True)
    return tmp_path / "key"


def sums(folder: Path) -> Path:
    return outputs.sums([folder / "guardian-edge.qcow2", folder / GOOD], folder)


def checked(folder: Path) -> bool:
    command = ["sha256sum", "--check", "--strict", "--quiet", outputs.SUMS]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def verified(folder: Path, key: Path) -> bool:
    command = ["minisign", "-V", "-m", outputs.SUMS, "-p", f"{key}.pub"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def test_the_checksums_find_a_file_that_was_changed(folder: Path) -> None:
    listed = sums(folder)
    assert [line.split("  ")[1] for line in listed.read_text().splitlines()] == [GOOD, "guardian-edge.qcow2"]
    assert checked(folder)
    (folder / GOOD).write_bytes(b"another")
    assert not checked(folder)


def test_the_signature_is_of_these_checksums_and_of_this_key(folder: Path, key: Path, tmp_path: Path) -> None:
    listed = sums(folder)
    outputs.sign(listed, key, "guardian-edge 0.2.0")
    assert verified(folder, key)
    listed.write_text(listed.read_text().replace("0", "1"))
    assert not verified(folder, key)


def test_a_signature_of_what_was_there_before_does_not_stay(folder: Path, key: Path) -> None:
    signed = outputs.sign(sums(folder), key, "old")
    sums(folder)
    assert not signed.exists()


@pytest.mark.parametrize("content", ["", "untrusted comment: no key\nAAAA\n"])
def test_what_is_no_key_is_refused_in_words(folder: Path, tmp_path: Path, content: str) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text(content)
    with pytest.raises(Refused, match="without a passphrase"):
        outputs.sign(sums(folder), wrong, "x")
    assert not (folder / outputs.SIGNATURE).exists()


def test_a_raw_image_comes_back_whole_from_both_of_its_forms(tmp_path: Path) -> None:
    raw = tmp_path / "disk.raw"
    with raw.open("wb") as file:
        file.truncate(64 << 20)
        file.seek(5 << 20)
        file.write(bytes(range(256)) * 1000)
    nothing = Slot(raw, raw, raw)
    made = outputs.Made("node", "0.2.0", "", tmp_path, tmp_path, nothing, tmp_path, raw, level=3)
    by_ending = {output.ending: output for output in outputs.of("node")}
    for ending in (".raw.zst", ".qcow2"):
        by_ending[ending].make(made, tmp_path / f"out{ending}")
    back = [tmp_path / "zst.raw", tmp_path / "qcow2.raw"]
    subprocess.run(["zstd", "-q", "-d", str(tmp_path / "out.raw.zst"), "-o", str(back[0])], check=True)
    convert = ["qemu-img", "convert", "-O", "raw", str(tmp_path / "out.qcow2"), str(back[1])]
    subprocess.run(convert, check=True)
    assert [path.read_bytes() == raw.read_bytes() for path in back] == [True, True]
    assert (tmp_path / "out.qcow2").stat().st_size < 2 << 20


def test_a_node_has_no_installer_and_no_two_files_have_one_name() -> None:
    edge, node = ([output.ending for output in outputs.of(tier)] for tier in ("edge", "node"))
    assert ".iso" in edge and ".iso" not in node and ".qcow2" in node
    assert len(set(edge)) == len(edge)


def test_the_table_has_a_line_for_each_file(folder: Path) -> None:
    lines = outputs.table([(folder / GOOD, "the installer"), (folder / "guardian-edge.qcow2", "a disk")]).splitlines()
    assert len({line.index(word) for line, word in zip(lines, ("the installer", "a disk"), strict=True)}) == 1
    assert all(" MB  guardian-edge." in line for line in lines)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"[=====|     ] 1200/2400  50%\r[=====] 60%", 60),
        (b"    (12.34/100%)\r", 12),
        (b"xorriso : UPDATE :  99.95% done", 99),
        (b"no percents here", None),
    ],
)
def test_percents_are_understood_as_programs_write_them(said: bytes, told: int | None) -> None:
    assert progress.percent(said) == told


def test_a_program_that_fails_is_told_in_its_own_words() -> None:
    with pytest.raises(Refused, match="no room left"):
        progress.run(sys.executable, "-c", "import sys; print('no room left'); sys.exit(3)")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            b"TASK [base : Set the time zone] ****\nok: [image]\nTASK [edge : Write the cameras] **\n",
            "edge : Write the cameras",
        ),
        (b"    qemu.debian: TASK [Gathering Facts] ****\n    qemu.debian: ok: [image]", "Gathering Facts"),
        (b"PLAY [Bake an edge] ****\n", ""),
    ],
)
def test_of_a_play_the_task_in_hand_is_told(tmp_path: Path, said: bytes, told: str) -> None:
    (tmp_path / "log").write_bytes(b"x" * 100_000 + said)
    assert progress.task(tmp_path / "log") == told
    assert progress.task(tmp_path / "none") == ""


def test_a_play_is_followed_to_its_end(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    log = tmp_path / "log"
    log.write_bytes(b"TASK [edge : Write the cameras] ***\n")
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read(); sys.exit(3)"], stdin=subprocess.PIPE
    ) as play:
        assert play.stdin is not None
        play.stdin.close()
        assert progress.follow(play, log) == 3
    assert capfd.readouterr().out.strip("\b ").startswith("edge : Write the cameras")


def test_on_a_terminal_the_percents_move(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    # A program that tells its percents to a terminal alone, as most do.
    program = "import sys\nif sys.stdout.isatty():\n print(' 7%\\r 42%')"
    progress.run(sys.executable, "-c", program)
    assert " 42 %\b" in capfd.readouterr().out
