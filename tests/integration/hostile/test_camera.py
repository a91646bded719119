"""A camera that fails, each way a house meets: the sentence is in the edge's log, in `guardian status` and in the API.

How the camera daemon tells them apart is in `tests/integration/camera/test_faults.py`; here it goes to the owner.
"""

import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.camera.support import SimulatedCamera
from tests.integration.hostile.conftest import Victim
from tests.integration.tenancy.street import until
from tools.camera import footage
from tools.camera.prepare import prepare

from guardian.edge.camera.faults import CameraFault


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two, of different picture sizes."""
    folder = tmp_path_factory.mktemp("films")
    walk = [footage.Walk(0.0, 6.0, footage.GREEN, 0.5)]
    sizes = ((320, 192), (480, 272))
    made = [
        footage.write(folder / f"{width}.mp4", walk, 6.0, width=width, height=height, fps=10, b_frames=0)
        for width, height in sizes
    ]
    first, second = (prepare(film, folder / "films") for film in made)
    return first, second


@pytest.fixture
def camera(films: tuple[Path, Path]) -> Iterator[SimulatedCamera]:
    made = SimulatedCamera("--user", "eve", "--password", "right", f"front={films[0]}")
    yield made
    made.kill()


@pytest.fixture
def web_server() -> Iterator[int]:
    """Something at the address, and no camera."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        done = threading.Event()

        def serve() -> None:
            while not done.is_set():
                try:
                    peer, _ = server.accept()
                except TimeoutError:
                    continue
                with peer:
                    peer.recv(1000)
                    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        done.set()
        thread.join()


async def point_at(victim: Victim, address: str) -> None:
    """Write the camera's file and have its daemon read it again."""
    victim.house.write_camera(address)
    victim.camera.send_signal(signal.SIGHUP)


async def follow(victim: Victim, reason: str) -> None:
    """The sentence of a reason arrives everywhere it should, and no address or password with it."""
    sentence = str(CameraFault(reason))

    async def shown() -> bool:
        return bool((await victim.house.camera_view())["reason"] == reason)

    with victim.house.street.explained():
        await until(shown)
    view = await victim.house.camera_view()
    assert view["sentence"] == sentence
    assert view["state"] in {"failed", "degraded"}
    log, status = victim.log("edge", "camera@front"), await victim.status("edge")
    assert sentence in log
    assert sentence in status
    assert not any(word in log + status + str(view) for word in ("rtsp://", "wr0ng", "eve:"))


async def well(victim: Victim) -> None:
    async def shown() -> bool:
        view = await victim.house.camera_view()
        return bool(view["fps"]) and view["reason"] not in {"frozen", "gone", "refused", "connecting"}

    with victim.house.street.explained():
        await until(shown)


async def test_a_camera_that_cannot_be_opened_is_told_to_its_owner_with_what_to_do(
    victim: Victim, camera: SimulatedCamera, web_server: int
):
    cases = {
        "password_refused": f"rtsp://eve:wr0ng@127.0.0.1:{camera.port}/front",
        "no_route": "rtsp://camera.invalid/front",
        "not_a_camera": f"rtsp://127.0.0.1:{web_server}/front",
        "not_found": f"rtsp://eve:right@127.0.0.1:{camera.port}/back",
    }
    for reason, address in cases.items():
        await point_at(victim, address)
        await follow(victim, reason)


async def test_a_camera_that_changes_freezes_or_goes_away_is_told_to_its_owner(
    victim: Victim, camera: SimulatedCamera, films: tuple[Path, Path]
):
    await point_at(victim, f"rtsp://eve:right@127.0.0.1:{camera.port}/front")
    await well(victim)
    # Another picture size is no fault: recording goes on, and the log says why there is another clip.
    camera.command(f"switch front {films[1]}")

    async def larger() -> bool:
        return bool((await victim.house.camera_view())["width"] == 480)

    with victim.house.street.explained():
        await until(larger)
    assert str(CameraFault("resolution_changed")) in victim.log("edge", "camera@front")
    camera.command("freeze")
    await follow(victim, "frozen")
    camera.command("resume")
    await well(victim)
    camera.kill()
    await follow(victim, "refused")
    assert "camera_fault" in victim.log("edge", "camera@front")
    camera.start()
    await well(victim)
