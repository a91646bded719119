"""What is in an image: held against CycloneDX's own schema, and against what lies in a tree."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from tools.image import sbom, uefi
from tools.releasing.wheels import hash_of

STATUS = """Package: libgomp1
Status: install ok installed
Architecture: amd64
Source: gcc-12
Version: 12.2.0-14+deb12u1
Maintainer: Debian GCC Maintainers <debian-gcc@lists.debian.org>
Description: GCC OpenMP
 more words: that look like a header

Package: linux-image-6.1.0-50-amd64
Status: install ok installed
Architecture: amd64
Version: 6.1.158-1
Maintainer: Debian Kernel Team <debian-kernel@lists.debian.org>

Package: tzdata
Status: install ok installed
Architecture: all
Version: 1:2025b-0+deb12u2

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0
"""
COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
License: GPL-3+ and Expat

Files: doc/*
License: Nobody-Knows-This
 All of its text.
"""


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """Wheels of one version for two Pythons."""
    folder = tmp_path / "release" / "wheels"
    folder.mkdir(parents=True)
    for python in ("cp311", "cp313"):
        with zipfile.ZipFile(folder / f"numpy-2.4.0-{python}-{python}-manylinux_2_28_x86_64.whl", "w") as wheel:
            wheel.writestr("numpy/__init__.py", python)
    return tmp_path / "release"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    site = "opt/guardian/releases/0.2.0/lib/python3.11/site-packages"
    files = {
        "usr/lib/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n',
        "var/lib/dpkg/status": STATUS,
        "usr/share/doc/gcc-12-base/copyright": COPYRIGHT,
        "usr/share/doc/tzdata/copyright": "This is in the public domain, License: or so.\n",
        "boot/vmlinuz-6.1.0-50-amd64": "kernel",
        f"{site}/numpy-2.4.0.dist-info/METADATA": "Name: numpy\nVersion: 2.4.0\nLicense-Expression: BSD-3-Clause\n",
        f"{site}/numpy-2.4.0.dist-info/WHEEL": "Wheel-Version: 1.0\nTag: cp311-cp311-manylinux_2_28_x86_64\n",
        f"{site}/guardian-0.2.0.dist-info/METADATA": "Name: guardian\nVersion: 0.2.0\nLicense-Expression: Apache-2.0\n",
        f"{site}/guardian-0.2.0.dist-info/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
        "usr/share/guardian/models/detector.onnx": "weights",
        f"{uefi.FOLDER}/packages": "BOOTX64.EFI shim-signed 1.51+16.1\nmmx64.efi shim-signed 1.51+16.1\n",
        f"{uefi.FOLDER}/BOOTX64.EFI": "shim",
        f"{uefi.FOLDER}/mmx64.efi": "keys",
        f"{uefi.FOLDER}/shim-signed.copyright": COPYRIGHT,
    }
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")
    # As Debian has it: one folder for packages of one source; absolute, and meant inside of the tree.
    (root / "usr/share/doc/libgomp1").symlink_to("/usr/share/doc/gcc-12-base")
    return root


@pytest.fixture
def listed(tree: Path, release: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1764000000")
    return sbom.make(tree, "edge", "0.2.0", release)


def part(listed: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [item for item in listed["components"] if item["name"] == name]
    return dict(found)


def test_the_schema_finds_it_good(listed: dict[str, Any]) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(listed)) is None


def test_the_schema_would_find_a_fault(listed: dict[str, Any]) -> None:
    part(listed, "numpy")
    listed["components"][0]["type"] = "thing"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(listed)) is not None


def test_it_is_the_same_for_the_same_tree(
    listed: dict[str, Any], tree: Path, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sbom.make(tree, "edge", "0.2.0", release) == listed
    assert listed["metadata"]["timestamp"] == "2025-11-24T16:00:00Z"
    (tree / "usr/share/guardian/models/detector.onnx").write_text("others")
    assert sbom.make(tree, "edge", "0.2.0", release)["serialNumber"] != listed["serialNumber"]


def test_it_names_what_is_installed_and_nothing_else(listed: dict[str, Any]) -> None:
    assert {item["name"] for item in listed["components"]} == {
        "debian",
        "libgomp1",
        "linux-image-6.1.0-50-amd64",
        "tzdata",
        "numpy",
        "guardian",
        "detector",
        "shim-signed",
    }
    assert part(listed, "tzdata")["purl"] == "pkg:deb/debian/tzdata@1%3A2025b-0%2Bdeb12u2?arch=all&distro=debian-12"
    assert part(listed, "numpy")["purl"] == "pkg:pypi/numpy@2.4.0"


def test_licences_are_told_where_a_machine_can_read_them(listed: dict[str, Any]) -> None:
    told = [item["license"] for item in part(listed, "libgomp1")["licenses"]]
    assert told == [{"id": "MIT"}, {"id": "GPL-3.0-or-later"}, {"name": "Nobody-Knows-This"}]
    assert "licenses" not in part(listed, "tzdata")
    assert part(listed, "numpy")["licenses"] == [{"expression": "BSD-3-Clause"}]


def test_hashes_are_those_of_the_files(listed: dict[str, Any], tree: Path, release: Path) -> None:
    def digests(name: str) -> list[str]:
        return [item["content"] for item in part(listed, name)["hashes"]]

    # Of two wheels, the one that this Python installed.
    assert digests("numpy") == [hash_of(release / "wheels/numpy-2.4.0-cp311-cp311-manylinux_2_28_x86_64.whl")]
    assert digests("linux-image-6.1.0-50-amd64") == [hash_of(tree / "boot/vmlinuz-6.1.0-50-amd64")]
    assert digests("detector") == [hash_of(tree / "usr/share/guardian/models/detector.onnx")]


def test_what_uefi_starts_is_told_file_by_file(listed: dict[str, Any], tree: Path) -> None:
    shim = part(listed, "shim-signed")
    assert shim["purl"] == "pkg:deb/debian/shim-signed@1.51%2B16.1?arch=amd64&distro=debian-12"
    assert {"id": "MIT"} in [item["license"] for item in shim["licenses"]]
    assert {item["name"]: item["hashes"][0]["content"] for item in shim["components"]} == {
        name: hash_of(tree / uefi.FOLDER / name) for name in ("BOOTX64.EFI", "mmx64.efi")
    }


def test_a_link_is_not_followed_out_of_the_tree(tree: Path, release: Path, tmp_path: Path) -> None:
    secret = tmp_path / "copyright"
    secret.write_text(COPYRIGHT.replace("Nobody-Knows-This", "Secret"), encoding="utf-8")
    place = tree / "usr/share/doc/tzdata/copyright"
    place.unlink()
    place.symlink_to(secret)
    assert "licenses" not in part(sbom.make(tree, "edge", "0.2.0", release), "tzdata")
