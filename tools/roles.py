"""Hold every role against the house's rules and write its README.md; `--check` writes nothing."""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
# What all roles stand on: it has no phases of its own.
SHARED = "guardian"
PHASES = ["validate", "install", "configure", "service", "uninstall"]
# A secret by its name; which items of a list; a part of each that is none; a question, whose answer is none.
SENSITIVE = r"(?:\w+_)?(?:password|token|secret|seed)\b"
CHOSEN = r"(?:\s*\|\s*(?:select|reject)attr\([^)]*\))*"
PART = rf"(?:\s*\|\s*map\(attribute='(?!{SENSITIVE})\w+'\)|\.(?!{SENSITIVE})\w+)"
ASKED = r"\s*(?:is\b|in\b|==|!=|\|\s*length\b)"
TYPES = {"str", "int", "float", "bool", "list", "dict", "path"}
MADE = (
    "*Made by `tools/roles.py` from `meta/argument_specs.yml` (`make docs`); `make check` holds it fresh. Do not edit.*"
)


def main() -> int:
    """Exit status 1 when a rule is broken or, with `--check`, a README.md is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="look, change nothing")
    check = parser.parse_args().check
    faults = list(find_faults(ROOT))
    for role in roles(ROOT):
        page, text = role / "README.md", readme(role)
        if page.exists() and page.read_text("utf-8") == text:
            continue
        if check:
            faults.append(f"{page.relative_to(ROOT)} is not what the specs say: run `make docs` and commit it.")
        else:
            page.write_text(text, encoding="utf-8")
            print(page.relative_to(ROOT))
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


def roles(root: Path) -> list[Path]:
    """Each role's folder."""
    return sorted(path.parent.parent for path in (root / "roles").glob("*/tasks/main.yml"))


def find_faults(root: Path) -> Iterator[str]:
    """One sentence a fault, in every role and playbook below `root`."""
    for role in roles(root):
        name = role.name
        yield from (f"roles/{name}: {fault}" for fault in faults_of_specs(role))
        if name != SHARED:
            yield from (f"roles/{name}: {fault}" for fault in faults_of_phases(role))
    files = [path for pattern in PATTERNS for path in sorted(root.glob(pattern))]
    secrets = secret_variables(root)
    for path in files:
        for task in tasks_in(load(path)):
            if shown := shown_by(task, secrets):
                task_name = f"{path.relative_to(root)}: {task.get('name')!r}"
                yield f"{task_name} prints {shown} when it fails: give it no more than it needs, or say no_log."
            for key in task:
                if "." in key and not key.startswith("ansible.builtin."):
                    yield f"{path.relative_to(root)}: {key} is not part of ansible itself; use ansible.builtin."


PATTERNS = ["roles/*/tasks/*.yml", "roles/*/handlers/*.yml", "playbooks/**/*.yml", "site.yml", "molecule/**/*.yml"]


def load(path: Path) -> Any:
    """A YAML file's content; tags such as !vault are read as plain text."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_Tolerant)  # noqa: S506


class _Tolerant(yaml.SafeLoader):
    """SafeLoader that passes over ansible's own tags."""


_Tolerant.add_multi_constructor("!", lambda _loader, _suffix, node: node.value)


def tasks_in(found: Any) -> Iterator[dict[str, Any]]:
    """Tasks, however deep in blocks and plays."""
    if isinstance(found, list):
        for item in found:
            yield from tasks_in(item)
    elif isinstance(found, dict):
        yield found
        for key in ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers"):
            yield from tasks_in(found.get(key))


def secret_variables(root: Path) -> set[str]:
    """Variables with a secret in them: by the specs, and those that are made of such."""
    found: set[str] = set()
    made: dict[str, Any] = {}
    for role in roles(root):
        specs = role / "meta" / "argument_specs.yml"
        for spec in load(specs)["argument_specs"].values() if specs.exists() else ():
            found |= {name for name, option in (spec.get("options") or {}).items() if is_secret(name, option)}
        for file in [*role.glob("vars/*.yml"), *role.glob("defaults/*.yml")]:
            made |= load(file) or {}
    while more := {name for name, value in made.items() if name not in found and secret_in(value, found)}:
        found |= more
    return found


def is_secret(name: str, option: dict[str, Any]) -> bool:
    """An option that is a secret by its name, or has one within it."""
    inner: dict[str, dict[str, Any]] = option.get("options") or {}
    return re.fullmatch(SENSITIVE, name) is not None or any(is_secret(key, item) for key, item in inner.items())


def shown_by(task: dict[str, Any], secrets: set[str]) -> str:
    """The secret in what a task prints when it fails, its item and its module's arguments; '' for none."""
    if task.get("no_log"):
        return ""
    for key, value in task.items():
        if key == "loop" or key.startswith(("with_", "ansible.builtin.")):
            # What is asserted is printed as it stands in the file.
            printed = (
                {name: item for name, item in value.items() if name != "that"} if isinstance(value, dict) else value
            )
            if found := secret_in(printed, secrets):
                return found
    return ""


def secret_in(value: Any, secrets: set[str]) -> str:
    """The first secret that a value holds once its expressions are filled in; '' for none."""
    if isinstance(value, dict | list):
        # `holds` of an assertion's item is yes or no.
        inner = [item for key, item in value.items() if key != "holds"] if isinstance(value, dict) else value
        return next((found for item in inner if (found := secret_in(item, secrets))), "")
    names = "|".join(sorted(secrets)) or "(?!)"
    for expression in re.findall(r"\{[{%].*?[%}]\}", str(value), re.DOTALL):
        left = re.sub(rf"\b(?:{names}){CHOSEN}{PART}", "", expression)
        left = re.sub(rf"[\w.]+{CHOSEN}{ASKED}", "", left)
        if word := re.search(rf"(?<!')\b(?:{names})\b|\.{SENSITIVE}", left):
            return word[0].strip(".")
    return ""


def faults_of_specs(role: Path) -> Iterator[str]:
    """argument_specs.yml against defaults/main.yml."""
    path = role / "meta" / "argument_specs.yml"
    if not path.exists():
        yield "meta/argument_specs.yml is missing."
        return
    specs = load(path)["argument_specs"]
    main_spec = specs.get("main", {})
    options: dict[str, dict[str, Any]] = main_spec.get("options") or {}
    if not main_spec.get("short_description") or not main_spec.get("description"):
        yield "short_description and description of its specs feed the README."
    for name, option in options.items():
        yield from faults_of_option(name, option)
        if not name.startswith(f"{role.name}_"):
            yield f"{name} does not begin with the role's name."
    file = role / "defaults" / "main.yml"
    defaults: dict[str, Any] = (load(file) if file.exists() else None) or {}
    specified = {name: option["default"] for name, option in options.items() if "default" in option}
    for name in sorted(defaults.keys() | specified.keys()):
        if name not in specified:
            yield f"{name} stands in defaults/main.yml but has no default in the specs."
        elif name not in defaults:
            yield f"{name} has a default in the specs but does not stand in defaults/main.yml."
        elif defaults[name] != specified[name]:
            yield f"{name} is {defaults[name]!r} in defaults/main.yml and {specified[name]!r} in the specs."
    if role.name != SHARED:
        if specs.get("validate") != main_spec:
            yield "its specs must say `validate: *options` too: the preflight of a whole site calls that alone."
        state = options.get(f"{role.name}_state", {})
        if state.get("choices") != ["present", "absent"] or state.get("default") != "present":
            yield f"{role.name}_state must be there, with choices [present, absent] and default present."


def faults_of_option(name: str, option: dict[str, Any]) -> Iterator[str]:
    """Type and description of an option and of those within it."""
    if option.get("type") not in TYPES:
        yield f"{name} has no type, or one that is not known."
    if not option.get("description"):
        yield f"{name} has no description."
    if option.get("type") == "list" and option.get("elements") not in TYPES:
        yield f"{name} is a list and does not say of what (elements)."
    if option.get("required") and "default" in option:
        yield f"{name} is required and has a default: it can only be one of them."
    for inner, item in (option.get("options") or {}).items():
        yield from faults_of_option(f"{name}.{inner}", item)


def faults_of_phases(role: Path) -> Iterator[str]:
    """The files of the phases, and that main.yml imports them in their order."""
    for phase in PHASES:
        if not (role / "tasks" / f"{phase}.yml").exists():
            yield f"tasks/{phase}.yml is missing."
    imported = [
        str(task.get("ansible.builtin.import_tasks", task.get("ansible.builtin.include_tasks", "")))
        for task in load(role / "tasks" / "main.yml")
    ]
    if imported != [f"{phase}.yml" for phase in PHASES]:
        yield f"tasks/main.yml must import {', '.join(PHASES)}, in this order, and do nothing else."
    meta = role / "meta" / "main.yml"
    needed = load(meta).get("dependencies", []) if meta.exists() else []
    if not needed or needed[0] not in (SHARED, {"role": SHARED}):
        yield f"meta/main.yml must name role {SHARED} first under dependencies."


def readme(role: Path) -> str:
    """The page of one role."""
    path = role / "meta" / "argument_specs.yml"
    spec = load(path)["argument_specs"]["main"] if path.exists() else {}
    said = [plain(text) for text in as_list(spec.get("description"))]
    options = spec.get("options") or {}
    parts = [f"# {role.name}", MADE, f"{spec.get('short_description', '')}.", *said]
    if options:
        rows = ["| variable | type | default | |", "|---|---|---|---|", *rows_of(options, "")]
        parts += ["## Variables", "\n".join(rows)]
    return "\n\n".join(parts) + "\n"


def rows_of(options: dict[str, Any], prefix: str) -> list[str]:
    """A table's rows, an option's own options below it."""
    rows = []
    for name, option in options.items():
        kind = option.get("type", "")
        if kind == "list":
            kind = f"list of {option.get('elements')}"
        if option.get("choices"):
            kind = " or ".join(f"`{choice}`" for choice in option["choices"])
        told = " ".join(plain(text) for text in as_list(option.get("description"))).replace("|", "\\|")
        rows.append(f"| `{prefix}{name}` | {kind} | {default_of(option)} | {told} |")
        rows += rows_of(option.get("options") or {}, f"{prefix}{name}.")
    return rows


def default_of(option: dict[str, Any]) -> str:
    """What holds when the variable is not set."""
    if option.get("required"):
        return "*must be given*"
    value = option.get("default")
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value if isinstance(value, str) else yaml.safe_dump(value, default_flow_style=True, width=10_000).strip()
    return "`" + text.removesuffix("\n...").replace("|", "\\|") + "`"


def plain(text: str) -> str:
    """Ansible's `C(code)` as Markdown."""
    parts = text.split("C(")
    return parts[0] + "".join("`" + part.replace(")", "`", 1) for part in parts[1:])


def as_list(value: Any) -> list[str]:
    """One text or several."""
    return value if isinstance(value, list) else [value] if value else []


if __name__ == "__main__":
    sys.exit(main())
