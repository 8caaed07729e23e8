"""Pictures of results."""

import sys

import numpy as np
import pytest

import asma


@pytest.fixture(scope="module")
def result(model, images, targets):
    return asma.attack(model, images, targets, "asma", steps=10)


def test_a_figure_is_a_picture(result):
    pytest.importorskip("PIL")
    picture = asma.figure(result, 1)
    assert picture.mode == "RGB" and picture.width > 500 and picture.height > 500
    assert len(np.unique(np.asarray(picture))) > 100
    assert not np.array_equal(np.asarray(picture), np.asarray(asma.figure(result, 0)))
    with pytest.raises(IndexError):
        asma.figure(result, 3)


def test_a_notebook_shows_a_result(result):
    pytest.importorskip("PIL")
    page = result._repr_html_()
    assert page.count("<tr>") == 4 and "data:image/png;base64," in page


def test_without_pillow_the_numbers_are_shown(result, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert "<table>" in result._repr_html_() and "base64" not in result._repr_html_()
    with pytest.raises(ImportError, match="pip install pillow"):
        asma.figure(result)
    assert "3 images" in repr(result)
