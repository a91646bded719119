"""Films and folders for the camera tests."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.integration.camera.support import EdgeFolders, SimulatedCamera
from tools.camera import footage
from tools.camera.prepare import prepare

# One visit from 4 s to 6 s in ten seconds that repeat.
VISIT = footage.Walk(4.0, 2.0, footage.RED, 0.5)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small footage with B-frames."""
    folder = tmp_path_factory.mktemp("footage")
    return footage.write(folder / "visit.mp4", [VISIT], 10.0, width=320, height=192, fps=10)


@pytest.fixture(scope="session")
def film(drawn: Path) -> Path:
    """It, for the simulated camera."""
    return prepare(drawn, drawn.parent / "films")


@pytest.fixture(scope="session")
def other_film(drawn: Path) -> Path:
    """Another picture size, restless all the time."""
    walks = [footage.Walk(0.0, 6.0, footage.GREEN, 0.5)]
    made = footage.write(drawn.parent / "other.mp4", walks, 6.0, width=480, height=272, fps=10, b_frames=0)
    return prepare(made, drawn.parent / "films")


@pytest.fixture
def run_dir() -> Iterator[Path]:
    """A short path: Unix sockets allow 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="gdn-") as folder:
        yield Path(folder)


@pytest.fixture
def folders(tmp_path: Path, run_dir: Path) -> EdgeFolders:
    """An enrolled edge of a household that knows it."""
    return EdgeFolders(tmp_path / "edge", run_dir)


@pytest.fixture
def simulate() -> Iterator[Callable[..., SimulatedCamera]]:
    """Starts simulated cameras, and ends them."""
    made: list[SimulatedCamera] = []

    def start(*arguments: str) -> SimulatedCamera:
        made.append(SimulatedCamera(*arguments))
        return made[-1]

    yield start
    for camera in made:
        camera.kill()
