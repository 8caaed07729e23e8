"""Pictures of results, with Pillow where it is installed."""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .attacking import AttackResult

METRICS = ("iou", "pixel_accuracy", "l2", "linf")
SHOWN = 8
"""So many images have a row in a notebook's table."""


def figure(result: AttackResult, index: int = 0) -> Any:
    """The figure of an attack as a `PIL.Image`: source, its prediction, target, progress; masks at four moments; perturbation
    ×100, adversarial image, its prediction, and the numbers. A notebook shows it as it is.

    Args:
        result: of `asma.attack`.
        index: which of its images.

    Raises:
        ImportError: Pillow is not installed.
        IndexError: there is no such image.
    """
    try:
        from PIL import Image
    except ImportError as problem:
        raise ImportError("asma.figure needs Pillow: pip install pillow") from problem
    return Image.fromarray(result._performed[index].figure())


def result_as_html(result: AttackResult) -> str:
    """A table of the numbers, and where Pillow is the figure of the first image."""
    names = "".join(f"<th>{name}</th>" for name in ("image", *METRICS, "iterations", "stopped"))
    rows = []
    for number, (metrics, stop) in enumerate(zip(result.metrics, result.stops)):
        if number == SHOWN:
            rows.append(f"<tr><td colspan=7>and {len(result) - SHOWN} more</td></tr>")
            break
        cells = [str(number), *(f"{metrics[name]:.4g}" for name in METRICS), str(metrics["iterations"]), html.escape(stop)]
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    table = f"<table><tr>{names}</tr>{''.join(rows)}</table>"
    try:
        picture = figure(result)
    except ImportError:
        return table
    picture.thumbnail((1000, 1000))
    file = io.BytesIO()
    picture.save(file, "png")
    data = base64.b64encode(file.getvalue()).decode()
    return f'{table}<img alt="figure of the first attack" src="data:image/png;base64,{data}">'
