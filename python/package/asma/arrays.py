"""What images and masks may be, and how they become arrays of one type and order: understood, or refused."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import UsageError

LAYOUTS = ("NCHW", "NHWC", "CHW", "HWC")

IGNORE = 255
"""The label of pixels that no loss and no statistic looks at."""


def as_array(value: Any, what: str) -> np.ndarray:
    """The array behind anything that has `__array__` or DLPack, such as a CPU tensor of torch."""
    if isinstance(value, np.ma.MaskedArray):
        raise UsageError(
            f"the {what} are a masked array, and what stands behind its mask would be taken too; give value.filled(…), and 255 "
            "in targets for pixels to leave out"
        )
    if isinstance(value, np.ndarray):
        return value
    detach = getattr(value, "detach", None)
    if callable(detach):
        value = detach()
    on_host = getattr(value, "device", None)
    if getattr(on_host, "type", "cpu") not in ("cpu", ""):
        raise UsageError(f"the {what} are on the device `{on_host}`; asma takes them from memory: give them with .cpu()")
    try:
        if hasattr(value, "__array__"):
            return np.asarray(value)
        if hasattr(value, "__dlpack__"):
            return np.from_dlpack(value)
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError, BufferError) as problem:
        raise UsageError(f"the {what} cannot be read as an array: {problem}") from problem
    if array.dtype.kind in "OSU":
        raise UsageError(f"the {what} are {type(value).__name__}; want an array of numbers, all rows of one length")
    return array


def check_layout(layout: str) -> str:
    if layout not in LAYOUTS:
        raise UsageError(f"the layout is `{layout}`; want one of {', '.join(LAYOUTS)}")
    return layout


def check_bounds(bounds: tuple[float, float]) -> tuple[float, float]:
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError) as problem:
        raise UsageError(f"bounds are {bounds!r}; want two numbers, such as (0, 255)") from problem
    if not (np.isfinite([low, high]).all() and low < high):
        raise UsageError(f"bounds are {bounds!r}; want two finite numbers, the lower first, such as (0, 255)")
    return low, high


def to_images(value: Any, channels: int, layout: str, bounds: tuple[float, float]) -> np.ndarray:
    """Images as N×C×H×W of float32 from 0 to 1."""
    array = as_array(value, "images")
    check_layout(layout)
    if array.ndim != len(layout):
        hint = ""
        if array.ndim == 3 and len(layout) == 4:
            hint = f'; of a single image say layout="{layout[1:]}", or give images[None]'
        raise UsageError(f"images have {array.ndim} axes {array.shape}; want {len(layout)} for the layout {layout}{hint}")
    if array.size == 0:
        raise UsageError(f"images of shape {array.shape} hold nothing; want at least one")
    found = array.shape[layout.index("C")]
    if found != channels:
        other = {"NCHW": "NHWC", "NHWC": "NCHW", "CHW": "HWC", "HWC": "CHW"}[layout]
        hint = ""
        if array.shape[other.index("C")] == channels:
            hint = f'; if they are {other}, say layout="{other}"'
        raise UsageError(
            f"images of shape {array.shape} have {found} channels in the layout {layout}, and the network takes "
            f"{channels}{hint}"
        )
    low, high = check_bounds(bounds)
    kind = array.dtype.kind
    if kind in "iu" and (low, high) == (0.0, 1.0):
        raise UsageError(
            f"images are whole numbers ({array.dtype}), and bounds are (0, 1); say which values stand for black and "
            "white, such as bounds=(0, 255)"
        )
    if kind not in "fiu":
        raise UsageError(f"images are {array.dtype}; want floats, or whole numbers with bounds such as (0, 255)")
    if len(layout) == 3:
        array = array[None]
    if layout.endswith("HWC"):
        array = array.transpose(0, 3, 1, 2)
    least, largest = float(np.min(array)), float(np.max(array))
    # A number that is none is neither.
    if not (low <= least and largest <= high):
        if np.isnan(array.astype(np.float64, copy=False)).any():
            raise UsageError("images hold NaN; want numbers within bounds")
        raise UsageError(
            f"images hold values from {least:g} to {largest:g}, and bounds are ({low:g}, {high:g}); say which values "
            "stand for black and white with bounds=(LOW, HIGH)"
        )
    if (low, high) != (0.0, 1.0):
        # The same numbers as of a picture's file: divided once, in float64.
        array = np.clip((array.astype(np.float64) - low) / (high - low), 0.0, 1.0)
    return np.require(array, np.float32, ["C", "A"])


def from_images(images: np.ndarray, layout: str, bounds: tuple[float, float]) -> np.ndarray:
    """The way back, of float32."""
    low, high = check_bounds(bounds)
    if (low, high) != (0.0, 1.0):
        images = (images.astype(np.float64) * (high - low) + low).astype(np.float32)
    return to_layout(images, layout)


def from_gradient(gradient: np.ndarray, layout: str, bounds: tuple[float, float]) -> np.ndarray:
    """The gradient of images from 0 to 1 as that of images within `bounds`."""
    low, high = check_bounds(bounds)
    if (low, high) != (0.0, 1.0):
        gradient = gradient / np.float32(high - low)
    return to_layout(gradient, layout)


def to_layout(images: np.ndarray, layout: str) -> np.ndarray:
    """N×C×H×W in another layout: a view of the same numbers."""
    if layout.endswith("HWC"):
        images = images.transpose(0, 2, 3, 1)
    return of_batch(images, layout)


def of_batch(arrays: np.ndarray, layout: str) -> np.ndarray:
    """An array for each image, or that of the only one where the layout is of a single image."""
    return arrays if layout.startswith("N") else arrays[0]


def to_seed(value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """The gradient of the logits as N×C×H×W of float32."""
    array = as_array(value, "seed")
    if array.dtype.kind not in "fiu":
        raise UsageError(f"the seed is {array.dtype}; want floats")
    if array.ndim == 3 and shape[0] == 1:
        array = array[None]
    if array.shape != tuple(shape):
        raise UsageError(f"the seed has shape {array.shape}; want that of the logits, {tuple(shape)} (N×C×H×W)")
    return np.require(array, np.float32, ["C", "A"])


def to_labels(value: Any, what: str, images: int) -> np.ndarray:
    """Class indices as N×H×W of uint8; one map stands for all images where there are several."""
    array = as_array(value, what)
    if array.dtype.kind not in "iub":
        raise UsageError(
            f"{what} are {array.dtype}; want class indices: whole numbers of any type, or booleans for two classes"
        )
    if array.ndim == 4 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3 or array.size == 0:
        raise UsageError(f"{what} have shape {array.shape}; want N×H×W class indices, one map for each image")
    if len(array) not in (1, images):
        raise UsageError(f"{len(array)} {what} were given for {images} images; want one for each, or one for all")
    least, largest = int(array.min()), int(array.max())
    if least < 0:
        raise UsageError(
            f"{what} hold {least}; elsewhere negative labels mean one thing or the other: for pixels that are to be "
            f"left out set labels[labels < 0] = {IGNORE}"
        )
    if largest > IGNORE:
        raise UsageError(f"{what} hold {largest}; want class indices below 255, and {IGNORE} for pixels to leave out")
    return np.ascontiguousarray(array, dtype=np.uint8)


def to_text(value: Any) -> str:
    """An option's value as the library reads it."""
    if isinstance(value, (bool, np.bool_)):
        return "on" if value else "off"
    if isinstance(value, str):
        return value
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return repr(float(value))
    try:
        return ",".join(to_text(part) for part in value)
    except TypeError:
        raise UsageError(f"an option is {value!r}; want a number, a word, True or False, or a list of these") from None


def to_options(options: dict[str, Any]) -> list[tuple[str, str]]:
    """Options by their names, without those that are left to the library (`lambda_` is lambda, a word of Python's)."""
    given = ((name.rstrip("_").replace("_", "-"), value) for name, value in options.items())
    return [(name, to_text(value)) for name, value in given if value is not None]
