"""What is in an image: a bill of materials as CycloneDX writes it. The same tree makes the same bytes."""

import json
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import Any
from urllib.parse import quote

from packaging.tags import parse_tag
from packaging.utils import canonicalize_name, parse_wheel_filename
from tools.image import uefi
from tools.releasing.tree import date_of
from tools.releasing.wheels import hash_of

SPEC = "1.6"
# The serial number follows from what is listed.
_SPACE = uuid.UUID("8b7a4d0e-5f0c-4d7f-9b52-6e0d2f3c1a94")
_MACHINE_READABLE = re.compile(r"Format:\s*https?://www\.debian\.org/doc/packaging-manuals/copyright-format/1\.0")
# SPDX's names, and Debian's short names where those differ; what is in neither list is told as it stands.
_SPDX = {
    name: name for name in ("AFL-2.1", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC", "MIT", "X11")
} | {
    "Apache-2": "Apache-2.0",
    "Apache-2.0": "Apache-2.0",
    "Artistic": "Artistic-1.0-Perl",
    "BSD-2-clause": "BSD-2-Clause",
    "BSD-3-clause": "BSD-3-Clause",
    "BSD-4-clause": "BSD-4-Clause",
    "Expat": "MIT",
    "GPL-1": "GPL-1.0-only",
    "GPL-1+": "GPL-1.0-or-later",
    "GPL-2": "GPL-2.0-only",
    "GPL-2+": "GPL-2.0-or-later",
    "GPL-2.0": "GPL-2.0-only",
    "GPL-2.0+": "GPL-2.0-or-later",
    "GPL-3": "GPL-3.0-only",
    "GPL-3+": "GPL-3.0-or-later",
    "LGPL-2": "LGPL-2.0-only",
    "LGPL-2+": "LGPL-2.0-or-later",
    "LGPL-2.0": "LGPL-2.0-only",
    "LGPL-2.0+": "LGPL-2.0-or-later",
    "LGPL-2.1": "LGPL-2.1-only",
    "LGPL-2.1+": "LGPL-2.1-or-later",
    "LGPL-3": "LGPL-3.0-only",
    "LGPL-3+": "LGPL-3.0-or-later",
    "MPL-1.1": "MPL-1.1",
    "MPL-2.0": "MPL-2.0",
    "Zlib": "Zlib",
}

Component = dict[str, Any]


def make(tree: Path, tier: str, version: str, release: Path) -> dict[str, Any]:
    """The document.

    Args:
        tree: the baked root file system.
        tier: edge or node.
        version: the release's.
        release: its folder, whose wheels have hashes.
    """
    parts = [
        _system(tree),
        *_packages(tree),
        *_starts(tree),
        *_python(tree, release),
        *_models(tree),
    ]
    parts.sort(key=lambda part: str(part["bom-ref"]))
    image = {
        "type": "firmware",
        "bom-ref": f"guardian-{tier}-image",
        "name": f"guardian-{tier}",
        "version": version,
        "description": "Private AI Guardian: a system image",
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    told = json.dumps([image, parts], sort_keys=True)
    moment = datetime.fromtimestamp(date_of(""), UTC)
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "serialNumber": f"urn:uuid:{uuid.uuid5(_SPACE, told)}",
        "version": 1,
        "metadata": {"timestamp": moment.strftime("%Y-%m-%dT%H:%M:%SZ"), "component": image},
        "components": parts,
        "dependencies": [{"ref": image["bom-ref"], "dependsOn": [part["bom-ref"] for part in parts]}],
    }


def _system(tree: Path) -> Component:
    about = _os_release(tree)
    name, version = about.get("ID", "linux"), about.get("VERSION_ID", "")
    return {
        "type": "operating-system",
        "bom-ref": f"{name}@{version}",
        "name": name,
        "version": version,
        "description": about.get("PRETTY_NAME", name),
    }


def _os_release(tree: Path) -> dict[str, str]:
    lines = (tree / "usr/lib/os-release").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {key: value.strip().strip('"') for key, _, value in pairs}


# --- The distribution's packages -------------------------------------------------------------------------------------
def _packages(tree: Path) -> Iterator[Component]:
    about = _os_release(tree)
    system, distro = about.get("ID", "debian"), f"{about.get('ID', 'debian')}-{about.get('VERSION_ID', '')}"
    status = (tree / "var/lib/dpkg/status").read_text(encoding="utf-8", errors="replace")
    for stanza in status.split("\n\n"):
        told = Parser().parsestr(stanza, headersonly=True) if stanza.strip() else None
        if told is None or told["Status"] != "install ok installed":
            continue
        name, version, machine = told["Package"], told["Version"], told["Architecture"]
        # Packages of one name may be there for two architectures; what they were built from has a version of its own.
        purl = f"pkg:deb/{system}/{quote(name)}@{quote(version, safe='')}?arch={machine}&distro={quote(distro)}"
        kernel = re.fullmatch(r"linux-image-[0-9].*", name)
        part: Component = {
            "type": "operating-system" if kernel else "library",
            "bom-ref": purl,
            "name": name,
            "version": version,
            "purl": purl,
        }
        if told["Maintainer"]:
            part["supplier"] = {"name": re.sub(r"\s*<.*>", "", told["Maintainer"])}
        if licences := _licences(tree, name):
            part["licenses"] = [{"license": licence} for licence in licences]
        image = tree / "boot" / f"vmlinuz-{name.removeprefix('linux-image-')}"
        if kernel and image.is_file():
            part["hashes"] = [{"alg": "SHA-256", "content": hash_of(image)}]
        yield part


def _starts(tree: Path) -> Iterator[Component]:
    """Packages of which the image has what UEFI starts, and nothing installed: with these files."""
    about = _os_release(tree)
    system, distro = about.get("ID", "debian"), f"{about.get('ID', 'debian')}-{about.get('VERSION_ID', '')}"
    folder = tree / uefi.FOLDER
    found: dict[tuple[str, str], list[str]] = {}
    for line in (folder / "packages").read_text(encoding="ascii").splitlines():
        file, name, version = line.split()
        found.setdefault((name, version), []).append(file)
    for (name, version), files in found.items():
        purl = f"pkg:deb/{system}/{quote(name)}@{quote(version, safe='')}?arch=amd64&distro={quote(distro)}"
        part: Component = {"type": "firmware", "bom-ref": purl, "name": name, "version": version, "purl": purl}
        if licences := _read_licences(folder / f"{name}.copyright"):
            part["licenses"] = [{"license": licence} for licence in licences]
        part["components"] = [
            {
                "type": "file",
                "bom-ref": f"{purl}#{file}",
                "name": file,
                "hashes": [{"alg": "SHA-256", "content": hash_of(folder / file)}],
            }
            for file in files
        ]
        yield part


def _licences(tree: Path, package: str) -> list[dict[str, str]]:
    """What a package's copyright file says."""
    folder = tree / "usr/share/doc" / package
    if folder.is_symlink():
        # Of another package, by its name: a link is never followed out of the tree.
        folder = folder.parent / Path(folder.readlink()).name
    path = folder / "copyright"
    return [] if folder.is_symlink() else _read_licences(path)


def _read_licences(path: Path) -> list[dict[str, str]]:
    """The short names in a copyright file, where that is for machines; none where it is for people alone."""
    if path.is_symlink() or not path.is_file():
        return []
    text = path.read_text(encoding="utf-8", errors="replace")
    if not _MACHINE_READABLE.search(text[:400]):
        return []
    found: set[str] = set()
    for line in re.findall(r"^License:[ \t]*(\S.*)$", text, re.MULTILINE):
        found |= {word.strip(" ,()") for word in re.split(r"\s+(?:or|and|and/or)\s+|,", line)}
    return [{"id": _SPDX[name]} if name in _SPDX else {"name": name} for name in sorted(found - {""})]


# --- Python's packages -----------------------------------------------------------------------------------------------
def _python(tree: Path, release: Path) -> Iterator[Component]:
    hashes = _wheels(release)
    for folder in sorted((tree / "opt/guardian").glob("releases/*/lib/python3*/site-packages/*.dist-info")):
        told = Parser().parsestr((folder / "METADATA").read_text(encoding="utf-8", errors="replace"), headersonly=True)
        name, version = canonicalize_name(told["Name"]), told["Version"]
        ours = name == "guardian"
        purl = f"pkg:{'generic' if ours else 'pypi'}/{name}@{quote(version, safe='')}"
        part: Component = {
            "type": "application" if ours else "library",
            "bom-ref": purl,
            "name": name,
            "version": version,
            "purl": purl,
        }
        wheel = Parser().parsestr((folder / "WHEEL").read_text(encoding="utf-8"), headersonly=True)
        tags = {str(tag) for line in wheel.get_all("Tag", []) for tag in parse_tag(line)}
        digests = {digest for of, digest in hashes.get((name, version), []) if of & tags}
        if digests:
            part["hashes"] = [{"alg": "SHA-256", "content": digest} for digest in sorted(digests)]
        if licences := _told(told):
            part["licenses"] = licences
        yield part


def _told(metadata: Message) -> list[dict[str, Any]]:
    """A package's licence as its makers say it: an expression, else a short name, else what they class it as."""
    if metadata["License-Expression"]:
        return [{"expression": metadata["License-Expression"]}]
    # Some put a whole text there.
    name = (metadata["License"] or "").strip()
    classes = [line.split(" :: ")[-1] for line in metadata.get_all("Classifier", []) if line.startswith("License :: ")]
    names = [name] if name and "\n" not in name and len(name) < 80 else sorted(classes)
    return [{"license": {"name": name}} for name in names]


def _wheels(release: Path) -> dict[tuple[str, str], list[tuple[set[str], str]]]:
    """Of each name and version, each wheel's tags and SHA-256: as one installs it, it is the same file."""
    found: dict[tuple[str, str], list[tuple[set[str], str]]] = {}
    for path in sorted([*release.glob("wheels/*.whl"), *release.glob("*.whl")]):
        name, version, _, tags = parse_wheel_filename(path.name)
        found.setdefault((name, str(version)), []).append(({str(tag) for tag in tags}, hash_of(path)))
    return found


# --- Models ----------------------------------------------------------------------------------------------------------
def _models(tree: Path) -> Iterator[Component]:
    for path in sorted((tree / "usr/share/guardian/models").glob("*")):
        if path.is_file() and not path.is_symlink():
            digest = hash_of(path)
            yield {
                "type": "machine-learning-model",
                "bom-ref": f"model:{path.name}@{digest[:12]}",
                "name": path.stem,
                "version": digest[:12],
                "hashes": [{"alg": "SHA-256", "content": digest}],
            }
