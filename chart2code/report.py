"""The failures of an evaluation as one HTML file, sorted by cause: input, answer, difference, programs.

The cause is what the scores say first, from the coarse to the fine: a chart that fails in several ways is counted for
the first of them.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from eval_metric.executor import Executor
from eval_metric.similarity import INK_CONTRAST, SUCCESS_IOU, to_canvas

if TYPE_CHECKING:
    from datasets import Dataset

SIDE = 256  # pixels of a picture in the report
CAUSES = {  # cause -> whether it is that of a sample
    "the program fails": lambda scores: scores["status"] != "ok",
    "another type of chart": lambda scores: (scores["type_f1"] or 0.0) < 1,
    "wrong colours": lambda scores: (scores["color_f1"] or 0.0) < 0.7,
    "wrong values or places": lambda scores: True,
}
STYLE = """
body { font: 14px sans-serif; margin: 2em; max-width: 900px } img { border: 1px solid #ccc; margin-right: 6px }
pre { background: #f6f6f6; padding: 8px; overflow-x: auto; font-size: 12px } h3 { margin-bottom: 4px }
"""


def cause_of(scores: dict[str, Any]) -> str:
    """Why a chart isn't redrawn, from the metric's scores of one sample."""
    return next(cause for cause, applies in CAUSES.items() if applies(scores))


def write_report(path: Path, samples: Sequence[dict[str, Any]], charts: Dataset, limit: int = 60) -> dict[str, int]:
    """
    Writes the failures among `samples` (of `evaluate`, in the order of `charts`) to an HTML file, up to `limit` with
    pictures, evenly from all causes, and returns the number of each cause. Of verified samples the verified answer.
    """
    answers = [sample | sample.get("verified", {}) for sample in samples]
    failures = [index for index, answer in enumerate(answers) if answer["iou"] < SUCCESS_IOU]
    by_cause = {cause: [i for i in failures if cause_of(answers[i]) == cause] for cause in CAUSES}
    shown = sorted(
        ((rank, index) for indices in by_cause.values() for rank, index in enumerate(indices)), key=lambda x: x[0]
    )
    shown = {index for _, index in shown[:limit]}
    parts = [
        f"<!doctype html><meta charset=utf-8><title>Charts not redrawn</title><style>{STYLE}</style>",
        f"<h1>{len(failures)} of {len(samples)} charts are not redrawn (IoU below {SUCCESS_IOU})</h1>",
        "<p>Each with the chart, what the program draws, and the difference: black is in both, red in the chart only, "
        "blue in the answer only.</p>",
    ]
    with Executor() as executor:
        for cause, indices in by_cause.items():
            if not indices:
                continue
            parts.append(f"<h2>{cause}: {len(indices)}</h2>")
            parts += [_failure(answers[i], charts[i]["image"], executor) for i in indices if i in shown]
            hidden = sum(i not in shown for i in indices)
            if hidden:
                parts.append(f"<p>{hidden} more without pictures.</p>")
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")
    return {cause: len(indices) for cause, indices in by_cause.items()}


def _failure(answer: dict[str, Any], image: Image.Image, executor: Executor) -> str:
    chart, result = to_canvas(image), executor.run(answer["code"])
    pictures = [chart]
    if result.ok:
        drawn = to_canvas(result.image)
        pictures += [drawn, _difference(chart, drawn)]
    title = f"{answer['chart_type']}, {answer['variant']}: IoU {answer['iou']:.2f}"
    error = f"<p>{html.escape(result.error or result.status)}</p>" if not result.ok else ""
    code = f"<details><summary>program</summary><pre>{html.escape(answer['code'])}</pre></details>"
    return f"<h3>{html.escape(title)}</h3>{''.join(map(_inline, pictures))}{error}{code}"


def _difference(chart: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    ink, other = (255 - pixels.min(axis=2) > INK_CONTRAST for pixels in (chart, drawn))
    picture = np.full_like(chart, 255)
    picture[ink & other] = 0, 0, 0
    picture[ink & ~other] = 220, 0, 0
    picture[other & ~ink] = 0, 80, 255
    return picture


def _inline(pixels: np.ndarray) -> str:
    """The picture as part of the page, some 10 kB."""
    image = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.LANCZOS).quantize(32)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return f'<img src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}" width={SIDE}>'
