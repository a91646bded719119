"""The catalogue of detector models: what each is, its licence, where it comes from, and the hash it must have."""

from functools import cache
from importlib.resources import files
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError, model_validator

from guardian.common.config import Section
from guardian.common.errors import GuardianError

Sha256 = Annotated[str, Field(pattern=r"\A[0-9a-f]{64}\z")]


class ModelError(GuardianError):
    """A model that is missing, damaged, or not of the form its head needs."""


class Source(Section):
    """One file of a public repository, fixed at a commit."""

    repository: Annotated[str, Field(pattern=r"\A[\w.-]+/[\w.-]+\z")]
    commit: Annotated[str, Field(pattern=r"\A[0-9a-f]{40}\z")]
    path: Annotated[str, Field(pattern=r"\A[\w./-]+\z")]


class Entry(Section):
    """One model of the catalogue."""

    name: Annotated[str, Field(pattern=r"\A[a-z0-9_]{1,64}\z")]
    title: str
    file: Annotated[str, Field(pattern=r"\A[\w.-]+\z")]
    head: str
    input: tuple[int, int]
    precision: str
    labels: tuple[str, ...]
    licence: str
    source: Source
    sha256: Sha256
    size: Annotated[int, Field(gt=0)]
    default: bool = False


class Catalogue(Section):
    """All models known, and where the files of their sources are served from."""

    base: Annotated[str, Field(pattern=r"\Ahttps?://[\w.:-]+\z")]
    labels: dict[str, tuple[str, ...]]
    models: tuple[Entry, ...]

    @model_validator(mode="before")
    @classmethod
    def _expand_labels(cls, raw: Any) -> Any:
        sets = raw["labels"]
        models = [{**item, "labels": sets[item["labels"]]} for item in raw["models"]]
        return {**raw, "models": models}

    @property
    def default(self) -> Entry:
        """The model used when the configuration names none."""
        return next(entry for entry in self.models if entry.default)

    def entry(self, name: str) -> Entry:
        """The entry of that name; ModelError with the names known otherwise."""
        for entry in self.models:
            if entry.name == name:
                return entry
        known = ", ".join(entry.name for entry in self.models)
        raise ModelError(f"There is no model {name} in the catalogue.", reason="model_unknown", hint=f"Known: {known}.")

    def url(self, entry: Entry) -> str:
        """Where the entry's file is fetched from: fixed by commit, so its bytes never change."""
        source = entry.source
        return f"{self.base}/{source.repository}/{source.commit}/{source.path}"


def parse(text: str) -> Catalogue:
    """A catalogue from YAML; ModelError when it is not one."""
    try:
        return Catalogue.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError, KeyError, TypeError) as error:
        raise ModelError(f"The model catalogue cannot be read: {error}.", reason="catalogue_malformed") from error


@cache
def catalogue() -> Catalogue:
    """The catalogue this release carries."""
    return parse(files("guardian.edge.models").joinpath("catalogue.yaml").read_text("utf-8"))
