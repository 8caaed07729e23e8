"""Networks: what they predict, their gradient, from several threads, and what is refused."""

import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest

import asma
from conftest import ROOT, WEIGHTS, lesions


def test_a_prediction_is_the_class_of_the_largest_logit(model, images):
    logits = model.logits(images)
    assert logits.shape == (3, 2, *images.shape[2:]) and logits.dtype == np.float32
    predictions = model.predict(images)
    assert predictions.dtype == np.uint8
    assert np.array_equal(predictions, logits.argmax(1))
    assert 0 < predictions.mean() < 0.5, "the spots are seen"


def test_images_are_independent_of_each_other(model):
    many = lesions(19, seed=3)
    logits = model.logits(many)
    assert np.array_equal(logits[17:18], model.logits(many[17:18]))


def test_the_gradient_is_the_slope(model, images):
    random = np.random.default_rng(1)
    images = np.clip(images, 0.1, 0.9)
    seed = random.normal(size=model.logits(images).shape).astype(np.float32)
    gradient = model.input_gradient(images, seed)
    assert gradient.shape == images.shape
    # Away from kinks as far as a straight line goes: along the gradient itself.
    length = np.linalg.norm(gradient.astype(np.float64))
    direction = (gradient / length).astype(np.float32)
    step = 1e-3

    def loss(x):
        return float((model.logits(x).astype(np.float64) * seed).sum())

    slope = (loss(images + step * direction) - loss(images - step * direction)) / (2 * step)
    assert length == pytest.approx(slope, rel=0.01)
    assert np.allclose(model.input_gradient(images, 2 * seed), 2 * gradient, rtol=1e-4, atol=1e-5)


def test_inspect_says_what_the_network_is(model):
    found = model.inspect(height=96, width=128, images=2)
    assert found["channels"] == model.channels == 3
    assert found["classes"] == model.classes == 2
    assert found["flops_forward"] > 0 and found["memory_bytes"] > 0
    assert found["layers"][-1]["shape"] == [2, 2, 96, 128]
    assert "SimpleUnet" in model.description and "SimpleUnet" in repr(model)


def test_options_change_what_the_network_is_given(images):
    plain = asma.load(WEIGHTS, device="cpu")
    shifted = asma.load(str(WEIGHTS), device="cpu", mean=(0.1, 0.2, 0.3), std=2.0)
    moved = (images - np.array([0.1, 0.2, 0.3], np.float32)[:, None, None]) / 2
    inside = (moved - moved.min()) / (moved.max() - moved.min())
    assert not np.array_equal(plain.logits(images), shifted.logits(images))
    as_given = asma.load(WEIGHTS, device="cpu", bounds=(float(moved.min()), float(moved.max())))
    assert np.allclose(as_given.logits(inside), shifted.logits(images), atol=1e-3)


@pytest.mark.parametrize(
    "path, options, error, words",
    [
        ("nowhere.onnx", {}, asma.FileError, "nowhere.onnx"),
        (ROOT / "weights" / "demo.png", {}, asma.FileError, "demo.png"),
        (WEIGHTS, {"device": "no such device"}, asma.DeviceError, "no such device"),
        (WEIGHTS, {"device": ""}, asma.UsageError, "device is empty"),
        (WEIGHTS, {"std": 0}, asma.UsageError, "above 0"),
        (WEIGHTS, {"mean": (1, 2)}, asma.UsageError, "2 numbers"),
        (WEIGHTS, {"normalise": "cifar"}, asma.UsageError, "cifar"),
        (WEIGHTS, {"mean": object()}, asma.UsageError, "option"),
        (object(), {}, asma.UsageError, "from_torch"),
    ],
)
def test_what_cannot_be_loaded_is_refused(path, options, error, words):
    with pytest.raises(error, match=words):
        asma.load(path, **{"device": "cpu", **options})


def test_sizes_that_a_network_does_not_take_are_refused(model):
    with pytest.raises(asma.Error, match="image 0.*too small"):
        model.predict(np.zeros((1, 3, 1, 0x7FFF), np.float32))


def test_a_model_is_not_pickled(model):
    with pytest.raises(TypeError, match="load it there"):
        pickle.dumps(model)


def test_threads_share_a_model(model):
    batches = [lesions(2, seed) for seed in range(4)]
    alone = [model.logits(batch) for batch in batches]
    attacked = [asma.attack(model, batch, None, "pgd", targeted=False, steps=3).adversarial for batch in batches]
    failed = []

    def work(place):
        try:
            for _ in range(3):
                assert np.array_equal(model.logits(batches[place]), alone[place])
                result = asma.attack(model, batches[place], None, "pgd", targeted=False, steps=3)
                assert np.array_equal(result.adversarial, attacked[place])
        except BaseException as problem:
            failed.append(problem)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not failed


def test_other_threads_run_meanwhile(model):
    """Python's lock is released: a thread counts on while another attacks."""
    counted = []
    done = threading.Event()

    def count():
        while not done.wait(0.002):
            counted.append(len(counted))

    thread = threading.Thread(target=count)
    thread.start()
    asma.attack(model, lesions(4), None, "pgd", targeted=False, steps=20)
    done.set()
    thread.join()
    assert len(counted) > 5


def test_a_model_whose_last_name_is_gone_runs_to_the_end(images):
    held = [asma.load(WEIGHTS, device="cpu")]
    wanted = asma.attack(held[0], images, None, "pgd", targeted=False, steps=5).adversarial
    result = asma.attack(
        held[0], images, None, "pgd", targeted=False, steps=5, callback=lambda now: held.clear()
    )
    assert held == [] and np.array_equal(result.adversarial, wanted)


def devices():
    """The CPU and, where there is one, a GPU, be it software."""
    gpus = [str(device["index"]) for device in asma.devices()[:1]]
    if not gpus and "ASMA_REQUIRE_GPU" in os.environ:
        raise AssertionError("ASMA_REQUIRE_GPU is set, and there is no GPU")
    return ["cpu", *gpus]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("device", devices())
def test_a_forked_process_is_told_that_its_threads_are_gone(device):
    script = f"""
import os, sys
import numpy as np
import asma
model = asma.load({str(WEIGHTS)!r}, device={device!r})
images = np.zeros((1, 3, 32, 32), np.float32)
model.predict(images)
child = os.fork()
if child == 0:
    for work in (
        lambda: model.predict(images),
        lambda: asma.attack(model, images, None, "fgsm", targeted=False),
        lambda: asma.load({str(WEIGHTS)!r}, device={device!r}),
    ):
        try:
            work()
            os._exit(1)
        except asma.DeviceError as error:
            if "forked" not in str(error):
                os._exit(2)
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, timeout=120)


def test_an_import_brings_numpy_alone():
    script = """
import sys
import asma
heavy = {"torch", "PIL", "tqdm", "onnx", "IPython"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


def test_attacks_and_devices_are_named():
    attacks = asma.attacks()
    assert {"asma", "pgd", "segpgd", "cospgd", "apgd", "sea", "dag", "alma-prox", "pdpgd"} <= set(attacks)
    assert all(attacks.values())
    for device in asma.devices():
        assert {"index", "name", "backend", "type", "hardware", "driver"} == set(device)
