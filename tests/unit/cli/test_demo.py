"""`guardian demo` on what it cannot work with: a sentence before anything is started."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the demo's user may enter, should root run the tests."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("guardian")), "demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def told(answer: subprocess.CompletedProcess[str]) -> str:
    """What was printed, its lines joined as they were folded; a traceback is no answer."""
    assert answer.returncode == 1
    assert "Traceback" not in answer.stdout + answer.stderr
    return " ".join(answer.stdout.split())


def test_a_folder_that_cannot_be_written_is_named(place: Path) -> None:
    (place / "file").touch()
    said = told(demo("--state-dir", str(place / "file" / "demo")))
    assert "cannot keep its state in" in said
    assert "--state-dir" in said


@pytest.mark.parametrize("content", [b"", b"no film at all\n" * 99])
def test_a_video_that_is_none_is_told_before_the_house_is_started(place: Path, content: bytes) -> None:
    video = place / "film.mp4"
    video.write_bytes(content)
    said = told(demo("--state-dir", str(place / "demo"), "--video", str(video)))
    assert "film.mp4 cannot be played as a camera's film" in said
    assert "control plane" not in said


def test_a_video_that_is_not_there_is_named(place: Path) -> None:
    assert "There is no video file" in told(demo("--state-dir", str(place / "d"), "--video", str(place / "x.mp4")))
