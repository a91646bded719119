"""One house on the street, whose edge has a camera and an analyzer that run."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest_asyncio
import yaml
from tests.integration.tenancy.processes import run
from tests.integration.tenancy.street import House, Street, until

NOWHERE = "rtsp://127.0.0.1:9/front"


@dataclass
class Victim:
    """A house, and the processes whose configuration the tests change."""

    house: House
    camera: asyncio.subprocess.Process

    async def status(self, tier: str) -> str:
        """What `guardian status` prints on the edge or the node, its lines joined as they were folded."""
        config = self.house.edge_config if tier == "edge" else self.house.node_config
        _, said = await run(["guardian", "status", "--config", str(config)])
        return flat(said)

    async def restart_uplink(self, meanwhile: Callable[[], object]) -> None:
        """Do something while the uplink does not run."""
        uplink = self.house.uplink
        assert uplink is not None
        uplink.terminate()
        await uplink.wait()
        meanwhile()
        self.house.uplink = await self.house.edge_daemon("uplink")

    def log(self, tier: str, name: str) -> str:
        return flat(self.house.log_of(tier, name))


def flat(text: str) -> str:
    """One space between words, however a terminal's width has folded them."""
    return " ".join(text.split())


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def victim(street: Street) -> Victim:
    """Its model is a file of noise, and its camera is not there."""
    house = await street.move_in("weir")
    model = house.folder / "model.onnx"
    model.write_bytes(b"\x08\x07noise" * 400)
    configuration = yaml.safe_load(house.edge_config.read_text())
    house.edge_config.write_text(yaml.safe_dump({**configuration, "model": {"path": str(model)}}))
    house.write_camera(NOWHERE)
    camera, _ = await asyncio.gather(house.edge_daemon("camera", "front"), house.edge_daemon("analyzer"))
    with street.explained():
        await until(house.camera_view)
    return Victim(house, camera)
