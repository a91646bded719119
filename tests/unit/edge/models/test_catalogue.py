"""The catalogue names what may be run, and nothing that does not have its hash is."""

import hashlib
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from guardian.cli.model import app
from guardian.edge.models.catalogue import Catalogue, ModelError, catalogue, parse
from guardian.edge.models.library import ENVIRONMENT, Library, search_path

GOOD = b"a detector model, more or less" * 100


class Source(BaseHTTPRequestHandler):
    def __init__(self, *arguments: object, files: dict[str, bytes]) -> None:
        self.files = files
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        data = self.files.get(self.path)
        self.send_response(200 if data is not None else 404)
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        self.wfile.write(data or b"")

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def served() -> Iterator[tuple[str, dict[str, bytes]]]:
    """A source code host on loopback: its address, and what it serves."""
    files: dict[str, bytes] = {}
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Source, files=files)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", files
        server.shutdown()
        thread.join()


def known(base: str, data: bytes = GOOD) -> Catalogue:
    entry = catalogue().default
    changed = entry.model_copy(update={"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)})
    return catalogue().model_copy(update={"base": base, "models": (changed,)})


def path_of(known_models: Catalogue) -> str:
    return known_models.url(known_models.default).removeprefix(known_models.base)


def test_every_entry_is_pinned_to_a_commit_and_a_hash_and_free_to_use() -> None:
    assert catalogue().default.name == "deimv2_femto_416"
    for entry in catalogue().models:
        assert len(entry.labels) == 80
        assert entry.labels[0] == "person"
        assert entry.licence == "Apache-2.0"
        assert entry.source.commit in catalogue().url(entry)


def test_an_unknown_name_is_refused_with_the_names_known() -> None:
    with pytest.raises(ModelError, match="deimv2_femto_416") as refused:
        catalogue().entry("yolo")
    assert refused.value.reason == "model_unknown"


@pytest.mark.parametrize("text", ["", "models: []", "a: [", "labels: {}\nbase: x\nmodels: [{name: ../x, labels: a}]"])
def test_a_catalogue_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ModelError) as refused:
        parse(text)
    assert refused.value.reason == "catalogue_malformed"


def test_the_edges_own_folder_goes_before_the_environments(tmp_path: Path) -> None:
    folders = search_path(tmp_path, {ENVIRONMENT: "/one:/two"})
    assert folders[:3] == [tmp_path, Path("/one"), Path("/two")]


def test_a_model_is_fetched_once_checked_and_found_again(tmp_path: Path, served: tuple[str, dict[str, bytes]]) -> None:
    base, files = served
    models = known(base)
    files[path_of(models)] = GOOD
    library = Library(tmp_path / "models", known=models, environ={})
    seen: list[tuple[int, int]] = []
    found = library.fetch(models.default.name, lambda done, total: seen.append((done, total)))
    assert (found.condition, found.path) == ("good", tmp_path / "models" / models.default.file)
    assert seen[-1] == (len(GOOD), len(GOOD))
    files.clear()
    assert library.fetch(models.default.name) == found


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(None, "fetch_refused"), (GOOD[:-1] + b"!", "model_hash"), (GOOD * 50, "model_hash"), (GOOD[:50], "model_hash")],
    ids=["not there", "changed", "endless", "cut"],
)
def test_what_is_not_the_model_is_refused_and_nothing_is_kept(
    tmp_path: Path, served: tuple[str, dict[str, bytes]], answer: bytes | None, reason: str
) -> None:
    base, files = served
    models = known(base)
    if answer is not None:
        files[path_of(models)] = answer
    folder = tmp_path / "models"
    with pytest.raises(ModelError) as refused:
        Library(folder, known=models, environ={}).fetch(models.default.name)
    assert refused.value.reason == reason
    assert not folder.exists() or not list(folder.iterdir())


def test_a_source_that_does_not_answer_says_how_to_bring_the_file_by_hand(tmp_path: Path) -> None:
    models = known("http://127.0.0.1:1")
    with pytest.raises(ModelError, match="by hand") as refused:
        Library(tmp_path, known=models, environ={}).fetch(models.default.name)
    assert refused.value.reason == "fetch_unreachable"


def test_a_damaged_model_is_not_used_while_a_good_one_stands_elsewhere(tmp_path: Path) -> None:
    models = known("http://127.0.0.1:1")
    own, other = tmp_path / "own", tmp_path / "other"
    for folder, data in ((own, b"damaged"), (other, GOOD)):
        folder.mkdir()
        (folder / models.default.file).write_bytes(data)
    assert Library(own, known=models, environ={ENVIRONMENT: str(other)}).verify(models.default.name).path == (
        other / models.default.file
    )
    alone = Library(own, known=models, environ={})
    assert alone.verify(models.default.name).condition == "damaged"
    with pytest.raises(ModelError) as refused:
        alone.require(models.default.name)
    assert refused.value.reason == "model_hash"


def test_the_command_line_lists_and_verifies_for_programs(tmp_path: Path) -> None:
    listed = CliRunner().invoke(app, ["list", "--folder", str(tmp_path), "--json"])
    assert [item["name"] for item in json.loads(listed.stdout)] == [entry.name for entry in catalogue().models]
    (tmp_path / catalogue().models[1].file).write_bytes(b"no model")
    checked = CliRunner().invoke(app, ["verify", "--folder", str(tmp_path), "deimv2_femto_416", "--json"])
    state = json.loads(checked.stdout)[0]["state"]
    assert checked.exit_code == (0 if state == "good" else 1)
