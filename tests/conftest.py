"""What tests of the whole product share: footage and a detector that the project makes itself, once a run."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from tools.camera import footage
from tools.detector import build

from guardian.cli.demo.footage import Footage

# No test asserts a time: on a busy machine an example may take as long as it likes.
hypothesis.settings.register_profile("guardian", deadline=None)
hypothesis.settings.load_profile("guardian")


@contextlib.contextmanager
def _open_folder() -> Iterator[Path]:
    # Not tmp_path: as root, pytest keeps that to itself, and the demo runs as a user who may not enter it.
    folder = Path(tempfile.mkdtemp(prefix="gdn-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def made() -> Iterator[Path]:
    """What is made once a run, readable to the demo's ordinary user."""
    with _open_folder() as folder:
        yield folder


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A short path that an ordinary user may enter."""
    with _open_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def drawn_footage(made: Path) -> Path:
    """Five visits of drawn persons, two at once, in 64 s."""
    return footage.write(made / "drawn.mp4")


@pytest.fixture(scope="session")
def drawn(drawn_footage: Path) -> Footage:
    """The same, with its list of visits."""
    return Footage(drawn_footage, "drawn footage", drawn_footage.with_suffix(".json"), drawn=True)


@pytest.fixture(scope="session")
def shapes_model(made: Path) -> Path:
    """The small detector that finds them."""
    return build.write(made / "shapes.onnx")
