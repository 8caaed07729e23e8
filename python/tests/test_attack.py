"""Attacks: what comes back is what was asked for, and says of itself what numpy says of it."""

import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import asma
from conftest import WEIGHTS, lesions


def iou(a, b):
    both = np.logical_and(a == 1, b == 1).sum()
    return both / np.logical_or(a == 1, b == 1).sum()


def test_metrics_are_those_of_the_images(model, images, targets):
    for attack, options in [("asma", {"steps": 30}), ("pgd", {"steps": 10, "eps": 0.06}), ("cospgd", {"steps": 4, "norm": "l2"})]:
        result = asma.attack(model, images, targets, attack, **options)
        assert len(result) == 3 and result.adversarial.shape == images.shape
        assert np.array_equal(result.targets, targets)
        assert np.array_equal(result.predictions_before, model.predict(images))
        assert np.array_equal(result.predictions, model.predict(result.adversarial))
        for place, metrics in enumerate(result.metrics):
            difference = result.adversarial[place].astype(np.float64) - images[place]
            assert metrics["linf"] == pytest.approx(np.abs(difference).max(), rel=1e-5)
            assert metrics["l2"] == pytest.approx(np.sqrt((difference**2).sum()), rel=1e-5)
            assert metrics["iou"] == pytest.approx(iou(result.predictions[place], targets[place]), abs=1e-6)
            assert metrics["before"]["l2"] == 0
            assert metrics["iterations"] == len(result.traces[place]["iou"])
            rounded = result.rounded[place] * 255
            assert np.allclose(rounded, np.round(rounded), atol=1e-3)
            predicted = model.predict(result.rounded[place], layout="CHW")
            assert metrics["rounded_to_8_bits"]["iou"] == pytest.approx(iou(predicted, targets[place]), abs=1e-6)
        assert 0 <= result.adversarial.min() and result.adversarial.max() <= 1


def test_a_budget_is_kept(model, images, targets):
    for eps in (2 / 255, "2/255"):
        result = asma.attack(model, images, targets, "pgd", eps=eps, alpha=1 / 255, steps=5)
        assert np.abs(result.adversarial - images).max() <= 2 / 255 + 1e-6
    result = asma.attack(model, images, targets, "segpgd", norm="l2", eps=0.5, steps=5)
    assert all(metrics["l2"] <= 0.5 + 1e-5 for metrics in result.metrics)


def test_the_right_way(model, images, targets):
    towards = asma.attack(model, images, targets, "asma", steps=60)
    assert all(metrics["iou"] > metrics["before"]["iou"] for metrics in towards.metrics)
    away = asma.attack(model, images, None, "pgd", targeted=False, steps=10)
    assert all(metrics["iou"] < 0.8 and metrics["before"]["iou"] == 1 for metrics in away.metrics)
    same = asma.attack(model, images, model.predict(images), "pgd", targeted=False, steps=10)
    assert np.array_equal(same.adversarial, away.adversarial)
    grown = asma.attack(model, images, "scale:1.5", "asma", steps=5)
    assert grown.targets.sum() > model.predict(images).sum()


def test_a_batch_comes_to_what_its_images_come_to_alone(model, images, targets):
    for options in ({"attack": "asma", "steps": 12}, {"attack": "apgd", "steps": 6, "random_start": True, "seed": 4}):
        together = asma.attack(model, images, targets, **options)
        in_twos = asma.attack(model, images, targets, batch=2, **options)
        assert np.array_equal(together.adversarial, in_twos.adversarial)
        for place in range(3):
            alone = asma.attack(model, images[place], targets[place], layout="CHW", **options)
            assert np.array_equal(alone.adversarial, together.adversarial[place])
            for name, column in alone.traces[0].items():
                assert np.array_equal(column, together.traces[place][name]), name
            assert {**alone.metrics[0], "seconds": 0} == {**together.metrics[place], "seconds": 0}


def test_traces_say_how_it_came_along(model, images, targets):
    asma_trace = asma.attack(model, images, targets, steps=7).traces[0]
    assert list(asma_trace) == ["iteration", "pixel_accuracy", "iou", "l2", "linf", "multiplier"]
    assert np.array_equal(asma_trace["iteration"], np.arange(7))
    pgd = asma.attack(model, images, targets, "pgd", steps=7).traces[0]
    assert set(pgd) == {"iteration", "loss", "pixel_accuracy", "iou", "l2", "linf", "step", "success_rate"}
    assert len(pgd["loss"]) == 8 and np.isfinite(pgd["loss"]).all()
    assert pgd["loss"][-1] < pgd["loss"][0], "a targeted attack steps the loss down"


def test_there_may_be_nothing_to_attack(model, images, targets):
    targets = targets.copy()
    targets[1] = model.predict(images)[1]
    result = asma.attack(model, images, targets, "pgd", steps=2)
    assert result.stops[1] == "nothing to attack"
    assert np.array_equal(result.adversarial[1], images[1])
    assert not np.array_equal(result.adversarial[2], images[2])


def test_options_of_all_kinds_are_passed_on(model, images, targets):
    settings = asma.attack(
        model,
        images,
        targets,
        "asma",
        steps=2,
        tau=1e-4,
        lambda_=0.5,
        classes=[1],
        mask="static",
        schedule="two-forward",
        published=True,
    ).summaries[0]
    assert (settings["tau"], settings["lambda"], settings["classes"]) == (pytest.approx(1e-4), 0.5, [1])
    assert (settings["mask"], settings["schedule"], settings["objective"]) == ("static", "two-forward", "logit")
    worst = asma.attack(model, images[:1], targets[:1], "sea", steps=4)
    assert len(worst.summaries[0]["worst_of"]) == 3


@pytest.mark.parametrize(
    "options, words",
    [
        ({"attack": "carlini"}, "carlini.*want one of"),
        ({"attack": "pgd", "epsilon": 0.1}, "epsilon.*want one of"),
        ({"attack": "asma", "eps": 0.1}, "`eps` is an option of attacks with a budget"),
        ({"attack": "pgd", "eps": 8}, "eps is 8"),
        ({"attack": "pgd", "eps": float("nan")}, "eps is NaN"),
        ({"attack": "pgd", "steps": 0}, "0 steps"),
        ({"attack": "pgd", "steps": -1}, "whole number"),
        ({"attack": "pgd", "steps": 2.5}, "whole number"),
        ({"attack": "pgd", "norm": "l1"}, "linf, l2"),
        ({"attack": "pgd", "batch": 0}, "batch is 0"),
        ({"attack": "pgd", "device": "no such device"}, "no such device"),
        ({"attack": "pgd", "loss": object()}, "option"),
        ({"attack": "asma", "targeted": False}, "leads towards a target"),
        ({"attack": "pgd", "region": np.zeros((48, 64), bool)}, "foreground|region"),
        ({"attack": "pgd", "region": np.full((48, 64), 3)}, "class 3"),
        ({"attack": "pgd", "layout": "HWC"}, "axes"),
    ],
)
def test_what_cannot_be_is_refused(model, images, targets, options, words):
    with pytest.raises(asma.Error, match=words):
        asma.attack(model, images, targets, **options)


def test_the_model_is_no_array(images, targets):
    with pytest.raises(asma.UsageError, match="asma.load"):
        asma.attack(images, images, targets)


def test_a_callback_is_told_and_may_end_it(model, images, targets):
    told = []

    def callback(now):
        told.append(now)
        return now.iterations[0] >= 3

    result = asma.attack(model, images, targets, "asma", steps=400, callback=callback)
    assert result.stops == ["interrupted"] * 3
    assert told[-1].images == [0, 1, 2] and told[-1].limit == 400
    done = told[-1].iterations[0]
    assert 3 <= len(result.traces[0]["iou"]) < 400
    assert told[-1].iou[1] == result.traces[1]["iou"][done - 1]
    assert told[-1].l2[2] == result.traces[2]["l2"][done - 1]
    assert (result.adversarial != images).any(axis=(1, 2, 3)).all()


def test_images_whose_turn_did_not_come_are_as_they_were(model, images, targets):
    result = asma.attack(model, images, targets, "pgd", steps=40, batch=1, callback=lambda now: now.iterations[0] > 3)
    assert result.stops == ["interrupted"] * 3
    assert not np.array_equal(result.adversarial[0], images[0])
    assert np.array_equal(result.adversarial[1:], images[1:])
    assert len(result.traces[2]["iou"]) == 0


def test_what_a_callback_raises_is_raised(model, images, targets):
    calls = []

    def callback(now):
        calls.append(now)
        raise LookupError("of the callback's own")

    with pytest.raises(LookupError, match="of the callback's own"):
        asma.attack(model, images, targets, "pgd", steps=400, callback=callback)
    assert len(calls) == 1


def test_ctrl_c_ends_it_and_keeps_what_is_done(model, images, targets):
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(asma.Interrupted, match="result") as interrupted:
        asma.attack(model, images, targets, "asma", steps=20_000)
    result = interrupted.value.result
    assert isinstance(interrupted.value, KeyboardInterrupt)
    assert result.stops == ["interrupted"] * 3 and len(result.traces[0]["iou"]) > 0
    assert not np.array_equal(result.adversarial, images)


def test_memory_stays_as_it_is():
    script = f"""
import asma
from conftest import lesions
model = asma.load({str(WEIGHTS)!r}, device="cpu")
images = lesions(2)

def used():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

def work(times):
    for _ in range(times):
        result = asma.attack(model, images, None, "pgd", targeted=False, steps=1)
        result.traces, result.predictions, model.predict(images), model.logits(images)

work(10)
before = used()
work(40)
grown = used() - before
assert grown < 8 << 20, grown
"""
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("the system does not tell")
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(__file__)}
    subprocess.run([sys.executable, "-c", script], check=True, timeout=300, env=environment)


def test_notes_are_warnings(model, images):
    with pytest.warns(UserWarning, match="dl"):
        asma.attack(model, images, None, "apgd", targeted=False, steps=1, loss="dlr")
