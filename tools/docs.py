"""Write docs/configuration.md, log-events.md and troubleshooting.md from the code; `--check`: are they fresh?"""

import argparse
import sys
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from guardian.cli.doctor.checks import CHECKS
from guardian.cli.doctor.reasons import REASONS
from guardian.cli.metrics.config import MetricsConfig
from guardian.common.log_events import EVENTS
from guardian.control.config import Settings
from guardian.edge.config import CameraFile, EdgeConfig
from guardian.node.config import NodeConfig

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tools.troubles import TROUBLES  # noqa: E402

FILES: list[tuple[str, str, type[BaseModel]]] = [
    ("`/etc/guardian/edge.yaml`", "One for the edge's daemons.", EdgeConfig),
    ("`/etc/guardian/cameras/ID.yaml`", "One a camera, in `cameras_dir`; its name is the camera's id.", CameraFile),
    ("`/etc/guardian/node.yaml`", "One for the node's daemons.", NodeConfig),
    ("`/etc/guardian/metrics.yaml`", "For `guardian-metrics`, on every host that is monitored.", MetricsConfig),
    ("`/etc/guardian/control.yaml`", "One for the control plane's daemons and its operator.", Settings),
]
MADE = "*Made by `tools/docs.py` from the code (`make docs`); `make check` holds it fresh. Do not edit.*"
CONFIGURATION = f"""# Configuration

{MADE}

YAML, one file a tier. Unknown keys are refused with the nearest known one; a wrong file is fatal at start and, on
SIGHUP, reported while the old one goes on. `guardian-NAME --config FILE --check` tries a file out, `guardian doctor`
all that it finds.

`GUARDIAN_SECTION__KEY=value` in a daemon's environment overrides `section.key` (not in a camera's file); values are
read as YAML.
"""
LOG_EVENTS = f"""# Log events

{MADE}

One JSON object a line on standard error (colours on a terminal). `event` is one of these, `service` the daemon;
`reason` is for programs, `sentence` for people. No log holds a credential, token or personal data; addresses are
written without user and password.

| event | when |
|---|---|
"""


TROUBLESHOOTING = f"""# Troubleshooting

{MADE}

`guardian doctor` looks for what is wrong on a host, changes nothing and reads no secret; as root it sees all, as a
member of group `guardian` it says what it could not look at (`?`). `--only CHECK` runs one check, `--json` is for
programs. Exit status: 0 nothing is wrong, 1 something is doubtful, 2 something is bad. Each reason it may give follows;
after them, what a machine that is made from an image may say ([installer](#the-installer), [seeds](#seeds),
[updates](#updates), [rescue](#the-rescue)).
"""
IMAGES = """
## A machine made from an image

On its screen, on its serial line, in its journal or as the answer of a command; `…` stands for what is put in there.
"""


def main() -> int:
    """Exit status 1 when `--check` finds a page that is not what the code says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="look, change nothing")
    check = parser.parse_args().check
    stale = [path for path, text in pages().items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        name = path.relative_to(ROOT)
        if check:
            print(f"{name} is not what the code says: run `make docs` and commit it.")
        else:
            path.write_text(pages()[path], encoding="utf-8")
            print(name)
    return 1 if check and stale else 0


def pages() -> dict[Path, str]:
    """Every generated page and its text."""
    parts = [CONFIGURATION]
    for name, what, model in FILES:
        parts.append(f"## {name}\n{what}\n\n" + table(model))
    events = LOG_EVENTS + "".join(f"| `{event}` | {text} |\n" for event, text in sorted(EVENTS.items()))
    return {
        ROOT / "docs" / "configuration.md": "\n".join(parts),
        ROOT / "docs" / "log-events.md": events,
        ROOT / "docs" / "troubleshooting.md": TROUBLESHOOTING + troubles() + IMAGES + of_images(),
    }


def troubles() -> str:
    """The doctor's reasons, by check."""
    parts = []
    for check in CHECKS:
        rows = [(name, item) for name, item in REASONS.items() if item.check == check]
        lines = [f"**{name}**  \n{item.means}  \n→ {item.mend}\n" for name, item in rows]
        parts.append(f"\n## {check}\n" + "\n".join(lines))
    return "".join(parts)


def of_images() -> str:
    """What a machine made from an image may say."""
    parts = []
    for title, items in TROUBLES.items():
        lines = [f"**{item.sentence}**  \n{item.meaning}  \n→ {item.mend}\n" for item in items]
        parts.append(f"\n### {title}\n" + "\n".join(lines))
    return "".join(parts)


def table(model: type[BaseModel]) -> str:
    """All keys of a model, those of its sections below it."""
    rows = ["| key | type | default | |", "|---|---|---|---|", *rows_of(model, "")]
    return "\n".join(rows) + "\n"


def rows_of(model: type[BaseModel], prefix: str) -> list[str]:
    """One row a key; a key without a description is a fault."""
    rows = []
    for key, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            rows.append(f"| **`{prefix}{key}`** | | | {first_line(inner)} |")
            rows += rows_of(inner, f"{prefix}{key}.")
            continue
        if not field.title or not field.description:
            raise SystemExit(f"{model.__name__}.{key}: title and description of its Field(…) feed the documentation.")
        said = f"{field.title}. {field.description}"
        rows.append(f"| `{prefix}{key}` | {type_of(field)} | {default_of(field)} | {said} |")
        for item in get_args(inner):
            if isinstance(item, type) and issubclass(item, BaseModel):
                rows += rows_of(item, f"{prefix}{key}.LABEL.")
    return rows


def type_of(field: FieldInfo) -> str:
    """Type and bounds in words."""
    bounds = [word for item in field.metadata if (word := bound_of(item))]
    return ", ".join([name_of(field.annotation), *([" ".join(bounds)] if bounds else [])])


def name_of(annotation: Any) -> str:
    """A type as a person says it."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{item}`" for item in inner)
    if origin in (Union, UnionType):
        return " or ".join(name_of(item) for item in inner if item is not type(None))
    if origin in (list, tuple):
        return f"list of {name_of(inner[0])}"
    if origin is dict:
        return "keys and values"
    if hasattr(annotation, "__metadata__"):
        return name_of(inner[0])
    names: dict[Any, str] = {str: "text", SecretStr: "text", Path: "path", int: "whole number", float: "number"}
    return names.get(annotation, "yes or no" if annotation is bool else getattr(annotation, "__name__", "text"))


def bound_of(item: object) -> str:
    """A limit in words; empty for what is not one."""
    match item:
        case annotated_types.Ge(ge=value):
            return f"from {value}"
        case annotated_types.Gt(gt=value):
            return f"above {value}"
        case annotated_types.Le(le=value):
            return f"to {value}"
        case annotated_types.MaxLen(max_length=value):
            return f"at most {value}"
    return ""


def default_of(field: FieldInfo) -> str:
    """What holds when the key is left out."""
    if field.is_required():
        return "*must be given*"
    value = field.default
    if value is PydanticUndefined:
        value = field.default_factory() if field.default_factory else None  # type: ignore[call-arg]
    if value is None or value in ("", (), [], {}):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ", ".join(f"`{item}`" for item in value)
    return f"`{value}`"


def first_line(model: type[BaseModel]) -> str:
    """What a section is for."""
    return (model.__doc__ or "").strip().splitlines()[0]


if __name__ == "__main__":
    sys.exit(main())
