"""A machine in QEMU, without acceleration: what it says on its serial line is read, and it can be typed at."""

import base64
import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tools.lab import keeper

OVMF = Path("/usr/share/OVMF")
_OPEN = ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd")
_NOISE = re.compile(rb"\x1b\[[0-9;?=]*[a-zA-Z]|\r")


class Silent(Exception):
    """A machine did not say what was expected of it."""


@dataclass(frozen=True)
class Drive:
    """A disk of it; `bus` is virtio, nvme, sata or usb: a stick; `format` raw or qcow2."""

    path: Path
    bus: str = "virtio"
    format: str = "raw"


@dataclass
class Machine:
    """Runs between `with` and its end. `folder` keeps serial.log; it may be used again for the next start.

    `firmware` is uefi, bios, or secure: UEFI that starts nothing but what Microsoft signed.

    `network` are QEMU's own words; `space` is the network namespace it runs in, '' for this one.
    """

    folder: Path
    drives: list[Drive]
    firmware: str = "uefi"
    memory: int = 2048
    network: list[str] = field(default_factory=lambda: ["-nic", "none"])
    space: str = ""
    # What the hypervisor hands over: systemd's credentials by name, in the machine's SMBIOS table.
    credentials: dict[str, bytes] = field(default_factory=dict)
    # The state of its TPM 2.0, a folder; None: it has none.
    tpm: Path | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._line = self.folder / "serial.sock"
        self.log = self.folder / "serial.log"
        for path in (self._line, self.log):
            path.unlink(missing_ok=True)
        if self.tpm is not None:
            self._start_tpm(self.tpm)
        with (self.folder / "qemu.log").open("wb") as complaints:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                preexec_fn=keeper.dies_with_parent(),  # noqa: PLW1509 - we have one thread
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        if self.tpm is not None:
            # It goes when its machine does, after it wrote down its state.
            self._tpm.wait(30)

    def said(self) -> str:
        """All it said so far, without what only moves a cursor."""
        data = self.log.read_bytes() if self.log.exists() else b""
        return _NOISE.sub(b"", data).decode("utf-8", "replace")

    def expect(self, *words: str, seconds: float = 600, after: int = 0) -> str:
        """Wait for one of these, behind the first `after` characters it said; which it was.

        Raises:
            Silent: it ended, or too much time went by, without.
        """
        end = time.monotonic() + seconds
        while True:
            ended = self._process.poll() is not None
            said = self.said()[after:]
            for word in words:
                if word in said:
                    return word
            if ended or time.monotonic() > end:
                why = "it ended" if ended else f"{seconds:.0f} s went by"
                raise Silent(f"{why} without any of {words}:\n{said[-3000:]}{self._complaints()}")
            time.sleep(0.5)

    def ends(self, seconds: float = 120) -> None:
        """Wait until it switched itself off or restarted: it starts no second time by itself."""
        self._process.wait(seconds)

    def types(self, text: str) -> None:
        """On its serial line."""
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self._line))
            line.sendall(text.encode())
            time.sleep(0.5)

    def _start_tpm(self, state: Path) -> None:
        """A TPM of its own process, which ends with its machine, or with us."""
        state.mkdir(parents=True, exist_ok=True)
        place = self.folder / "tpm.sock"
        place.unlink(missing_ok=True)
        words = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--ctrl", f"type=unixio,path={place}"]
        with (self.folder / "tpm.log").open("wb") as complaints:
            self._tpm = subprocess.Popen(
                [*words, "--terminate"],
                stdin=subprocess.DEVNULL,
                stdout=complaints,
                stderr=complaints,
                preexec_fn=keeper.dies_with_parent(),  # noqa: PLW1509 - we have one thread
            )
        while not place.exists():
            if self._tpm.poll() is not None:
                raise Silent(f"swtpm ended: {(self.folder / 'tpm.log').read_text(errors='replace')}")
            time.sleep(0.05)

    def _complaints(self) -> str:
        with contextlib.suppress(OSError):
            return (self.folder / "qemu.log").read_text(errors="replace")[-1000:]
        return ""

    def _command(self) -> list[str]:
        inside = ["ip", "netns", "exec", self.space] if self.space else []
        secure = self.firmware == "secure"
        machine = "q35,smm=on" if secure else "q35"
        words = [*inside, "qemu-system-x86_64", "-M", machine, "-accel", "tcg,thread=multi,tb-size=1024", "-cpu", "max"]
        words += ["-m", str(self.memory), "-smp", "2", "-display", "none", "-no-reboot", *self.network]
        words += ["-chardev", f"socket,id=line,path={self._line},server=on,wait=off,logfile={self.log}"]
        words += ["-serial", "chardev:line", "-device", "qemu-xhci"]
        if self.tpm is not None:
            words += ["-chardev", f"socket,id=tpm,path={self.folder / 'tpm.sock'}"]
            words += ["-tpmdev", "emulator,id=tpm,chardev=tpm", "-device", "tpm-crb,tpmdev=tpm"]
        for name, secret in self.credentials.items():
            text = base64.b64encode(secret).decode("ascii")
            words += ["-smbios", f"type=11,value=io.systemd.credential.binary:{name}={text}"]
        if self.firmware != "bios":
            code, fresh = ("OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.ms.fd") if secure else _OPEN
            variables = self.folder / "variables.fd"
            if not variables.exists():
                shutil.copyfile(OVMF / fresh, variables)
            for path, mode in ((OVMF / code, ",readonly=on"), (variables, "")):
                words += ["-drive", f"if=pflash,format=raw,file={path}{mode}"]
        if secure:
            # Without it a system could write what firmware trusts.
            words += ["-global", "driver=cfi.pflash01,property=secure,value=on"]
        for number, drive in enumerate(self.drives):
            words += ["-drive", f"if=none,id=d{number},file={drive.path},format={drive.format},cache=unsafe"]
            device = {"virtio": "virtio-blk-pci", "nvme": "nvme,serial=gdn", "sata": "ide-hd", "usb": "usb-storage"}
            more = ",removable=on" if drive.bus == "usb" else ""
            words += ["-device", f"{device[drive.bus]},drive=d{number},bootindex={number}{more}"]
        return words


def empty(path: Path, size: int) -> Path:
    """A disk with nothing on it, of `size` bytes; the file is sparse."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)
    return path


def copy(source: Path, target: Path) -> Path:
    """A stick to write to: a copy that shares its blocks where the file system can."""
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "--reflink=auto", "--sparse=always", str(source), str(target)], check=True)
    os.utime(target)
    return target
