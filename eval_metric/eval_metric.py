"""The chart-to-code metric: executes predicted programs and compares their pictures and code with the references.

`score` does the work; `Chart2CodeMetric` makes it an `evaluate` module: `evaluate.load("./eval_metric")`.

The loader of `evaluate` reads the imports of this file line by line and copies the files named in relative ones, but
does not look into those files: so all of the module's files are imported here, one a line.
"""

import io
import os
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import datasets
import evaluate
import numpy as np
from PIL import Image
from tqdm import tqdm

from .code_similarity import ast_similarity
from .code_similarity import extract_code
from .executor import ExecutionResult
from .executor import Executor
from .similarity import SIMILARITY_VERSION
from .similarity import chart_iou
from .similarity import chart_iou_strict
from .similarity import to_canvas
from .worker import count_elements


__all__ = ["Chart2CodeMetric", "count_elements", "score"]

SCORES = ("execution_rate", "success_rate", "iou", "iou_strict", "ast_similarity")

_DESCRIPTION = """\
Executes generated plotting programs (Python, matplotlib) and compares what they draw with the reference charts.
"""

_INPUTS = """
Args:
    predictions (list of str): programs, or answers of a model with a program in them.
    references (list): what each should draw: a PIL image, the path of an image, the code of a reference program, or
        {"code": str, "image": PIL image or path}.
    chart_types (list of str, optional): the type of each chart, for the scores by type.
    threshold (float): IoU from which a prediction is a success; 0.85, as in the paper.
    num_workers (int, optional): programs executed at the same time; one per core.
    timeout (float): seconds per program; 10.
    progress (bool): shows a progress bar.
    return_samples (bool): adds "samples", the scores of each prediction.
Returns:
    execution_rate: share of programs that run and draw a figure.
    success_rate: share with an IoU of at least the threshold.
    iou, iou_strict: mean IoU, colour-aware with a tolerance of 2 pixels, and plain; see similarity.py.
    ast_similarity: mean similarity of the syntax trees; None when no reference has code.
    n, threshold, versions, by_type: {type: the same scores}.
    A program that fails counts 0 in every mean.
"""

_CITATION = """\
@misc{c2cmola, title = {C2C-MoLA: Mixture of LoRA experts for chart-to-code generation}}
"""


def score(
    predictions: Sequence[str],
    references: Sequence[Any],
    chart_types: Sequence[str] | None = None,
    threshold: float = 0.85,
    num_workers: int | None = None,
    timeout: float = 10.0,
    executor: Executor | None = None,
    progress: bool = False,
    return_samples: bool = False,
) -> dict[str, Any]:
    """Scores programs against reference charts. Never raises for what is in a prediction.

    Args:
        predictions: N programs; code fences and prose around them are taken off (`extract_code`).
        references: N references: PIL image, uint8 array, encoded bytes, path of an image, source code, or
            {"code": str, "image": one of those}, of which one may be missing or None.
        chart_types: N names, for `by_type`.
        threshold: the IoU from which a prediction counts as success.
        num_workers, timeout: of the executor made for this call; one worker per core by default.
        executor: a running one to use instead; it is not closed.
        progress: shows a progress bar.
        return_samples: adds `samples`: N dicts {status, error, executed, success, iou, iou_strict, ast_similarity}.

    Returns:
        {n, execution_rate, success_rate, iou, iou_strict, ast_similarity, threshold, by_type, versions[, samples]}.
        `ast_similarity` is the mean over predictions whose reference has code, None if there is none. A prediction
        that fails counts 0 in every mean.

    Raises:
        ValueError: lengths differ, there is nothing to score, or a reference is unusable (no image, or its program
            fails).
    """
    count = len(predictions)
    if count == 0:
        raise ValueError("there are no predictions to score")
    for name, values in (("references", references), ("chart_types", chart_types)):
        if values is not None and len(values) != count:
            raise ValueError(f"there are {count} predictions but {len(values)} {name}: give one for each")

    own = Executor(num_workers or _usable_cores(), timeout) if executor is None else nullcontext(executor)
    samples, pairs = [], []
    with own as executor, tqdm(total=count, desc="scoring", unit="chart", disable=not progress) as bar:
        results = executor.run_many(_programs(predictions, references, pairs))
        for index in range(count):
            result = next(results)
            code, reference_code, reference_image = pairs[index]
            if reference_image is None:
                drawn = next(results)
                if not drawn.ok:
                    raise ValueError(f"references[{index}]: the reference program fails ({drawn.error})")
                reference_image = drawn.image
            pairs[index] = None  # pictures of 100,000 references need not stay in memory
            samples.append(_score_one(result, code, reference_code, _open(reference_image, index), threshold))
            bar.update()
        versions = {"similarity": SIMILARITY_VERSION, **executor.versions}

    report = {"n": count, **_means(samples), "threshold": threshold, "by_type": {}, "versions": versions}
    for name in dict.fromkeys(chart_types or ()):
        rows = [sample for sample, chart_type in zip(samples, chart_types) if chart_type == name]
        report["by_type"][name] = {"n": len(rows), **_means(rows)}
    if return_samples:
        report["samples"] = samples
    return report


def _programs(predictions: Sequence[str], references: Sequence[Any], pairs: list) -> Iterator[str]:
    """All programs to execute, in order. Appends (code, reference code or None, image or None) to `pairs`."""
    for index, (prediction, reference) in enumerate(zip(predictions, references)):
        code = extract_code(prediction) if isinstance(prediction, str) else prediction
        reference_code, reference_image = _split_reference(reference, index)
        pairs.append((code, reference_code, reference_image))
        yield code
        if reference_image is None:
            yield reference_code


def _split_reference(reference: Any, index: int) -> tuple[str | None, Any]:
    """(code or None, image or None); not both None."""
    if isinstance(reference, dict) and ("code" in reference or "image" in reference):
        code, image = reference.get("code"), reference.get("image")
    elif isinstance(reference, str) and not _is_image_path(reference):
        code, image = reference, None
    else:
        code, image = None, reference
    if code is None and image is None:
        raise ValueError(f"references[{index}] has neither code nor an image")
    return code, image


def _is_image_path(text: str) -> bool:
    if "\n" in text or "\0" in text or len(text) > 4096:
        return False
    return os.path.splitext(text)[1].lower() in Image.registered_extensions() or os.path.isfile(text)


def _open(image: Any, index: int) -> np.ndarray:
    """A reference image of any kind on the canvas, (512, 512, 3) uint8."""
    if isinstance(image, dict):  # as `datasets` gives an image that is not decoded
        image = image.get("bytes") or image.get("path")
    try:
        if isinstance(image, bytes):
            image = io.BytesIO(image)
        if isinstance(image, str | Path | io.BytesIO):
            with Image.open(image) as picture:
                return to_canvas(picture)
        if isinstance(image, Image.Image | np.ndarray):
            return to_canvas(image)
    except (OSError, ValueError) as error:
        raise ValueError(f"references[{index}] is no readable image: {error}") from None
    raise ValueError(f"references[{index}] is a {type(image).__name__}, not an image, a path, or code")


def _score_one(
    result: ExecutionResult, code: str, reference_code: str | None, reference: np.ndarray, threshold: float
) -> dict[str, Any]:
    sample = {"status": result.status, "error": result.error, "executed": result.ok, "success": False}
    sample |= {"iou": 0.0, "iou_strict": 0.0, "ast_similarity": None if reference_code is None else 0.0}
    if result.ok:
        picture = to_canvas(result.image)
        sample["iou"] = chart_iou(picture, reference)
        sample["iou_strict"] = chart_iou_strict(picture, reference)
        sample["success"] = sample["iou"] >= threshold
        if reference_code is not None:
            sample["ast_similarity"] = ast_similarity(code, reference_code)
    return sample


def _means(samples: list[dict[str, Any]]) -> dict[str, float | None]:
    means = {}
    for name in SCORES:
        key = {"execution_rate": "executed", "success_rate": "success"}.get(name, name)
        values = [float(sample[key]) for sample in samples if sample[key] is not None]
        means[name] = sum(values) / len(values) if values else None
    return means


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _INPUTS)
class Chart2CodeMetric(evaluate.Metric):
    """Scores programs that should draw given charts, see `score`."""

    _error: Exception | None = None

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        kinds = (text, datasets.Image(), {"code": text, "image": datasets.Image()})
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_INPUTS,
            features=[datasets.Features({"predictions": text, "references": kind}) for kind in kinds],
        )

    def compute(self, *, predictions=None, references=None, **kwargs) -> dict[str, Any] | None:
        """See `score`. Predictions that are given here do not pass through the Arrow cache of `evaluate`, which takes
        longer than the comparison for images and allows one kind of reference only; those of `add_batch` do."""
        if predictions is not None and references is not None and self.num_process == 1 and self.writer is None:
            return score(predictions, references, **kwargs)
        result = super().compute(predictions=predictions, references=references, **kwargs)
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        return result

    def _compute(self, predictions, references, **kwargs) -> dict[str, Any] | None:
        # An exception here would leave the cache files locked, so it has to wait until they are released.
        try:
            return score(predictions, references, **kwargs)
        except Exception as error:
            self._error = error
            return None
