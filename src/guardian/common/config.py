"""Configuration: one YAML file, environment overrides, strict models; a refusal names the nearest known key."""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from guardian.common.errors import ConfigError

MAX_BYTES = 1 << 20
PREFIX = "GUARDIAN_"


class Section(BaseModel):
    """A part of a configuration: immutable, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


M = TypeVar("M", bound=BaseModel)


def load(model: type[M], path: Path, environ: Mapping[str, str] | None = None) -> M:
    """Read, override and validate; raises ConfigError with file, key and what to do.

    `GUARDIAN_DETECT__FPS=5` overrides `detect.fps`; values are read as YAML. Variables that name no key of the
    model's first level are left alone: other programs may use the prefix.
    """
    return parse(model, read_yaml(path), source=str(path), environ=os.environ if environ is None else environ)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; ConfigError if it cannot be read or is not a mapping."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path} is larger than 1 MiB, which no configuration is.", reason="config_too_large")
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"There is no configuration file {path}.", reason="config_missing") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.", reason="config_unreadable") from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{path} is not valid YAML{where}.", reason="config_syntax") from error
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise ConfigError(f"{path} must hold keys and values, not a {type(raw).__name__}.", reason="config_shape")
    return raw


def parse(model: type[M], raw: dict[str, Any], *, source: str, environ: Mapping[str, str] | None = None) -> M:
    """Validate a mapping; `source` is named in errors."""
    merged = _override(raw, model, environ or {})
    try:
        return model.model_validate(merged)
    except ValidationError as error:
        lines = [_explain(model, dict(item)) for item in error.errors()[:8]]
        raise ConfigError(f"{source}: " + "; ".join(lines) + ".", reason="config_invalid") from error


def _override(raw: dict[str, Any], model: type[BaseModel], environ: Mapping[str, str]) -> dict[str, Any]:
    result: dict[str, Any] = dict(raw)
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX):
            continue
        keys = name.removeprefix(PREFIX).lower().split("__")
        if keys[0] not in model.model_fields:
            continue
        target = result
        for key in keys[:-1]:
            inner = target.get(key)
            target[key] = dict(inner) if isinstance(inner, dict) else {}
            target = target[key]
        try:
            target[keys[-1]] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigError(
                f"The environment variable {name} is not a YAML value.", reason="config_syntax"
            ) from error
    return result


def _explain(model: type[BaseModel], item: dict[str, Any]) -> str:
    location = item["loc"]
    path = ".".join(str(part) for part in location) or "the file"
    if item["type"] != "extra_forbidden":
        return f"{path}: {item['msg'][:1].lower()}{item['msg'][1:]}"
    known = _keys_at(model, location[:-1])
    near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.4)
    advice = f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(sorted(known))}" if known else ""
    return f'{path}: unknown key "{location[-1]}"' + (f", {advice}" if advice else "")


def _keys_at(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    current: Any = model
    for part in location:
        field = getattr(current, "model_fields", {}).get(part)
        if field is None:
            # An item of a list or mapping: the model is its element type.
            continue
        current = _inner_model(field.annotation)
    return list(getattr(current, "model_fields", {}))


def _inner_model(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _inner_model(argument)
        if found is not None:
            return found
    return None
