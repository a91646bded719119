"""`guardian camera check` takes a good file, and names what is wrong with another without showing its secret."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from guardian.cli.camera import app
from guardian.common.errors import ConfigError


@pytest.fixture
def edge(tmp_path: Path) -> Path:
    path = tmp_path / "edge.yaml"
    path.write_text("log_level: info\n", encoding="utf-8")
    return path


def check(edge: Path, text: str) -> tuple[int, str]:
    # As ansible names it: not by the camera's id.
    file = edge.parent / ".ansible_tmp_x1front.yaml"
    file.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(app, ["check", "--config", str(edge), str(file)])
    if isinstance(result.exception, ConfigError):
        return 1, str(result.exception)
    return result.exit_code, result.output


def test_a_good_file(edge: Path) -> None:
    status, said = check(edge, "name: Front\npath: rtsp://192.0.2.1/stream\ndetect: {fps: 2}\n")
    assert status == 0
    assert said.strip().endswith("good")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("name: Front\npath: http://u:sesame@192.0.2.1/\n", "path: "),
        ("name: Front\npath: rtsp://192.0.2.1/\ndetect: {fsp: 2}\n", 'did you mean "fps"'),
        ("name: Front\npath: rtsp://192.0.2.1/\npassword_credential: camera.front\n", "needs a user"),
        ("path: rtsp://192.0.2.1/\n", "name: "),
    ],
)
def test_a_wrong_one_is_refused_in_words(edge: Path, text: str, fault: str) -> None:
    status, said = check(edge, text)
    assert status == 1
    assert fault in said
    assert "sesame" not in said
