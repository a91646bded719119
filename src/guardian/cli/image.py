"""`guardian image`: the seed in an image for a Mini PC; written in place, shown without its secrets."""

import contextlib
import hashlib
import json
import os
import stat
import sys
import zoneinfo
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from guardian.cli.terminal import ask_secret
from guardian.common import seed, seed_image, seed_region
from guardian.common.errors import GuardianError
from guardian.common.files import read_plain, sync_directory
from guardian.common.text import plain
from guardian.common.tokens import Token

app = typer.Typer(
    help="The seed in an image for a Mini PC: whom it belongs to and how it is set up.",
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
Image = Annotated[Path, typer.Argument(metavar="IMAGE", help="An ISO or raw image, or the medium it was written to.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
_BLOCK = 1 << 20


@app.command()
def key(
    file: Annotated[Path, typer.Argument(metavar="NAME.key", help="Where the key is put; nothing may be there.")],
    as_json: AsJson = False,
) -> None:
    """Make a key that signs seeds, and print the line by which images trust it."""
    made = Ed25519PrivateKey.generate()
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as target:
            target.write(made.private_bytes_raw())
            target.flush()
            os.fsync(descriptor)
        sync_directory(file.absolute().parent)
    except OSError as error:
        raise GuardianError(
            f"{file} cannot be made: {error.strerror}.",
            reason="key_unwritable",
            hint="`guardian image public` prints the line of a key that is there.",
        ) from error
    _print_public(file, made, as_json)


@app.command()
def public(
    file: Annotated[Path, typer.Argument(metavar="NAME.key", help="A key that `guardian image key` made.")],
    as_json: AsJson = False,
) -> None:
    """Print the line by which images trust a key: what `NAME.pub` has to hold."""
    _print_public(file, _read_key(file), as_json)


def _print_public(file: Path, signer: Ed25519PrivateKey, as_json: bool) -> None:
    line = seed_image.public_line(signer.public_key().public_bytes_raw())
    typer.echo(json.dumps({"key": str(file), "public": line}) if as_json else line)


@app.command("seed")
def write_seed(
    image: Image,
    key_file: Annotated[Path, typer.Option("--key", metavar="FILE", help="The key that signs: `guardian image key`.")],
    token_stdin: Annotated[bool, typer.Option("--token-stdin", help="Read the token's line from stdin.")] = False,
    name: Annotated[str, typer.Option(help="What people call this edge.")] = "",
    fingerprint: Annotated[str, typer.Option(help="The household's: `genesis` of `guardian vault words --json`.")] = "",
    locale: Annotated[
        str, typer.Option(help="Such as de_DE.UTF-8; one that the image lacks is told of there, and C.UTF-8 taken.")
    ] = "",
    time_zone: Annotated[str, typer.Option("--time-zone", help="Such as Europe/Berlin.")] = "",
    wifi_ssid: Annotated[str, typer.Option(help="A Wi-Fi's name; its passphrase is asked for.")] = "",
    wifi_stdin: Annotated[bool, typer.Option("--wifi-stdin", help="Read the passphrase's line from stdin.")] = False,
    unattended: Annotated[bool, typer.Option(help="Install without asking: the disk found is overwritten.")] = False,
    encrypt: Annotated[bool, typer.Option(help="Encrypt the data partition to the machine's TPM 2.0.")] = False,
    ssh_key: Annotated[Path | None, typer.Option(metavar="FILE", help="A public key that may log in.")] = None,
    expires: Annotated[str, typer.Option(help="The token's end, RFC 3339; no later machine takes the seed.")] = "",
    with_hash: Annotated[bool, typer.Option("--hash", help="Print the SHA-256 of the whole image, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a seed into an image, in place. What was there of a seed before is gone.

    From stdin the token's line comes first, the passphrase's after it.
    """
    if wifi_stdin and not wifi_ssid:
        raise typer.BadParameter("--wifi-stdin is the passphrase of a Wi-Fi: name it by --wifi-ssid.")
    signer = _read_key(key_file)
    _refuse_unknown_zone(time_zone)
    if encrypt and unattended and ssh_key is None:
        typer.echo(
            "Nobody will see its recovery key: installed unattended, it is read by SSH alone (--ssh-key).", err=True
        )
    content: dict[str, Any] = {"version": 2, "token": _secret("The one-time token", token_stdin, "--token-stdin")}
    given = {
        "name": name,
        "fingerprint": fingerprint,
        "locale": locale,
        "timezone": time_zone,
        "unattended": unattended,
        "encrypt": encrypt,
        "ssh_key": _read_line(ssh_key) if ssh_key else "",
        "expires": expires,
    }
    content |= {field: value for field, value in given.items() if value}
    if wifi_ssid:
        content["wifi"] = {"ssid": wifi_ssid, "psk": _secret("The Wi-Fi's passphrase", wifi_stdin, "--wifi-stdin")}
    payload = json.dumps(content, ensure_ascii=False).encode()
    seed.refuse_expired(seed.parse(payload))
    with _opened(image, writing=True) as file:
        place = seed_region.find(file)
        _put(image, file, place, seed_region.pack(payload, place.image_id, signer))
        digest = _hash(file) if with_hash else ""
    if as_json:
        typer.echo(json.dumps({"image": place.image_id.hex()} | ({"sha256": digest} if digest else {})))
        return
    line = seed_image.public_line(signer.public_key().public_bytes_raw())
    typer.echo(f"{image} has its seed, for images that were made to trust the key {line}.")
    if digest:
        typer.echo(f"SHA-256  {digest}")


@app.command()
def wipe(image: Image) -> None:
    """Take the seed out of an image or medium, in place: it is as it was published."""
    with _opened(image, writing=True) as file:
        _put(image, file, seed_region.find(file), seed_region.empty())
    typer.echo(f"{image} has no seed.")


def _put(image: Path, file: FileIO, place: seed_region.Place, region: bytes) -> None:
    try:
        seed_image.write_region(file.fileno(), place.offset, region)
    except OSError as error:
        raise _unreadable(image, error, "written to") from error
    if _region(file, place) != region:
        raise GuardianError(
            f"{image} does not give back what was written to it.",
            reason="image_unwritable",
            hint="Take another medium.",
        )


@app.command()
def show(
    image: Image,
    key_public: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A trusted public key; may be given several times.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What an image's seed says, without its secrets. With keys: exit status 1 unless one of them signed it."""
    keys = [seed_image.read_public(path) for path in key_public or []]
    with _opened(image) as file:
        place = seed_region.find(file)
        content = seed_region.read(_region(file, place))
    told: dict[str, Any] = {"image": place.image_id.hex(), "seed": content is not None}
    if content is not None:
        signed = any(content.is_signed(place.image_id, public) for public in keys) if keys else None
        told |= {"key_id": content.key_id.hex(), "signed": signed, **describe(seed.parse(content.payload))}
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        typer.echo("\n".join(_lines(told)))
    raise typer.Exit(1 if told.get("signed") is False else 0)


def describe(found: seed.Seed) -> dict[str, Any]:
    """A seed for people and programs: of the secrets only that they are there."""
    token = Token.parse(found.token)
    return {
        "node": token.address,
        "pin": token.pin,
        "name": found.name,
        "fingerprint": found.fingerprint,
        "locale": found.locale,
        "timezone": found.timezone,
        "wifi": found.wifi.ssid if found.wifi else "",
        "unattended": found.unattended,
        "encrypt": found.encrypt,
        "ssh_key": found.ssh_key,
        "expires": found.expires,
    }


_TITLES = {
    "node": "Node",
    "pin": "Its pin",
    "name": "Name",
    "fingerprint": "Household",
    "locale": "Locale",
    "timezone": "Time zone",
    "wifi": "Wi-Fi",
    "ssh_key": "May log in",
    "expires": "Token ends",
}
_SIGNED = {None: "not looked at: name a key by --key-public", True: "holds", False: "none of the keys named"}


def _lines(told: dict[str, Any]) -> Iterator[str]:
    yield f"{'Image':<12}{told['image']}"
    if not told["seed"]:
        yield f"{'Seed':<12}none"
        return
    for field, title in _TITLES.items():
        if told[field]:
            yield f"{title:<12}{told[field]}"
    yield f"{'Unattended':<12}{'yes' if told['unattended'] else 'no'}"
    yield f"{'Encrypts':<12}{'yes' if told['encrypt'] else 'no'}"
    yield f"{'Signature':<12}{_SIGNED[told['signed']]} (key {told['key_id']})"


def _refuse_unknown_zone(name: str) -> None:
    """A machine would go on in UTC: it does not know it either."""
    if not name:
        return
    known = zoneinfo.available_timezones()
    # None where this computer has no list of them.
    if known and name not in known:
        raise GuardianError(
            f"There is no time zone {plain(name)[:40]!r}.",
            reason="zone_unknown",
            hint="`timedatectl list-timezones` lists them.",
        )


def _secret(what: str, stdin: bool, option: str) -> str:
    if not stdin:
        try:
            return ask_secret(what)
        except GuardianError as error:
            raise GuardianError(
                error.sentence, reason=error.reason, hint=f"A program hands it over with {option}."
            ) from error
    line = sys.stdin.readline(4096).rstrip("\r\n")
    if not line:
        raise GuardianError(
            f"{what} was not on stdin.", reason="secret_unreadable", hint="Hand over one line for each --…-stdin."
        )
    return line


def _read_key(path: Path) -> Ed25519PrivateKey:
    try:
        return Ed25519PrivateKey.from_private_bytes(read_plain(path, 4096, follow=True))
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValueError:
        raise GuardianError(
            f"{path} is not a key that signs seeds.",
            reason="key_malformed",
            hint="`guardian image key NAME.key` makes one.",
        ) from None


def _read_line(path: Path) -> str:
    try:
        return read_plain(path, 4096, follow=True).decode("utf-8").strip()
    except OSError as error:
        raise _unreadable(path, error) from error
    except UnicodeDecodeError:
        raise GuardianError(f"{path} is not a public key.", reason="key_malformed") from None


@contextlib.contextmanager
def _opened(path: Path, *, writing: bool = False) -> Iterator[FileIO]:
    try:
        # Nobody's pipe is waited for.
        flags = (os.O_RDWR if writing else os.O_RDONLY) | os.O_NONBLOCK | os.O_CLOEXEC
        file = FileIO(os.open(path, flags), "r+b" if writing else "rb")
    except OSError as error:
        raise _unreadable(path, error, "written to" if writing else "read") from error
    with file:
        kind = os.fstat(file.fileno()).st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISBLK(kind)):
            raise GuardianError(f"{path} is neither a file nor a disk.", reason="image_unreadable")
        try:
            _refuse_other_forms(path, os.pread(file.fileno(), 4, 0))
            yield file
        except OSError as error:
            raise _unreadable(path, error) from error


def _refuse_other_forms(path: Path, beginning: bytes) -> None:
    """What was published beside them, and has no place for a seed as it is."""
    if beginning == b"\x28\xb5\x2f\xfd":
        raise GuardianError(
            f"{path} is compressed.", reason="image_compressed", hint=f"Unpack it first: zstd -d {path.name}"
        )
    if beginning == b"QFI\xfb":
        raise GuardianError(
            f"{path} is a virtual machine's disk.",
            reason="image_virtual",
            hint="Its seed is handed over by the hypervisor (docs/operations.md).",
        )


def _region(file: FileIO, place: seed_region.Place) -> bytes:
    return os.pread(file.fileno(), seed_region.SIZE, place.offset)


def _hash(file: FileIO) -> str:
    digest, position = hashlib.sha256(), 0
    while data := os.pread(file.fileno(), _BLOCK, position):
        digest.update(data)
        position += len(data)
    return digest.hexdigest()


def _unreadable(path: Path, error: OSError, done: str = "read") -> GuardianError:
    return GuardianError(f"{path} cannot be {done}: {error.strerror}.", reason="image_unreadable")
