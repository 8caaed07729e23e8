"""Attacks over many images, and what they say together."""

from __future__ import annotations

import json
from typing import Any, Iterable, Iterator, Mapping, Optional, Sequence, Union

import numpy as np

from . import _asma
from .arrays import as_array, check_layout, to_labels, to_options
from .attacking import AttackResult, attack as run_attack
from .errors import Error, Interrupted, UsageError
from .model import Model

THRESHOLDS = (0.5, 0.7, 0.9)


class Evaluation:
    """What an evaluation came to. A notebook shows its table.

    Attributes:
        records: a dict for each image and attack, as a line of `results.jsonl` of `asma evaluate`: IoU and pixel accuracy
            before and after, as floats and as 8 bits, counts of each class, norms, PSNR, SSIM, iterations, time; or why there
            is none (`status` is `failed`, with a `reason`).
        summary: means, standard deviations and bootstrap intervals of each attack, as in `summary.json`.
        table: the same for people, as Markdown.
        latex: the same for LaTeX.
    """

    def __init__(self, records: list[dict[str, Any]], summary: dict[str, Any], table: str, latex: str) -> None:
        self.records = records
        self.summary = summary
        self.table = table
        self.latex = latex

    def __len__(self) -> int:
        return len(self.records)

    def __repr__(self) -> str:
        return f"<asma.Evaluation of {self.summary['done']} attacks, {self.summary['failed']} failed>"

    def _repr_markdown_(self) -> str:
        return self.table


def evaluate(
    model: Model,
    images: Any,
    targets: Any = None,
    attack: Union[str, Sequence[str], Mapping[str, Mapping[str, Any]]] = "asma",
    *,
    labels: Any = None,
    targeted: bool = True,
    thresholds: Sequence[float] = THRESHOLDS,
    batch: int = 16,
    bounds: tuple[float, float] = (0, 1),
    layout: str = "NCHW",
    device: Optional[str] = None,
    progress: bool = True,
    **options: Any,
) -> Evaluation:
    """Attacks all images with one or several attacks, and sums up what comes of it. An image that cannot be attacked is a
    record with its reason.

    Args:
        model: the network.
        images: N×C×H×W images; or, without `targets`, any iterable of pairs (image, target), or (image, target, label), such
            as a data set or loader of torch: of single images and maps, or of batches of them. Images may differ in size.
        targets: as of `asma.attack`: N×H×W class indices, words for all, or `None` with `targeted=False`.
        attack: a name of `asma.attacks()`, several, or a dict from names to their options.
        labels: the images' own masks, N×H×W, for the IoU of the network without an attack; with `targeted=False` they are the
            targets.
        targeted: towards the targets, or away from labels.
        thresholds: from which IoU on an image counts as attacked (untargeted: from which 1 − IoU on).
        batch: how many images run in step at most.
        bounds, layout, device: see `asma.attack`.
        progress: show a bar, where tqdm is installed.
        options: of all attacks, see `asma.attack`.

    Raises:
        UsageError: an option cannot be, or what is iterated over is no pair.
        Interrupted: Ctrl-C; its `result` is the evaluation of what is done.
    """
    check_layout(layout)
    if not layout.startswith("N"):
        raise UsageError(f"the layout is {layout}; say that of a batch, NCHW or NHWC, which holds for single images too")
    if isinstance(attack, Mapping):
        attacks = [(name, {**options, **own}) for name, own in attack.items()]
    else:
        attacks = [(name, dict(options)) for name in ([attack] if isinstance(attack, str) else attack)]
    purpose = {} if targeted else {"untargeted": True}
    told = [(name, to_options({**own, **purpose})) for name, own in attacks]
    recorder = _asma.Evaluation(model._session, told, [float(threshold) for threshold in thresholds])
    records: list[dict[str, Any]] = []
    pairs, count = _pairs(images, targets, labels, targeted)
    common = dict(targeted=targeted, bounds=bounds, layout=layout, device=device)
    number = 0
    with _Bar(count, len(attacks), progress) as bar:
        try:
            for group in _groups(pairs, batch):
                for setting, (name, own) in enumerate(attacks):
                    for first, part in _attacked(model, group, name, {**own, **common}):
                        for offset, (_, _, label) in enumerate(group[first : first + _size(part)]):
                            place = number + first + offset
                            called = f"image {place}"
                            if isinstance(part, AttackResult):
                                mask = None if label is None else to_labels(label, "labels", 1)
                                performed = part._performed[offset]
                                try:
                                    record = recorder.add(setting, place, called, performed, mask)
                                except Error as problem:
                                    record = recorder.fail(setting, place, called, str(problem))
                            else:
                                record = recorder.fail(setting, place, called, str(part))
                            records.append(json.loads(record))
                        bar.update(_size(part))
                number += len(group)
        except KeyboardInterrupt:
            raise Interrupted("the evaluation", _summed_up(recorder, records)) from None
    return _summed_up(recorder, records)


Pair = tuple[Any, Any, Any]


def _summed_up(recorder: _asma.Evaluation, records: list[dict[str, Any]]) -> Evaluation:
    summary, table, latex = recorder.summed_up()
    records = sorted(records, key=lambda record: record["task"])
    return Evaluation(records, json.loads(summary), table, latex)


def _size(part: Union[AttackResult, Error]) -> int:
    return len(part) if isinstance(part, AttackResult) else 1


def _attacked(
    model: Model, group: list[Pair], name: str, options: dict[str, Any]
) -> Iterator[tuple[int, Union[AttackResult, Error]]]:
    """What comes of images of one size, together; where that fails, of each alone, so that one spoils no other."""

    def run(part: list[Pair]) -> AttackResult:
        images = np.stack([as_array(image, "images") for image, _, _ in part])
        first = part[0][1]
        targets = first if first is None or isinstance(first, str) else np.stack([_map(target) for _, target, _ in part])
        return run_attack(model, images, targets, name, batch=len(part), **options)

    try:
        yield 0, run(group)
        return
    except Error as problem:
        if len(group) == 1:
            yield 0, problem
            return
    for place, pair in enumerate(group):
        try:
            yield place, run([pair])
        except Error as problem:
            yield place, problem


def _map(target: Any) -> np.ndarray:
    array = as_array(target, "targets")
    return array[0] if array.ndim == 3 and len(array) == 1 else array


def _pairs(images: Any, targets: Any, labels: Any, targeted: bool) -> tuple[Iterator[Pair], Optional[int]]:
    """Image, target and label of each image, and how many there are, if that is known."""
    if targets is None and not targeted:
        targets = labels
    of_arrays = targets is not None or not targeted and hasattr(images, "ndim")
    if not of_arrays:
        try:
            count = len(images)
        except TypeError:
            count = None
        batches = count is not None and _is_batch(images)
        return _iterated(images, targeted), None if batches else count
    array = as_array(images, "images")
    many = len(array)
    wanted: Iterable[Any]
    if targets is None or isinstance(targets, str):
        wanted = [targets] * many
    else:
        wanted = to_labels(targets, "targets", many)
        wanted = np.broadcast_to(wanted, (many, *wanted.shape[1:]))
    if labels is None:
        own: Iterable[Any] = wanted if not targeted and targets is not None else [None] * many
    else:
        own = to_labels(labels, "labels", many)
    return iter(zip(array, wanted, own)), many


def _is_batch(loader: Any) -> bool:
    return getattr(loader, "batch_size", None) is not None


def _iterated(pairs: Iterable[Any], targeted: bool) -> Iterator[Pair]:
    for number, pair in enumerate(pairs):
        if not isinstance(pair, (tuple, list)) or len(pair) not in (2, 3):
            raise UsageError(
                f"element {number} is a {type(pair).__name__}; want pairs (image, target), or (image, target, label)"
            )
        image, target, label = (*pair, None)[:3]
        if label is None and not targeted:
            label = target
        axes = as_array(image, "images").ndim
        if axes == 3:
            yield image, target, label
        elif axes == 4:
            one = target is None or isinstance(target, str)
            for place, single in enumerate(image):
                own = None if label is None else label[place]
                yield single, target if one else target[place], own
        else:
            raise UsageError(f"the image of element {number} has {axes} axes; want 3, or 4 of a batch")


def _groups(pairs: Iterable[Pair], most: int) -> Iterator[list[Pair]]:
    """As many neighbours of one size as run in step."""
    if most < 1:
        raise UsageError(f"batch is {most}; want at least 1")
    group: list[Pair] = []
    alike: Any = None
    for pair in pairs:
        own = (np.shape(pair[0]), None if isinstance(pair[1], str) or pair[1] is None else np.shape(pair[1]))
        if group and (own != alike or len(group) == most):
            yield group
            group = []
        alike = own
        group.append(pair)
    if group:
        yield group


class _Bar:
    """tqdm's bar, where it is installed and asked for."""

    def __init__(self, images: Optional[int], attacks: int, wanted: bool) -> None:
        self._bar: Any = None
        if wanted:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                return
            self._bar = tqdm(total=None if images is None else images * attacks, unit="attack")

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: Any) -> None:
        if self._bar is not None:
            self._bar.close()

    def update(self, count: int) -> None:
        if self._bar is not None:
            self._bar.update(count)
