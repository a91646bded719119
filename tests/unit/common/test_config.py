"""Configuration: strict, overridden by the environment, refused with a sentence that helps."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from guardian.common import config
from guardian.common.config import Section
from guardian.common.errors import ConfigError


class Detect(Section):
    """A section."""

    fps: float = Field(default=5, gt=0, le=30)
    threshold: float = 0.5


class Zone(Section):
    """An item of a list."""

    name: str
    inertia: int = 3


class Model(Section):
    """A tier's file."""

    state_dir: Path = Path("/var/lib/guardian")
    detect: Detect = Detect()
    zones: tuple[Zone, ...] = ()
    labels: dict[str, Detect] = {}


def load(folder: Path, text: str, environ: dict[str, str] | None = None) -> Model:
    path = folder / "edge.yaml"
    path.write_text(text)
    return config.load(Model, path, environ or {})


def refusal(folder: Path, text: str, environ: dict[str, str] | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(folder, text, environ)
    return caught.value


def test_an_empty_file_means_all_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, "") == Model()


def test_an_unknown_key_is_refused_with_the_nearest_known_one(tmp_path: Path) -> None:
    error = refusal(tmp_path, "detect:\n  treshold: 0.6\n")
    assert error.reason == "config_invalid"
    assert 'unknown key "treshold", did you mean "threshold"?' in str(error)
    assert "edge.yaml" in str(error)


def test_an_unknown_key_inside_a_list_or_mapping_is_named_too(tmp_path: Path) -> None:
    assert 'did you mean "inertia"?' in str(refusal(tmp_path, "zones: [{name: door, inerta: 2}]"))
    assert 'did you mean "fps"?' in str(refusal(tmp_path, "labels: {person: {fsp: 2}}"))


def test_a_key_like_no_other_is_answered_with_all_that_are_known(tmp_path: Path) -> None:
    assert "known here: fps, threshold" in str(refusal(tmp_path, "detect: {zzzzzz: 1}"))


def test_a_wrong_value_names_its_place(tmp_path: Path) -> None:
    assert "detect.fps: input should be less than or equal to 30" in str(refusal(tmp_path, "detect: {fps: 31}"))


def test_the_environment_overrides_the_file_and_is_read_as_yaml(tmp_path: Path) -> None:
    settings = load(tmp_path, "detect: {fps: 5, threshold: 0.4}", {"GUARDIAN_DETECT__FPS": "7.5"})
    assert (settings.detect.fps, settings.detect.threshold) == (7.5, 0.4)


def test_the_environment_may_set_what_the_file_leaves_out(tmp_path: Path) -> None:
    assert load(tmp_path, "", {"GUARDIAN_STATE_DIR": "/srv/g"}).state_dir == Path("/srv/g")


def test_variables_that_name_no_key_are_left_alone(tmp_path: Path) -> None:
    assert load(tmp_path, "", {"GUARDIAN_MODEL_PATH": "/x", "HOME": "/y"}) == Model()


def test_a_misspelt_key_in_the_environment_is_refused_like_one_in_the_file(tmp_path: Path) -> None:
    assert 'did you mean "fps"?' in str(refusal(tmp_path, "", {"GUARDIAN_DETECT__FP": "7"}))


def test_an_environment_value_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, "", {"GUARDIAN_DETECT__FPS": "[1"})
    assert error.reason == "config_syntax"
    assert "GUARDIAN_DETECT__FPS" in str(error)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"There is no configuration file .*nowhere.yaml") as caught:
        config.load(Model, tmp_path / "nowhere.yaml", {})
    assert caught.value.reason == "config_missing"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("detect: [", "config_syntax"),
        ("- a\n- b\n", "config_shape"),
        ("just words", "config_shape"),
        ("state_dir: !!python/object/apply:os.system ['true']", "config_syntax"),
        ("[" * 5000, "config_syntax"),
        ("a" * ((1 << 20) + 1), "config_too_large"),
    ],
)
def test_what_is_no_configuration_is_refused_with_its_reason(tmp_path: Path, text: str, reason: str) -> None:
    assert refusal(tmp_path, text).reason == reason


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "edge.yaml"
    path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(ConfigError) as caught:
        config.load(Model, path, {})
    assert caught.value.reason == "config_unreadable"


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(Model, tmp_path, {})
    assert caught.value.reason == "config_unreadable"


def test_sections_cannot_be_changed_after_they_were_checked(tmp_path: Path) -> None:
    settings = load(tmp_path, "")
    with pytest.raises(ValueError, match="frozen"):
        settings.detect.fps = 1


@given(st.dictionaries(st.text(max_size=8), st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists)))
def test_any_mapping_is_either_taken_or_refused_with_a_sentence(raw: dict[str, object]) -> None:
    try:
        config.parse(Model, raw, source="x.yaml")
    except ConfigError as error:
        assert str(error).startswith("x.yaml: ")
