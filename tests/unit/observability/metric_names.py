"""Every metric the code makes, found in the code itself."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_NAME = re.compile(r"guardian_[a-z][a-z0-9_]*[a-z0-9]")
_MAKERS = {"Gauge", "Counter", "Histogram", "GaugeMetricFamily", "CounterMetricFamily", "Metric", "_family"}
_EXPORTER = ROOT / "src" / "guardian" / "cli" / "metrics"


def made_by_daemons() -> set[str]:
    """Families as the exposition names them: a counter without its `_total`."""
    sources = (ROOT / "src" / "guardian").rglob("*.py")
    mine = [path for path in sources if "contracts" not in path.parts and _EXPORTER not in path.parents]
    return {name.removesuffix("_total") for path in mine for name in _names(path)}


def made_by_exporter() -> set[str]:
    """What `guardian-metrics` adds."""
    texts = [path.read_text(encoding="utf-8") for path in _EXPORTER.glob("*.py") if path.name != "names.py"]
    return {name for text in texts for name in re.findall(r'"(guardian_[a-z_]+)"', text)}


def _names(path: Path) -> Iterator[str]:
    for item in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        texts: list[ast.expr | None] = []
        if isinstance(item, ast.Dict):
            # The names of gauges that are made in a loop.
            texts = list(item.keys)
        elif isinstance(item, ast.Call) and (maker := getattr(item.func, "attr", getattr(item.func, "id", ""))):
            texts = list(item.args[:1]) if maker in _MAKERS else []
            if maker == "gauge":
                first = item.args[0]
                assert isinstance(first, ast.Constant) and isinstance(first.value, str), f"{path}: name it here"
                yield f"guardian_{first.value}"
        for text in texts:
            if isinstance(text, ast.Constant) and isinstance(text.value, str) and _NAME.fullmatch(text.value):
                yield text.value
