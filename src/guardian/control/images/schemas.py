"""Images as browsers see them."""

from pydantic import Field

from guardian.control.schemas import HEX_EXAMPLE, TIME_EXAMPLE, Hash, Hex, Message, Time, example

FILE_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.iso$"
_FILE = "guardian-0.3.0.iso"
_GENERIC = {"name": _FILE, "version": "0.3.0", "sha256": "00" * 32, "size": 2_000_000_000}
_SEED = {
    "id": HEX_EXAMPLE,
    "image": _FILE,
    "name": "Hallway box",
    "node_id": HEX_EXAMPLE,
    "file_name": "guardian-0.3.0-3f2b8c1d.iso",
    "size": 2_000_000_000,
    "sha256": "00" * 32,
    "created_at": TIME_EXAMPLE,
    "expires": TIME_EXAMPLE,
    "url": f"/api/v1/images/{HEX_EXAMPLE}/guardian-0.3.0-3f2b8c1d.iso",
}


class GenericImage(Message):
    """An image without a seed, the same for everybody."""

    model_config = example(_GENERIC)

    name: str
    version: str
    sha256: Hash
    size: int


class SeededImage(Message):
    """An image with a seed of the tenant's. `url` is there until it expires; `sha256` is of the whole."""

    model_config = example(_SEED)

    id: Hex
    image: str
    name: str
    node_id: Hex
    file_name: str
    size: int
    sha256: Hash
    created_at: Time
    expires: Time
    url: str


class Images(Message):
    """What can be had, and what was made."""

    model_config = example({"images": [_GENERIC], "seeded": [_SEED]})

    images: list[GenericImage]
    seeded: list[SeededImage]


class WifiAccess(Message):
    """A network of the household's, and its passphrase."""

    model_config = example({"ssid": "Home", "psk": "seven quiet herons"})

    ssid: str = Field(min_length=1, max_length=32)
    psk: str = Field(min_length=8, max_length=64, repr=False)


class ImageRequest(Message):
    """Which image, and what the machine made from it is told. `node_id` may be left out where there is one node.

    `fingerprint` is the SHA-256 of the first entry of the roster that the browser has verified: no seed is made for
    another household. Left out it is that of the roster kept here.
    """

    model_config = example(
        {
            "image": _FILE,
            "node_id": HEX_EXAMPLE,
            "name": "Hallway box",
            "fingerprint": "00" * 32,
            "locale": "de_DE.UTF-8",
            "timezone": "Europe/Berlin",
            "wifi": {"ssid": "Home", "psk": "seven quiet herons"},
            "unattended": False,
            "encrypt": False,
            "ssh_key": "",
        }
    )

    image: str = Field(pattern=FILE_NAME)
    node_id: Hex | None = None
    name: str = Field(min_length=1, max_length=64)
    fingerprint: Hash = ""
    locale: str = Field(default="", max_length=32)
    timezone: str = Field(default="", max_length=100)
    wifi: WifiAccess | None = None
    unattended: bool = False
    encrypt: bool = False
    ssh_key: str = Field(default="", max_length=2048)
