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
            figures += [row(name, item) for item in (found if isinstance(found, list) else [found])]
        except Exception as error:  # noqa: BLE001 - one that cannot measure must not take the others' figures with it
            failed.append(f"{name}: {type(error).__name__}: {error}")
            continue
        print(f"    {time.monotonic() - began:.0f} s", flush=True)
    path = write(figures, failed)
    show(figures)
    for line in failed:
        print(f"could not measure {line}", file=sys.stderr)
    print(f"{path.relative_to(ROOT)}")
    return 1 if failed else 0


def row(module: str, found: dict[str, Any]) -> Figure:
    """A module's answer in the table's terms; what else it says stays beside it in the JSON."""
    ratio = found.get("ratio")
    value = found.get("value", ratio.get("median") if isinstance(ratio, dict) else ratio)
    goal, baseline = found.get("goal", found.get("goal_ratio")), found.get("baseline")
    if value is None or goal is None:
        raise ValueError("its answer has no value, or no goal")
    named = {"baseline": None, "baseline_name": baseline} if isinstance(baseline, str) else {}
    holds = found.get("holds", found.get("good", isinstance(goal, int | float) and value >= goal))
    fixed = {
        "name": found.get("name", found.get("what", module)),
        "value": value,
        "goal": str(goal),
        "holds": bool(holds),
    }
    return Figure(**{**found, **fixed, **named})  # type: ignore[typeddict-item]


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
    path = RESULTS / f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}.json"
    run = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "machine": machine(), "versions": versions()}
    path.write_text(json.dumps({**run, "figures": figures, "failed": failed}, indent=2) + "\n", encoding="utf-8")
    return path


def show(figures: list[Figure]) -> None:
    """For a person."""
    table = Table("figure", "value", "goal", "holds", "median", "p95", "beside it", "unit")
    for item in figures:
        table.add_row(
            item["name"],
            _number(item["value"]),
            item["goal"],
            "yes" if item["holds"] else "[bold]no[/]",
            _number(item.get("median")),
            _number(item.get("p95")),
            _number(item.get("baseline")),
            item.get("unit", ""),
        )
    Console().print(table)
    for item in figures:
        for text in (f"beside it: {item['baseline_name']}" if item.get("baseline_name") else "", item.get("note", "")):
            if text:
                print(f"  {item['name']}: {text}")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
