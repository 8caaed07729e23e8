"""Attacks on images in memory."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from typing import Any, Callable, Optional, Sequence, Union

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _asma
from .arrays import from_images, of_batch, to_images, to_labels, to_options
from .errors import Interrupted, UsageError
from .model import Model


@dataclass(frozen=True)
class Progress:
    """How far attacks are, as `callback` is told after every batch of iterations. Lists have an entry for each image under way.

    Attributes:
        images: the images that are under way, by their numbers.
        iterations: the iterations that each has done.
        limit: most iterations that there will be.
        iou: intersection over union of each prediction with the target (untargeted: with the label), 0 to 1.
        pixel_accuracy: the share of pixels that are predicted as the target (untargeted: the label) has them, 0 to 1.
        l2: the perturbation's L2 over all channels and pixels, of values from 0 to 1.
        linf: its largest absolute value, of values from 0 to 1.
        success_rate: the share of pixels that the attack got right, of other attacks than asma.
    """

    images: list[int]
    iterations: list[int]
    limit: int
    iou: list[float]
    pixel_accuracy: list[float]
    l2: list[float]
    linf: list[float]
    success_rate: list[Optional[float]]


class AttackResult:
    """What came of an attack. Everything has an entry for each image, in the order in which they were given.

    Attributes:
        adversarial: the adversarial images, float32, in the layout and bounds of the images.
        traces: of each image its trace, a dict of arrays with a number for each iteration: of asma `iteration`, `iou`,
            `pixel_accuracy`, `l2`, `linf`, `multiplier`; of other attacks `loss`, `step` and `success_rate` too, and a last
            row for the image after the last step.
        metrics: of each image a dict of `iou`, `pixel_accuracy`, `l2` and `linf` of the adversarial image, and the same
            dicts of the image before (`before`), after the last step (`last`), the best one (`best`) and the adversarial
            image as 8 bits keep it (`rounded_to_8_bits`); with `iterations`, `best_iteration`, `seconds`.
        stops: why each attack ended: `all iterations done`, `IoU reached`, `goal reached`, `no progress`, `interrupted`,
            `nothing to attack`.
        accepted: what was understood, in one line each.
        notes: what is likely a mistake, in one line each.
    """

    def __init__(
        self, performed: Sequence[_asma.Performed], layout: str = "NCHW", bounds: tuple[float, float] = (0, 1)
    ) -> None:
        self._performed = list(performed)
        self._layout = layout
        self._bounds = bounds
        self.traces: list[dict[str, NDArray[Any]]] = [one.trace() for one in self._performed]
        self.metrics: list[dict[str, Any]] = [_metrics(json.loads(one.summary())) for one in self._performed]
        self.stops: list[str] = [one.stop for one in self._performed]
        self.accepted: list[str] = self._performed[0].accepted if self._performed else []
        self.notes: list[str] = self._performed[0].notes if self._performed else []
        self.adversarial: NDArray[np.float32] = self._images(_asma.Performed.adversarial)

    @property
    def rounded(self) -> NDArray[np.float32]:
        """The adversarial images as 8 bits keep them: an adversarial image that dies when it is saved is none. What rounding
        takes from a pixel is handed on to its neighbours."""
        return self._images(_asma.Performed.rounded)

    @property
    def predictions(self) -> NDArray[np.uint8]:
        """What the network predicts for the adversarial images: N×H×W class indices."""
        return self._maps(_asma.Performed.prediction)

    @property
    def predictions_before(self) -> NDArray[np.uint8]:
        """What it predicts for the images as they were given: N×H×W class indices."""
        return self._maps(_asma.Performed.before)

    @property
    def targets(self) -> NDArray[np.uint8]:
        """The targets (untargeted: the labels), of the size of the network's output: N×H×W class indices."""
        return self._maps(_asma.Performed.target)

    @property
    def summaries(self) -> list[dict[str, Any]]:
        """Of each image everything there is to say about its attack, as `asma attack` writes it into `summary.json`."""
        return [json.loads(one.summary()) for one in self._performed]

    def __len__(self) -> int:
        return len(self._performed)

    def __repr__(self) -> str:
        if not self._performed:
            return "<asma.AttackResult of no images>"
        iou, l2 = (np.mean([metrics[name] for metrics in self.metrics]) for name in ("iou", "l2"))
        return f"<asma.AttackResult of {len(self)} images: mean IoU {iou:.3f}, mean L2 {l2:.3f}; {', '.join(sorted(set(self.stops)))}>"

    def _repr_html_(self) -> str:
        from .pictures import result_as_html

        return result_as_html(self)

    def _images(self, of: Callable[[_asma.Performed], NDArray[np.float32]]) -> NDArray[np.float32]:
        first = of(self._performed[0])
        if len(self) == 1:
            stacked = first[None]
        else:
            stacked = np.empty((len(self), *first.shape), first.dtype)
            for place, one in enumerate(self._performed):
                stacked[place] = of(one)
        return from_images(stacked, self._layout, self._bounds)

    def _maps(self, of: Callable[[_asma.Performed], NDArray[np.uint8]]) -> NDArray[np.uint8]:
        return of_batch(np.stack([of(one) for one in self._performed]), self._layout)


def _metrics(summary: dict[str, Any]) -> dict[str, Any]:
    results = summary["results"]
    return {
        **results[summary["saved"]],
        **{name: results[name] for name in ("before", "last", "best", "rounded_to_8_bits")},
        "iterations": summary["iterations"],
        "best_iteration": summary["best_iteration"],
        "seconds": summary["seconds"],
    }


def attack(
    model: Model,
    images: ArrayLike,
    targets: Union[ArrayLike, str, None] = None,
    attack: str = "asma",
    *,
    targeted: bool = True,
    norm: Optional[str] = None,
    eps: Union[float, str, None] = None,
    alpha: Union[float, str, None] = None,
    steps: Optional[int] = None,
    restarts: Optional[int] = None,
    random_start: Optional[bool] = None,
    seed: Optional[int] = None,
    loss: Optional[str] = None,
    stop_iou: Optional[float] = None,
    region: Optional[ArrayLike] = None,
    bounds: tuple[float, float] = (0, 1),
    layout: str = "NCHW",
    callback: Optional[Callable[[Progress], Any]] = None,
    device: Optional[str] = None,
    batch: Optional[int] = None,
    **options: Any,
) -> AttackResult:
    """Changes images until the network predicts something else for them. Each image of a batch is an attack of its own, and
    comes to the bit to what it comes to alone.

    Args:
        model: the network, from `asma.load`.
        images: N×C×H×W floats within `bounds`: of numpy, or anything with `__array__` or DLPack, such as a CPU tensor.
            They are read where they stand, if they are float32 in this order, and copied else; each image is copied out as
            its turn comes, and what another thread writes to it later is not seen.
        targets: what the network shall predict, or with `targeted=False` what it shall no longer: N×H×W class indices of the
            images' size or that of the network's output, 255 for pixels to leave out; or one map for all; or in words, made
            from each prediction: `"shift:DX,DY"`, `"scale:S"`, `"rotate:DEGREES"`, `"hide:A->B"`, `"class:C"`. With
            `targeted=False` and `None` what it predicts now.
        attack: one of `asma.attacks()`.
        targeted: towards the targets, or away from labels.
        norm: of attacks with a budget, `"linf"` or `"l2"`.
        eps: the budget, as a share of the range between `bounds`: a number from 0 to 1 such as `8 / 255`; of `norm="l2"` the
            root of the sum of squares of such shares.
        alpha: the length of a step, in the same units; as published, in proportion to `eps`.
        steps: steps of each start (of asma most iterations, 500).
        restarts: how often the attack begins, more than once at random.
        random_start: begin at noise within the budget.
        seed: what the noise follows from.
        loss: what is stepped up: `ce`, `segpgd`, `cospgd`, `mask-ce-avg`, `mask-ce-bal`, `js-avg`, `tsallis`, `cos`, `dl`,
            `dlr`, `dag`.
        stop_iou: stop at this IoU with the target.
        region: where pixels may change: N×H×W or H×W, 1 (or True) where they may.
        bounds: the values that stand for black and white. Whole numbers need them, such as `(0, 255)`.
        layout: of `images` and of what comes back: NCHW, NHWC, or of a single image CHW, HWC.
        callback: is told the `Progress` after every batch of iterations, some ten times a second; what it returns, if true,
            ends the attack, and what is done is kept. What it raises ends the attack and is raised.
        device: another one than the model's.
        batch: how many images run in step at most; as many as memory allows.
        options: any other option of `asma attack`, such as `keep`, `rate`, `minimise`, `class_weights`, `published`, and of
            asma `tau`, `beta`, `lambda_`, `cap`, `refine`, `schedule`, `mask`, `objective`, `multiplier`, `classes`,
            `patience`; of alma-prox and pdpgd `lr`.

    Returns:
        The adversarial images, with traces and metrics of each.

    Raises:
        UsageError: an array or an option cannot be.
        NotFiniteError: the network's numbers left the finite range.
        DeviceError, LimitError: the device failed, or does not take the network.
        Interrupted: Ctrl-C; its `result` has what is done, and images whose turn had not come as they were.
    """
    if not isinstance(model, Model):
        raise UsageError(f"the model is a {type(model).__name__}; want one of asma.load or asma.from_torch")
    pixels = to_images(images, model.channels, layout, bounds)
    told = to_options(
        dict(
            norm=norm,
            eps=eps,
            alpha=alpha,
            steps=steps,
            restarts=restarts,
            random_start=random_start,
            seed=seed,
            loss=loss,
            stop_iou=stop_iou,
            untargeted=None if targeted else True,
            **options,
        )
    )
    wanted: Any
    if targets is None and targeted:
        raise UsageError('no targets are given; give masks, words such as "scale:1.5", or targeted=False')
    if targets is None or isinstance(targets, str):
        wanted = targets
    else:
        wanted = to_labels(targets, "targets" if targeted else "labels", len(pixels))
        if len(wanted) == 1 and len(pixels) > 1:
            wanted = np.ascontiguousarray(np.broadcast_to(wanted, (len(pixels), *wanted.shape[1:])))
    regions = None if region is None else to_labels(region, "regions", len(pixels))
    if batch is not None and batch < 1:
        raise UsageError(f"batch is {batch}; want at least 1")

    def tell(numbers: list[int], limit: int, rows: list[Any]) -> Any:
        assert callback is not None
        under_way = [(number, row) for number, row in zip(numbers, rows) if row is not None]
        columns = [list(column) for column in zip(*(row for _, row in under_way))] or [[] for _ in range(6)]
        done, iou, accuracy, l2, linf, success = columns
        return callback(Progress([number for number, _ in under_way], done, limit, iou, accuracy, l2, linf, success))

    performed, raised = model._session.attack(
        pixels, attack, told, wanted, regions, device, batch, tell if callback is not None else None
    )
    if raised is not None and not isinstance(raised, KeyboardInterrupt):
        raise raised
    result = AttackResult(performed, layout, bounds)
    if raised is not None:
        raise Interrupted("the attack", result) from None
    for note in result.notes:
        warnings.warn(note, stacklevel=2)
    return result
