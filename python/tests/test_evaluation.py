"""Attacks over many images, from arrays and from whatever gives pairs."""

import os
import signal
import threading

import numpy as np
import pytest

import asma
from conftest import lesions


def numbers(evaluation):
    def without_time(record):
        return {name: value for name, value in record.items() if name != "seconds"}

    return [without_time(record) for record in evaluation.records]


def test_all_ways_to_give_pairs_come_to_the_same(model, images, targets):
    options = dict(attack="pgd", steps=3, progress=False)
    wanted = numbers(asma.evaluate(model, images, targets, **options))
    assert len(wanted) == 3 and {record["status"] for record in wanted} == {"done"}
    pairs = list(zip(images, targets))
    assert numbers(asma.evaluate(model, pairs, **options)) == wanted
    assert numbers(asma.evaluate(model, (pair for pair in pairs), batch=2, **options)) == wanted
    batches = [(images[:2], targets[:2]), [images[2:], targets[2:]]]
    assert numbers(asma.evaluate(model, batches, **options)) == wanted


def test_records_say_what_attacks_say(model, images, targets):
    truth = model.predict(images)
    truth[:, :3] = 255
    evaluation = asma.evaluate(model, images, targets, "pgd", labels=truth, steps=3, thresholds=[0.3], progress=False)
    result = asma.attack(model, images, targets, "pgd", steps=3)
    for record, metrics in zip(evaluation.records, result.metrics):
        assert record["clean_iou"] == 1.0
        assert record["float"]["iou"] == pytest.approx(metrics["iou"], abs=1e-7)
        assert record["float"]["l2"] == pytest.approx(metrics["l2"], abs=1e-7)
        assert record["as_8_bits"]["iou"] == pytest.approx(metrics["rounded_to_8_bits"]["iou"], abs=1e-7)
        assert record["float"]["success"] == [metrics["iou"] >= 0.3]
        assert record["forward_passes"] == 4
    mean = evaluation.summary["settings"][0]["float"]["iou"]["mean"]
    assert mean == pytest.approx(np.mean([metrics["iou"] for metrics in result.metrics]), abs=1e-6)
    assert "pgd" in evaluation.table and "pgd" in evaluation.latex
    assert evaluation._repr_markdown_() == evaluation.table and "3 attacks" in repr(evaluation)


def test_several_attacks_are_compared(model, images):
    attacks = {"fgsm": {}, "pgd": {"steps": 5, "eps": "4/255"}}
    evaluation = asma.evaluate(model, images, attack=attacks, targeted=False, progress=False)
    names = [setting["name"] for setting in evaluation.summary["settings"]]
    assert names == ["fgsm", "pgd eps=4/255 steps=5"]
    assert [record["task"] for record in evaluation.records] == list(range(6))
    with pytest.raises(asma.UsageError, match="twice"):
        asma.evaluate(model, images, attack=["pgd", "pgd"], targeted=False, progress=False)


def test_an_image_that_cannot_be_attacked_spoils_no_other(model, images, targets):
    targets = targets.copy()
    targets[1] = 9
    evaluation = asma.evaluate(model, images, targets, "pgd", steps=2, progress=False)
    assert [record["status"] for record in evaluation.records] == ["done", "failed", "done"]
    assert "class 9" in evaluation.records[1]["reason"]
    assert evaluation.summary["failed"] == 1


def test_images_may_differ_in_size(model, images, targets):
    pairs = [(images[0], targets[0]), (images[1, :, :32], targets[1, :32]), (images[2], targets[2])]
    evaluation = asma.evaluate(model, pairs, attack="pgd", steps=2, progress=False)
    assert [record["input_size"] for record in evaluation.records] == [[48, 64], [32, 64], [48, 64]]


@pytest.mark.parametrize(
    "given, options, words",
    [
        ([1, 2], {}, "element 0 is a int"),
        ([(np.zeros((3, 8)), 0)], {}, "2 axes"),
        (None, {"layout": "CHW"}, "layout is CHW"),
        (None, {"batch": 0}, "batch is 0"),
        (None, {"attack": []}, "no attack"),
        (None, {"attack": "carlini"}, "carlini"),
    ],
)
def test_what_cannot_be_is_refused(model, images, targets, given, options, words):
    with pytest.raises(asma.UsageError, match=words):
        data = (images, targets) if given is None else (given,)
        asma.evaluate(model, *data, **{"progress": False, **options})


def test_ctrl_c_keeps_the_records_of_what_is_done(model):
    many = lesions(4)

    def pairs():
        for place, image in enumerate(many):
            if place == 2:
                os.kill(os.getpid(), signal.SIGINT)
            yield image, "scale:1.5"

    with pytest.raises(asma.Interrupted) as interrupted:
        asma.evaluate(model, pairs(), attack="pgd", steps=2, batch=1, progress=False)
    assert 1 <= len(interrupted.value.result.records) <= 2
    assert interrupted.value.result.summary["done"] == len(interrupted.value.result)


def test_a_bar_is_shown_where_tqdm_is(model, images, capsys):
    pytest.importorskip("tqdm")
    asma.evaluate(model, images, attack="fgsm", targeted=False)
    assert "3/3" in capsys.readouterr().err
