"""Images that are tried trust keys of the tests: they take no place of one that is handed out, nor of its tree."""

import sys

import pytest
from tests.image import conftest
from tools import image_test
from tools.image import __main__ as image
from tools.image import root


def test_what_is_tried_lies_apart_from_what_is_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    places = set()
    for _, words in image_test.BAKES:
        monkeypatch.setattr(sys, "argv", ["image", *image_test.EACH, *words])
        given = image.parse()
        assert given.seed_key and given.update_key
        assert given.work == conftest.TRIED != root.BUILD
        places.add(given.into)
    assert places == {conftest.OUT, conftest.PACKED, conftest.TRIED / "node"}
    assert not places & set(image.INTO.values())


def test_what_is_handed_out_trusts_nobody_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["image"])
    given = image.parse()
    assert (given.seed_key, given.update_key, given.work) == ([], [], root.BUILD)
