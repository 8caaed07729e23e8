"""What images and masks may be: all that is understood comes to the same numbers, the rest is refused with what is wanted."""

import numpy as np
import pytest

import asma


class Duck:
    """Has `__array__` and nothing else."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array if dtype is None else self.array.astype(dtype)


class Exchanged:
    """Has DLPack and nothing else."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


class Elsewhere:
    """A tensor on a GPU, as far as it can be told."""

    class device:
        type = "cuda"

        def __str__(self):
            return "cuda:0"

    device = device()


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def with_gaps(array):
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


@pytest.mark.parametrize(
    "given",
    [
        lambda x: x.astype(np.float64),
        np.asfortranarray,
        with_gaps,
        lambda x: x[:, :, ::-1][:, :, ::-1],
        read_only,
        lambda x: x.astype(">f4"),
        lambda x: x.tolist(),
        Duck,
        Exchanged,
    ],
    ids=["float64", "columns first", "gaps", "turned", "read-only", "big-endian", "list", "__array__", "DLPack"],
)
def test_images_of_every_kind_come_to_the_same(model, images, given):
    assert np.array_equal(model.logits(given(images)), model.logits(images))


def test_layouts_come_to_the_same(model, images):
    logits = model.logits(images)
    predictions = model.predict(images)
    last = images.transpose(0, 2, 3, 1)
    assert np.array_equal(model.logits(last, layout="NHWC"), logits)
    assert np.array_equal(model.logits(images[1], layout="CHW"), logits[1:2])
    assert np.array_equal(model.predict(last[1], layout="HWC"), predictions[1])
    seed = np.ones_like(logits)
    gradient = model.input_gradient(images, seed)
    assert np.array_equal(model.input_gradient(last, seed, layout="NHWC"), gradient.transpose(0, 2, 3, 1))
    assert np.array_equal(model.input_gradient(images[2], seed[2], layout="CHW"), gradient[2])


def test_whole_numbers_are_read_within_their_bounds(model, images):
    levels = np.round(images * 255).astype(np.uint8)
    exact = (levels / 255).astype(np.float32)
    assert np.array_equal(model.logits(levels, bounds=(0, 255)), model.logits(exact))
    result = asma.attack(
        model, levels, None, "pgd", targeted=False, steps=4, eps=8 / 255, bounds=(0, 255)
    )
    alone = asma.attack(model, exact, None, "pgd", targeted=False, steps=4, eps=8 / 255)
    assert result.metrics[0]["linf"] == alone.metrics[0]["linf"]
    assert result.adversarial.dtype == np.float32
    assert np.allclose(result.adversarial, alone.adversarial * 255, atol=1e-4)
    assert np.abs(result.adversarial - levels).max() == pytest.approx(8, abs=1e-3)


def test_a_gradient_is_for_the_values_that_were_given(model, images):
    seed = np.ones_like(model.logits(images))
    wide = images * 4 - 2
    gradient = model.input_gradient(images, seed)
    assert np.allclose(model.input_gradient(wide, seed, bounds=(-2, 2)), gradient / 4, rtol=1e-3, atol=1e-5)


def test_masks_of_every_kind_come_to_the_same(model, images, targets):
    def attacked(masks, **options):
        return asma.attack(model, images, masks, "pgd", steps=2, **options).adversarial

    wanted = attacked(targets)
    for masks in (targets.astype(np.int64), targets.astype(bool), targets[:, None], with_gaps(targets), read_only(targets)):
        assert np.array_equal(attacked(masks), wanted)
    one = attacked(targets[0])
    assert np.array_equal(one, attacked(targets[:1]))
    assert np.array_equal(one, attacked(np.stack([targets[0]] * 3)))
    region = np.zeros(targets.shape[1:], bool)
    region[:10] = True
    moved = attacked(targets, region=region) != images
    assert moved[:, :, :10].any() and not moved[:, :, 10:].any()


def nan(images):
    images = images.copy()
    images[1, 0, 3, 4] = np.nan
    return images


@pytest.mark.parametrize(
    "given, options, words",
    [
        (lambda x: x[0], {}, ["3 axes", 'layout="CHW"']),
        (lambda x: x.transpose(0, 2, 3, 1), {}, ["channels", 'layout="NHWC"']),
        (lambda x: x[:, :1], {}, ["1 channels", "takes 3"]),
        (lambda x: x[:0], {}, ["hold nothing"]),
        (lambda x: x * 2, {}, ["values from", "bounds"]),
        (lambda x: x - 1, {}, ["values from"]),
        (nan, {}, ["NaN"]),
        (lambda x: np.where(x > 0.5, np.inf, x), {}, ["inf"]),
        (lambda x: (x * 255).astype(np.uint8), {}, ["uint8", "bounds=(0, 255)"]),
        (lambda x: x > 0.5, {}, ["bool"]),
        (lambda x: x.astype(complex), {}, ["complex"]),
        (lambda x: x.astype(object), {}, ["object"]),
        (lambda x: x, {"layout": "nchw"}, ["nchw", "NHWC"]),
        (lambda x: x, {"bounds": (1, 0)}, ["bounds", "lower first"]),
        (lambda x: x, {"bounds": 255}, ["bounds", "two numbers"]),
        (lambda x: x, {"bounds": (0, float("nan"))}, ["bounds", "finite"]),
        (lambda x: "images.png", {}, ["str", "want"]),
        (lambda x: [[1, 2], [3]], {}, ["array"]),
        (lambda x: Elsewhere(), {}, ["cuda:0", ".cpu()"]),
        (lambda x: np.ma.masked_less(x, 0.5), {}, ["masked array", "filled"]),
        (lambda x: x[0, 0, 0, 0], {}, ["0 axes"]),
        (lambda x: x.astype("M8[s]"), {}, ["datetime64"]),
        (lambda x: np.zeros(x.shape, [("red", "f4")]), {}, ["red"]),
        (lambda x: {"images": x}, {}, ["dict"]),
        (lambda x: (x * 255).astype(np.int16) - 300, {"bounds": (0, 255)}, ["values from -"]),
    ],
)
def test_other_images_are_refused(model, images, given, options, words):
    with pytest.raises(asma.UsageError) as refused:
        model.predict(given(images), **options)
    for word in words:
        assert word in str(refused.value)
    assert isinstance(refused.value, ValueError)


@pytest.mark.parametrize(
    "given, words",
    [
        (lambda y: y.astype(np.float32), ["float32", "class indices"]),
        (lambda y: y.astype(np.int16) - 1, ["-1", "255"]),
        (lambda y: y.astype(np.int32) * 300, ["300"]),
        (lambda y: y * 7, ["class 7", "0 to 1"]),
        (lambda y: y[:2], ["2 targets", "3 images"]),
        (lambda y: y[:, :-1], ["64×47", "64×48"]),
        (lambda y: y[0, 0], ["N×H×W"]),
        (lambda y: np.full_like(y, 255), ["foreground"]),
        (lambda y: y * 0, ["foreground"]),
        (lambda y: "scale:0", ["scale"]),
        (lambda y: "elsewhere.png", ["elsewhere.png"]),
        (lambda y: None, ["no targets"]),
        (lambda y: y * np.nan, ["float64"]),
        (lambda y: np.ma.masked_equal(y, 1), ["masked array"]),
        (lambda y: y.astype(np.uint64) + 2**40, ["1099511627777"]),
        (lambda y: y[:, None].repeat(2, 1), ["N×H×W"]),
        (lambda y: y[:, :0], ["N×H×W"]),
    ],
)
def test_other_masks_are_refused(model, images, targets, given, words):
    with pytest.raises(asma.Error) as refused:
        asma.attack(model, images, given(targets), "pgd", steps=1)
    assert any(word in str(refused.value) for word in words), str(refused.value)


def test_seeds_and_regions_of_every_kind_come_to_the_same(model, images, targets):
    logits = model.logits(images)
    gradient = model.input_gradient(images, logits)
    region = np.zeros(targets.shape, np.uint8)
    region[:, 5:20] = 1

    def attacked(region):
        return asma.attack(model, images, targets, "pgd", steps=2, region=region).adversarial

    wanted = attacked(region)
    for given in (np.asfortranarray, with_gaps, read_only, lambda x: x[::-1][::-1], lambda x: x.tolist(), Duck, Exchanged):
        assert np.array_equal(model.input_gradient(images, given(logits)), gradient)
        assert np.array_equal(attacked(given(region)), wanted)


def test_what_is_given_is_not_changed(model, images, targets):
    region = np.ones(targets.shape, np.uint8)
    given = [images.copy(), targets.copy(), region.copy()]
    result = asma.attack(model, given[0], given[1], "pgd", steps=2, region=given[2])
    gradient = model.input_gradient(given[0], model.logits(given[0]))
    result.adversarial[:], gradient[:] = 0, 0
    for array, as_it_was in zip(given, (images, targets, region)):
        assert np.array_equal(array, as_it_was)


def test_an_array_may_be_written_to_once_its_images_are_under_way(model, images, targets):
    def attacked(batch, overwrite):
        given = images.copy()
        masks = targets.copy()

        def callback(now):
            if overwrite:
                given[:], masks[:] = np.nan, 7

        return asma.attack(model, given, masks, "pgd", steps=6, batch=batch, callback=callback).adversarial

    for batch in (None, 1):
        assert np.array_equal(attacked(batch, True), attacked(batch, False))


def test_other_seeds_are_refused(model, images):
    seed = np.ones_like(model.logits(images))
    for given, word in [(seed[:2], "shape"), (seed * np.nan, "NaN"), (seed > 0, "bool"), (seed[:, :, 1:], "shape")]:
        with pytest.raises(asma.UsageError, match=word):
            model.input_gradient(images, given)
