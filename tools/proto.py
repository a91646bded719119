"""Generate the contracts' Python code: proto/ to src/guardian/contracts/, with typed stubs. `make proto` runs it.

protoc writes modules that import each other as `guardian.edge.v1…`, which here are the tiers' own packages: the
generated code is moved under `guardian.contracts`. grpc_tools writes no types for services; they are written here from
the descriptors, in their grpc.aio form.
"""

import re
import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from google.protobuf import descriptor_pb2
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
TARGET = ROOT / "src" / "guardian" / "contracts"
IMPORT = re.compile(r"\bguardian\.(?=(?:edge|node|control|vault)\.v1)")
KINDS = {
    (False, False): "UnaryUnary",
    (False, True): "UnaryStream",
    (True, False): "StreamUnary",
    (True, True): "StreamStream",
}


def main() -> int:
    """Generate everything anew; returns protoc's status."""
    sources = sorted(str(path) for path in PROTO.rglob("*.proto"))
    with tempfile.TemporaryDirectory(dir=TARGET.parent, prefix=".contracts-") as name:
        folder = Path(name)
        descriptors = folder / "all.binpb"
        status = protoc.main(
            [
                "protoc",
                f"-I{PROTO}",
                f"-I{files('grpc_tools') / '_proto'}",
                f"--python_out={folder}",
                f"--pyi_out={folder}",
                f"--grpc_python_out={folder}",
                f"--descriptor_set_out={descriptors}",
                *sources,
            ]
        )
        if status:
            return int(status)
        generated = folder / "guardian"
        _mend_imports(generated)
        _write_service_types(descriptors, generated)
        _write_packages(generated)
        generated.chmod(0o755)
        shutil.rmtree(TARGET, ignore_errors=True)
        generated.rename(TARGET)
    return 0


def _mend_imports(folder: Path) -> None:
    for path in [*folder.rglob("*.py"), *folder.rglob("*.pyi")]:
        lines = path.read_text().splitlines(keepends=True)
        mended = [
            IMPORT.sub("guardian.contracts.", line)
            if line.startswith(("from ", "import ")) or "_builder.Build" in line
            else line
            for line in lines
        ]
        path.write_text("".join(mended))


def _write_packages(folder: Path) -> None:
    (folder / "__init__.py").write_text('"""Generated from proto/ by tools/proto.py; not committed."""\n')
    for path in [item for item in folder.rglob("*") if item.is_dir()]:
        (path / "__init__.py").write_text("")


def _write_service_types(descriptors: Path, folder: Path) -> None:
    everything = descriptor_pb2.FileDescriptorSet.FromString(descriptors.read_bytes())
    modules = {f".{file.package}": _module(file.name) for file in everything.file}
    for file in everything.file:
        if not file.service:
            continue
        path = folder.parent / file.name.replace(".proto", "_pb2_grpc.pyi")
        path.write_text(_service_types(file, modules))


def _module(name: str) -> str:
    return name.removeprefix("guardian/").removesuffix(".proto").replace("/", ".") + "_pb2"


def _service_types(file: descriptor_pb2.FileDescriptorProto, modules: dict[str, str]) -> str:
    own = modules[f".{file.package}"]
    package, _, module = own.rpartition(".")
    lines = [
        "from collections.abc import AsyncIterator",
        "from typing import Any",
        "",
        "import grpc",
        "import grpc.aio",
        "",
        f"from guardian.contracts.{package} import {module} as _own",
        "",
    ]
    for service in file.service:
        lines += [f"class {service.name}Stub:", "    def __init__(self, channel: grpc.aio.Channel) -> None: ..."]
        for method in service.method:
            kind = KINDS[method.client_streaming, method.server_streaming]
            request, response = _message(method.input_type), _message(method.output_type)
            lines.append(f"    {method.name}: grpc.aio.{kind}MultiCallable[{request}, {response}]")
        lines += ["", f"class {service.name}Servicer:"]
        for method in service.method:
            request, response = _message(method.input_type), _message(method.output_type)
            given = f"request_iterator: AsyncIterator[{request}]" if method.client_streaming else f"request: {request}"
            context = f"context: grpc.aio.ServicerContext[{request}, {response}]"
            if method.server_streaming:
                result = f"def {method.name}(self, {given}, {context}) -> AsyncIterator[{response}]: ..."
            else:
                result = f"async def {method.name}(self, {given}, {context}) -> {response}: ..."
            lines.append(f"    {result}")
        lines += [
            "",
            f"def add_{service.name}Servicer_to_server(servicer: {service.name}Servicer, server: Any) -> None: ...",
            "",
        ]
    return "\n".join(lines)


def _message(name: str) -> str:
    return "_own." + name.rpartition(".")[2]


if __name__ == "__main__":
    sys.exit(main())
