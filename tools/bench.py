"""`make bench`: every module in tests/bench measures one figure beside a baseline; prints a table, writes JSON."""

import argparse
import importlib
import json
import os
import pkgutil
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypedDict

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build" / "bench"
PACKAGES = [
    "guardian",
    "openvino",
    "av",
    "numpy",
    "opencv-python-headless",
    "cryptography",
    "grpcio",
    "protobuf",
    "fastapi",
]
PACKAGES += ["uvicorn", "sqlalchemy", "psycopg"]


class Figure(TypedDict, total=False):
    """What a module's `run()` returns. `value` is what the goal speaks of, often a ratio to `baseline`.

    `median`, `p95`: of the runs, in `unit`. `note`: what the figure does not cover. One module may return a list.
    """

    name: str
    goal: str
    value: float
    baseline: float | None
    baseline_name: str
    median: float
    p95: float
    unit: str
    holds: bool
    note: str


def main() -> int:
    """Exit status 1 when a module could not measure; a goal that is missed is a figure, not an error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="MODULE", default=[], help="modules of tests/bench, by name")
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    names = arguments.only or find_modules()
    figures: list[Figure] = []
    failed = []
    for name in names:
        print(f"  measuring {name} …", flush=True)
        began = time.monotonic()
        try:
            found = importlib.import_module(f"tests.bench.{name}").run()
        except Exception as error:  # noqa: BLE001 - one that cannot measure must not take the others' figures with it
            failed.append(f"{name}: {type(error).__name__}: {error}")
            continue
        figures += found if isinstance(found, list) else [found]
        print(f"    {time.monotonic() - began:.0f} s", flush=True)
    path = write(figures, failed)
    show(figures)
    for line in failed:
        print(f"could not measure {line}", file=sys.stderr)
    print(f"{path.relative_to(ROOT)}")
    return 1 if failed else 0


def find_modules() -> list[str]:
    """Modules of tests/bench that have no underscore in front: adding one adds a row."""
    return sorted(item.name for item in pkgutil.iter_modules([str(ROOT / "tests" / "bench")]) if item.name[0] != "_")


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    model = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), platform.machine())
    flags = next((line.partition(":")[2].split() for line in info if line.startswith("flags")), [])
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "cpu_features": sorted(set(flags) & {"avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "amx_int8"}),
        "memory_gib": round(pages * size / (1 << 30), 1),
        "load_before": os.getloadavg()[0],
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", ""),
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Packages the figures rest on, and the commit."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = ""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    return {**found, "commit": described.stdout.strip()}


def write(figures: list[Figure], failed: list[str]) -> Path:
    """One file a run."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.json"
    run = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "machine": machine(), "versions": versions()}
    path.write_text(json.dumps({**run, "figures": figures, "failed": failed}, indent=2) + "\n", encoding="utf-8")
    return path


def show(figures: list[Figure]) -> None:
    """For a person."""
    table = Table("figure", "goal", "value", "median", "p95", "unit", "beside it", "holds")
    for item in figures:
        baseline = item.get("baseline")
        beside = f"{_number(baseline)} {item.get('baseline_name', '')}".strip() if baseline is not None else "–"
        table.add_row(
            item["name"],
            item["goal"],
            _number(item["value"]),
            _number(item.get("median")),
            _number(item.get("p95")),
            item.get("unit", ""),
            beside,
            "yes" if item["holds"] else "[bold]no[/]",
        )
    Console().print(table)
    for item in figures:
        if item.get("note"):
            print(f"  {item['name']}: {item['note']}")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
