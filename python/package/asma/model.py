"""Networks: from files, or from torch; what they predict, and the gradient of their input."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Any, Optional, Sequence, Union

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _asma
from .arrays import as_array, from_gradient, of_batch, to_images, to_options, to_seed
from .errors import NetworkError, UsageError

TOGETHER = 16
"""So many images are given to the library at once, so that Ctrl-C is answered between them."""


class Model:
    """A network on a device. `asma.load` makes one; threads may share it.

    Attributes:
        name: the file, or what the network is called.
        description: how it was read, and how pixels are given to it, in one line.
        notes: what is likely a mistake or had to be assumed, in one line each.
        channels: channels of its images.
        classes: classes that it tells apart.
        device: what it runs on, in one line.
    """

    def __init__(self, session: _asma.Session) -> None:
        self._session = session

    @property
    def name(self) -> str:
        return self._session.name

    @property
    def description(self) -> str:
        return self._session.description

    @property
    def notes(self) -> list[str]:
        return self._session.notes

    @property
    def channels(self) -> int:
        return self._session.channels

    @property
    def classes(self) -> int:
        return self._session.classes

    @property
    def device(self) -> str:
        return self._session.device

    def __repr__(self) -> str:
        return f"<asma.Model {self.name}: {self.description}; on {self.device}>"

    def __reduce__(self) -> Any:
        raise TypeError("a model is not sent to another process; load it there")

    def predict(
        self, images: ArrayLike, *, layout: str = "NCHW", bounds: tuple[float, float] = (0, 1)
    ) -> NDArray[np.uint8]:
        """The class of each pixel: N×H×W class indices (H×W for the layouts CHW and HWC), of the size of the logits.

        Args:
            images: N×C×H×W, values within `bounds`.
            layout: NCHW, NHWC, or of a single image CHW, HWC.
            bounds: the values that stand for black and white.

        Raises:
            UsageError: the images are not such, or the network does not take their size.
            NotFiniteError: logits are infinite or none.
            DeviceError: the device failed.
        """
        images = to_images(images, self.channels, layout, bounds)
        return of_batch(_in_parts(self._session.predict, images), layout)

    def logits(
        self, images: ArrayLike, *, layout: str = "NCHW", bounds: tuple[float, float] = (0, 1)
    ) -> NDArray[np.float32]:
        """The logits, N×K×H×W whatever the images' layout: K channels, one for each class, or one for two classes. Where the
        network predicts the centre of an image alone they have fewer rows and columns.

        Args and errors: as of `predict`.
        """
        images = to_images(images, self.channels, layout, bounds)
        return _in_parts(self._session.logits, images)

    def input_gradient(
        self, images: ArrayLike, seed: ArrayLike, *, layout: str = "NCHW", bounds: tuple[float, float] = (0, 1)
    ) -> NDArray[np.float32]:
        """The gradient of `sum(logits * seed)` for the images, of their shape and layout: what a loss's gradient for the logits
        becomes at the pixels.

        It is the derivative for the images' own values: with `bounds=(0, 255)` by a change of 1 of 255.

        Args:
            images: N×C×H×W, values within `bounds`.
            seed: the gradient of the logits, N×K×H×W as `logits` gives them.
            layout: the images'; see `predict`.
            bounds: the values that stand for black and white.

        Raises:
            UsageError: images or seed are not such, or the network does not take their size.
            DeviceError: the device failed.
        """
        images = to_images(images, self.channels, layout, bounds)
        seed = to_seed(seed, tuple(self._session.output_shape(images.shape)))
        return from_gradient(_in_parts(self._session.input_gradient, images, seed), layout, bounds)

    def inspect(self, height: int = 572, width: int = 572, images: int = 1) -> dict[str, Any]:
        """What the network is, and what it costs for images of this size: how it was read, preprocessing, sizes that it
        takes, parameters, operations forward and backward, bytes of memory, and its layers.

        Raises:
            Error: the network does not take this size; the message names the nearest sizes that it takes.
        """
        return json.loads(self._session.inspect(images, height, width))


def _in_parts(compute: Any, *arrays: np.ndarray) -> Any:
    """Of many images some at a time."""
    count = len(arrays[0])
    if count <= TOGETHER:
        return compute(*arrays)
    found = None
    for start in range(0, count, TOGETHER):
        part = compute(*(array[start : start + TOGETHER] for array in arrays))
        if found is None:
            # All of it at once, so that no part stands in memory twice.
            found = np.empty((count, *part.shape[1:]), part.dtype)
        found[start : start + TOGETHER] = part
    return found


def _open(name: str, device: str, options: dict[str, Any], content: Optional[bytes] = None) -> Model:
    if sys.platform == "linux" and "XDG_RUNTIME_DIR" not in os.environ:
        # Without a desktop session Mesa's device selection layer complains about the display server that it does not find.
        os.environ.setdefault("NODEVICE_SELECT", "1")
    return Model(_asma.Session.open(name, device, to_options(options), content))


def load(
    path: Union[str, os.PathLike[str]],
    *,
    device: str = "auto",
    padding: Optional[str] = None,
    output: Optional[str] = None,
    normalise: Optional[str] = None,
    mean: Union[float, Sequence[float], None] = None,
    std: Union[float, Sequence[float], None] = None,
    scale: Optional[float] = None,
    channel_order: Optional[str] = None,
    bounds: Optional[tuple[float, float]] = None,
    grey: Optional[bool] = None,
) -> Model:
    """Reads a network from a file, told by its content: ONNX, weights of a known U-Net (safetensors, .pt, .pth, .ckpt, .bin),
    or what `asma convert` wrote.

    Attacks work on pixels from 0 to 1; what the network wants them to be is a layer in front of it.

    Args:
        path: the file.
        device: `auto` (a hardware GPU if there is one, else the CPU), `gpu`, `cpu`, an adapter's number or a part of its name,
            see `asma.devices`.
        padding: of weights of a SimpleUnet that do not say it: `same` or `valid`.
        output: of an ONNX file with several outputs the one that is meant.
        normalise: `imagenet` or `unit`.
        mean: what is subtracted from pixels after `scale`, a number or one for each channel.
        std: what they are divided by then.
        scale: what pixels from 0 to 1 are multiplied by first, such as 255.
        channel_order: `rgb` or `bgr`, as the network wants colours.
        bounds: the values that the network wants for black and white.
        grey: give images of one channel to a network of three.

    Raises:
        FileError: the file cannot be read, or holds no known network; the message says how it can be exported.
        UsageError: an option cannot be.
        DeviceError: there is no such device.
    """
    options = dict(
        padding=padding,
        output=output,
        normalise=normalise,
        mean=mean,
        std=std,
        scale=scale,
        channel_order=channel_order,
        bounds=bounds,
        grey=grey,
    )
    if not isinstance(path, (str, os.PathLike)):
        raise UsageError(
            f"the network is a {type(path).__name__}; want a file's path, or see asma.from_torch for a torch module"
        )
    return _open(str(Path(path)), device, options)


DIFFERING = 1e-3
"""The largest share of pixels that rounding is trusted to give another class."""


def from_torch(module: Any, example: Any, *, device: str = "auto", opset: int = 17, **options: Any) -> Model:
    """A network from a torch module, by way of `torch.onnx.export`, in memory. Rows, columns and images may then be of any
    number that the module takes. What asma makes of the example is compared with what torch does.

    Args:
        module: the `torch.nn.Module`; it is exported as in evaluation (`eval`), and left as it is. It takes images of
            N×C×H×W and gives logits or probabilities of N×K×H×W.
        example: images that it takes, a tensor of N×C×H×W with values from 0 to 1.
        device: see `load`.
        opset: of ONNX.
        options: see `load`.

    Raises:
        NetworkError: the module cannot be exported, or asma computes something else than torch.
        Error: those of `load`.
    """
    import torch

    modes = {part: part.training for part in module.modules()}
    file = io.BytesIO()
    axes = {0: "images", 2: "rows", 3: "columns"}
    try:
        module.eval()
        with torch.no_grad():
            wanted = as_array(module(example), "outputs of the module")
            torch.onnx.export(
                module,
                (example,),
                file,
                input_names=["image"],
                output_names=["logits"],
                dynamic_axes={"image": axes, "logits": axes},
                opset_version=opset,
                dynamo=False,
            )
    except Exception as problem:
        raise NetworkError(f"torch cannot export the module: {problem}") from problem
    finally:
        for part, mode in modes.items():
            part.training = mode
    model = _open(type(module).__name__, device, options, file.getvalue())
    if not options:
        # Options change what the network is given.
        _check_against_torch(model, as_array(example, "example"), wanted)
    return model


def _check_against_torch(model: Model, example: np.ndarray, wanted: np.ndarray) -> None:
    """Compares predictions: logits may be those before a final softmax or sigmoid of the module."""
    if wanted.shape[1] == 1:
        # Probabilities turn at a half, logits at 0.
        half = 0.5 if wanted.min() >= 0 and wanted.max() <= 1 else 0.0
        classes = (wanted[:, 0] > half).astype(np.uint8)
    else:
        classes = wanted.argmax(1).astype(np.uint8)
    found = model.predict(example)
    differing = np.mean(found != classes) if found.shape == classes.shape else 1.0
    if differing > DIFFERING:
        raise NetworkError(
            f"asma predicts another class than torch for {100 * differing:.1f} % of the example's pixels, so it reads the "
            "network wrongly; please report it"
        )


def attacks() -> dict[str, str]:
    """The names of all attacks, each with what it does and where it was published."""
    return dict(_asma.attacks())


def devices() -> list[dict[str, Any]]:
    """The GPU adapters that `device` can name: index, name, backend, type, driver, and whether it is hardware."""
    return _asma.devices()
