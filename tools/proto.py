"""Generate Python stubs from proto/ into src/guardian/contracts/; does nothing when they are up to date."""

import argparse
import hashlib
import re
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
TARGET = ROOT / "src" / "guardian" / "contracts"
STAMP = ".stamp"
INIT = '"""Stubs generated from proto/ by tools/proto.py; not committed."""\n'
# protoc takes the proto package for the Python package; ours lives one step deeper.
IMPORT = re.compile(r"^(from|import) guardian\.(edge|node|control|vault)\b", re.MULTILINE)
DOTTED = re.compile(r"\bguardian\.(edge|node|control|vault)\.(v\d+)\.(\w+_pb2)")


def main() -> int:
    """Exit status 0 when the stubs are there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--force", action="store_true", help="generate even when up to date")
    arguments = parser.parse_args()
    stamp = fingerprint()
    if not arguments.force and current_stamp() == stamp:
        return 0
    # Built aside and swapped in, so that a reader never meets half a package.
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TARGET.parent, prefix=".contracts-") as folder:
        built = Path(folder) / "contracts"
        generate(built)
        (built / STAMP).write_text(stamp, encoding="utf-8")
        built.chmod(0o755)
        old = Path(folder) / "old"
        if TARGET.exists():
            TARGET.rename(old)
        built.rename(TARGET)
    print(f"stubs: {len(list(PROTO.rglob('*.proto')))} files into {TARGET.relative_to(ROOT)}")
    return 0


def fingerprint() -> str:
    """Hash of everything the stubs depend on."""
    digest = hashlib.sha256()
    for package in ("grpcio-tools", "mypy-protobuf", "protobuf"):
        digest.update(f"{package}={version(package)}\n".encode())
    for path in [Path(__file__), *sorted(PROTO.rglob("*.proto"))]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def current_stamp() -> str:
    """The fingerprint the present stubs were made from; empty when there are none."""
    try:
        return (TARGET / STAMP).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def generate(target: Path) -> None:
    """Run protoc and its typing plugins, then move `guardian/X` to `target/X` and mend the imports."""
    raw = target.parent / "raw"
    raw.mkdir()
    scripts = Path(sys.executable).parent
    sources = [str(path.relative_to(PROTO)) for path in sorted(PROTO.rglob("*.proto"))]
    status = protoc.main(
        [
            "protoc",
            f"--plugin=protoc-gen-mypy={scripts / 'protoc-gen-mypy'}",
            f"--plugin=protoc-gen-mypy_grpc={scripts / 'protoc-gen-mypy_grpc'}",
            f"--proto_path={PROTO}",
            f"--proto_path={Path(grpc_tools.__file__).parent / '_proto'}",
            f"--python_out={raw}",
            f"--grpc_python_out={raw}",
            f"--mypy_out=quiet:{raw}",
            f"--mypy_grpc_out=quiet:{raw}",
            *sources,
        ]
    )
    if status != 0:
        raise SystemExit("protoc failed: its message is above.")
    shutil.move(raw / "guardian", target)
    for path in [*target.rglob("*.py"), *target.rglob("*.pyi")]:
        path.write_text(mend(path.read_text(encoding="utf-8")), encoding="utf-8")
    for folder in [target, *(item for item in target.rglob("*") if item.is_dir())]:
        (folder / "__init__.py").write_text(INIT, encoding="utf-8")
    (target / "py.typed").touch()


def mend(text: str) -> str:
    """Point imports of our own packages at `guardian.contracts`; descriptor names stay as they are."""
    text = IMPORT.sub(r"\1 guardian.contracts.\2", text)
    return DOTTED.sub(r"guardian.contracts.\1.\2.\3", text)


if __name__ == "__main__":
    sys.exit(main())
