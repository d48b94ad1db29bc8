"""The chart-to-code metric: executes predicted programs and compares their pictures and code with the references.

`score` does the work; `compare` tells whether one model is better than another on the same charts;
`Chart2CodeMetric` makes it an `evaluate` module: `evaluate.load("./eval_metric")`.

The loader of `evaluate` reads the imports of this file line by line and copies the files named in relative ones, but
does not look into those files: so all of the module's files are imported here, one a line.
"""

import io
import os
import threading
from collections import deque
from collections.abc import Iterator
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
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
from .confinement import LEVELS
from .elements import ELEMENTS_VERSION
from .elements import color_f1
from .elements import confirm
from .elements import count_elements
from .elements import layout_f1
from .elements import text_f1
from .elements import type_f1
from .executor import ExecutionResult
from .executor import Executor
from .kinds import trace_kind
from .labels import trace_labels
from .similarity import SIMILARITY_VERSION
from .similarity import SUCCESS_IOU
from .similarity import chart_iou
from .similarity import chart_iou_strict
from .similarity import to_canvas
from .worker import MAX_SOURCE


__all__ = [
    "LEVELS",
    "SCORES",
    "Chart2CodeMetric",
    "compare",
    "count_elements",
    "open_image",
    "score",
    "score_result",
    "trace_kind",
    "trace_labels",
]

ELEMENT_SCORES = {"text_f1": text_f1, "type_f1": type_f1, "layout_f1": layout_f1, "color_f1": color_f1}
SCORES = {  # score -> key of the samples that it is the mean of
    "execution_rate": "executed",
    "success_rate": "success",
    "iou": "iou",
    "iou_strict": "iou_strict",
    "ast_similarity": "ast_similarity",
    **{name: name for name in ELEMENT_SCORES},
}
RESAMPLES = 1_000  # of a bootstrap; its 2.5 % and 97.5 % quantiles are then known to about half a percent
PERMUTATIONS = 10_000
COMPARED_AHEAD = 32  # comparisons that wait for a thread
_LOADING = threading.Lock()

_DESCRIPTION = """\
Executes generated plotting programs (Python, matplotlib) and compares what they draw with the reference charts.
"""

_INPUTS = """
Args:
    predictions (list of str): programs, or answers of a model with a program in them.
    references (list): what each should draw: a PIL image, the path or the bytes of an image, the code of a reference
        program, or {"code": str, "image": PIL image, path or bytes}.
    chart_types (list of str, optional): the type of each chart, for the scores by type.
    threshold (float): IoU from which a prediction is a success; 0.85, as in the paper.
    num_workers (int, optional): programs executed at the same time; one per core.
    timeout (float): seconds per program; 10.
    progress (bool): shows a progress bar.
    return_samples (bool): adds "samples", the scores of each prediction.
Returns:
    execution_rate: share of programs that run and draw a figure.
    success_rate: share with an IoU of at least the threshold.
    iou, iou_strict: mean IoU, and mean plain IoU of the ink; see similarity.py.
    ast_similarity: mean similarity of the syntax trees, see code_similarity.py; None when no reference has code.
    text_f1, type_f1, layout_f1, color_f1: mean F1 of the drawn elements after ChartMimic, see elements.py; None when
        no reference has code that runs.
    confidence: {score: [low, high]}, the 95 % bootstrap intervals.
    n, threshold, level, versions, by_type: {type: n, the same scores, confidence}.
    A program that fails counts 0 in every mean.
"""

_CITATION = """\
@misc{c2cmola, title = {C2C-MoLA: Mixture of LoRA experts for chart-to-code generation}}
"""


def score(
    predictions: Sequence[str],
    references: Sequence[Any],
    chart_types: Sequence[str] | None = None,
    threshold: float = SUCCESS_IOU,
    num_workers: int | None = None,
    timeout: float = 10.0,
    executor: Executor | None = None,
    progress: bool = False,
    return_samples: bool = False,
) -> dict[str, Any]:
    """Scores programs against reference charts. Never raises for what is in a prediction.

    All three sequences are read once, in order, a few items ahead of the comparison, and no picture is kept: they may
    be lazy, such as the columns of a data set that decodes its images when they are read.

    Args:
        predictions: N programs; code fences and prose around them are taken off (`extract_code`).
        references: N references: PIL image, uint8 array, encoded bytes, path of an image, source code, or
            {"code": str, "image": one of those}, of which one may be missing or None. Code is executed: for the
            element scores, and for the picture if there is no other.
        chart_types: N names, for `by_type`.
        threshold: the IoU from which a prediction counts as success.
        num_workers, timeout: of the executor made for this call; one worker per core by default.
        executor: a running one to use instead; it is not closed.
        progress: shows a progress bar.
        return_samples: adds `samples`: N dicts {status, error, executed, success, iou, iou_strict, ast_similarity,
            text_f1, type_f1, layout_f1, color_f1}.

    Returns:
        {n, execution_rate, success_rate, iou, iou_strict, ast_similarity, text_f1, type_f1, layout_f1, color_f1,
        confidence, threshold, level, by_type, versions[, samples]}. `ast_similarity` and the F1s are means over the
        predictions whose reference has code (for the F1s, code that runs), None if there are none; `confidence` has
        the 95 % percentile bootstrap interval of each score, [low, high] or None, by a fixed seed. `level` is the
        confinement of the programs, see confinement.py. A prediction that fails counts 0 in every mean.

    Raises:
        ValueError: lengths differ, there is nothing to score, or a reference is unusable (no image, or its program
            fails and there is no image).
        RuntimeError: programs cannot be executed safely here, see confinement.py.
    """
    count = len(predictions)
    if count == 0:
        raise ValueError("there are no predictions to score")
    for name, values in (("references", references), ("chart_types", chart_types)):
        if values is not None and len(values) != count:
            raise ValueError(f"there are {count} predictions but {len(values)} {name}: give one for each")

    own = Executor(num_workers or usable_cores(), timeout) if executor is None else nullcontext(executor)
    table, samples = np.empty((count, len(SCORES))), []
    with own as executor:
        level, versions = executor.level, executor.versions
        compared = _samples(predictions, references, executor, threshold)
        with closing(compared), tqdm(total=count, desc="scoring", unit="chart", disable=not progress) as bar:
            for index, sample in enumerate(compared):
                table[index] = _row(sample)
                if return_samples:
                    samples.append(sample)
                bar.update()

    report = {"n": count, **_summary(table), "threshold": threshold, "level": level, "by_type": {}}
    if chart_types is not None:
        chart_types = np.array([str(name) for name in chart_types])
        for name in dict.fromkeys(chart_types.tolist()):
            rows = table[chart_types == name]
            report["by_type"][name] = {"n": len(rows), **_summary(rows)}
    report["versions"] = {"similarity": SIMILARITY_VERSION, "elements": ELEMENTS_VERSION, **versions}
    if return_samples:
        report["samples"] = samples
    return report


def _samples(
    predictions: Sequence[str], references: Sequence[Any], executor: Executor, threshold: float
) -> Iterator[dict[str, Any]]:
    """The samples in order. While the executor's processes draw, threads of this one compare."""
    pairs, waiting = deque(), deque()
    results = executor.run_many(_programs(predictions, references, pairs))
    with closing(results), ThreadPoolExecutor(usable_cores(), thread_name_prefix="compare") as threads:
        for index in range(len(predictions)):
            result = next(results)
            code, reference_code, image = pairs.popleft()
            drawn = None if reference_code is None else next(results)
            arguments = result, code, image, reference_code, drawn, threshold, f"references[{index}]"
            waiting.append(threads.submit(score_result, *arguments))
            if len(waiting) >= COMPARED_AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _programs(predictions: Sequence[str], references: Sequence[Any], pairs: deque) -> Iterator[str]:
    """All programs to execute, in order. Appends (code, reference code or None, image or None) to `pairs`."""
    for index, (prediction, reference) in enumerate(zip(predictions, references)):
        code = extract_code(prediction) if isinstance(prediction, str) else prediction
        reference_code, image = _split_reference(reference, index)
        pairs.append((code, reference_code, image))
        yield code
        if reference_code is not None:
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


def open_image(image: Any, name: str = "the image") -> np.ndarray:
    """An image of any kind on the canvas, (512, 512, 3) uint8.

    Args:
        image: PIL image, uint8 array, encoded bytes, path, or {"bytes": ..., "path": ...} as `datasets` gives an image
            that is not decoded.
        name: what the message calls it.

    Raises:
        ValueError: it is none of these, or cannot be read.
    """
    if isinstance(image, dict):
        image = image.get("bytes") or image.get("path")
    try:
        if isinstance(image, bytes):
            image = io.BytesIO(image)
        if isinstance(image, str | Path | io.BytesIO):
            with Image.open(image) as picture:
                return to_canvas(picture)
        if isinstance(image, Image.Image):
            with _LOADING:  # the same lazy image may be the reference of several predictions
                image.load()
            return to_canvas(image)
        if isinstance(image, np.ndarray):
            return to_canvas(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{name} is no readable image: {error}") from None
    raise ValueError(f"{name} is a {type(image).__name__}, not an image, a path, or code")


def score_result(
    result: ExecutionResult,
    code: str,
    image: Any = None,
    reference_code: str | None = None,
    drawn: ExecutionResult | None = None,
    threshold: float = SUCCESS_IOU,
    name: str = "the reference",
) -> dict[str, Any]:
    """The scores of one program that was executed.

    Args:
        result, code: the program and what became of it.
        image: the reference picture, of any kind (`open_image`); None: what the reference program draws.
        reference_code, drawn: the reference program and what became of it, if there is one.
        threshold: the IoU from which it is a success.
        name: what the messages call the reference.

    Returns:
        {status, error, executed, success, iou, iou_strict, ast_similarity, text_f1, type_f1, layout_f1, color_f1};
        None for what the reference does not say.

    Raises:
        ValueError: the reference gives no picture.
    """
    if image is not None:
        reference = open_image(image, name)
    elif drawn is not None and drawn.ok:
        reference = to_canvas(drawn.image)
    else:
        raise ValueError(f"{name}: the reference program fails ({drawn.error if drawn else 'it was not executed'})")
    expected = confirm(drawn.facts, drawn.image) if drawn is not None and drawn.ok else None

    sample = {"status": result.status, "error": result.error, "executed": result.ok, "success": False}
    sample |= {"iou": 0.0, "iou_strict": 0.0, "ast_similarity": None if reference_code is None else 0.0}
    sample |= dict.fromkeys(ELEMENT_SCORES, None if expected is None else 0.0)
    if result.ok:
        picture = to_canvas(result.image)
        sample["iou"] = chart_iou(picture, reference)
        sample["iou_strict"] = chart_iou_strict(picture, reference)
        sample["success"] = sample["iou"] >= threshold
        if reference_code is not None:
            sample["ast_similarity"] = ast_similarity(code, reference_code)
        elements = confirm(result.facts, result.image)
        if expected is not None and elements is not None:
            sample |= {key: f1(elements, expected) for key, f1 in ELEMENT_SCORES.items()}
    return sample


def _row(sample: dict[str, Any]) -> list[float]:
    """The values of a sample in the order of `SCORES`, NaN for None."""
    return [np.nan if sample[key] is None else float(sample[key]) for key in SCORES.values()]


def _summary(table: np.ndarray) -> dict[str, Any]:
    """Means and `confidence` of the columns of (N, len(SCORES)), without NaN; None where there is nothing else."""
    means = _means(table)
    intervals = _confidence_intervals(table)
    summary = {name: None if np.isnan(mean) else float(mean) for name, mean in zip(SCORES, means)}
    confidence = {
        name: None if np.isnan(low) else [float(low), float(high)] for name, (low, high) in zip(SCORES, intervals)
    }
    return {**summary, "confidence": confidence}


def _means(table: np.ndarray) -> np.ndarray:
    valid = ~np.isnan(table)
    with np.errstate(invalid="ignore"):
        return np.where(valid, table, 0).sum(axis=0) / valid.sum(axis=0)


def _confidence_intervals(table: np.ndarray) -> np.ndarray:
    """95 % percentile bootstrap intervals of the column means of (N, K), NaN left out: (K, 2), NaN without values."""
    generator = np.random.default_rng(0)
    count = len(table)
    valid = ~np.isnan(table)
    both = np.concatenate([np.where(valid, table, 0), valid], axis=1)
    sums = np.empty((RESAMPLES, both.shape[1]))
    for index in range(RESAMPLES):  # how often each row is drawn, times the rows
        sums[index] = np.bincount(generator.integers(count, size=count), minlength=count) @ both
    numbers = sums[:, table.shape[1] :]
    means = np.divide(sums[:, : table.shape[1]], numbers, out=np.full_like(numbers, np.nan), where=numbers > 0)
    intervals = np.full((table.shape[1], 2), np.nan)
    for column, values in enumerate(means.T):
        if not np.isnan(values).all():
            intervals[column] = np.nanpercentile(values, [2.5, 97.5])
    return intervals


def compare(samples_a: Sequence[dict[str, Any]], samples_b: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Compares two models by their `samples` (see `score`) on the same charts in the same order.

    Returns:
        {n, scores: {score: {n, a, b, difference, confidence, p_value, test}}}: the means over the charts where both
        have the score, b - a with its 95 % interval by a paired bootstrap, and the p value (two-sided) of the
        hypothesis that the models are equal: by McNemar's exact test for the rates, for the others by a permutation
        test that swaps the models chart by chart (10,000 times, by a fixed seed). A score is None that no chart has
        from both.

    Raises:
        ValueError: there are no samples, or not as many of both.
    """
    if not len(samples_a) or len(samples_a) != len(samples_b):
        raise ValueError(
            f"there are {len(samples_a)} and {len(samples_b)} samples: give those of both models on the same charts"
        )
    a, b = (np.array([_row(sample) for sample in samples]) for samples in (samples_a, samples_b))
    a[np.isnan(b)], b[np.isnan(a)] = np.nan, np.nan
    difference = b - a
    counts = np.count_nonzero(~np.isnan(difference), axis=0)
    columns = zip(
        SCORES, counts, _means(a), _means(b), _confidence_intervals(difference), _permutation_test(difference)
    )
    scores = {}
    for index, (name, count, mean_a, mean_b, interval, p_value) in enumerate(columns):
        test = "paired permutation"
        if name.endswith("_rate"):
            test, p_value = "exact McNemar", _mcnemar(difference[:, index])
        scores[name] = (
            None
            if not count
            else {
                "n": int(count),
                "a": float(mean_a),
                "b": float(mean_b),
                "difference": float(mean_b - mean_a),
                "confidence": [float(limit) for limit in interval],
                "p_value": float(p_value),
                "test": test,
            }
        )
    return {"n": len(a), "scores": scores}


def _mcnemar(difference: np.ndarray) -> float:
    """p value of McNemar's exact test, from the differences (-1, 0, 1) of a rate."""
    from scipy.stats import binom

    wins, losses = np.count_nonzero(difference > 0), np.count_nonzero(difference < 0)
    return min(1.0, 2 * binom.cdf(min(wins, losses), wins + losses, 0.5))


def _permutation_test(difference: np.ndarray) -> np.ndarray:
    """Two-sided p values of the column means of (N, K) under random signs of the rows; NaN is no difference."""
    generator = np.random.default_rng(0)
    values = np.nan_to_num(difference)
    observed = np.abs(values.sum(axis=0)) * (1 - 1e-9)
    extreme = np.ones(values.shape[1])  # the data themselves are one of the permutations
    chunk = max(1, 4_000_000 // len(values))
    for start in range(0, PERMUTATIONS, chunk):
        rows = min(chunk, PERMUTATIONS - start)
        signs = np.unpackbits(generator.integers(256, size=(rows, -(-len(values) // 8)), dtype=np.uint8), axis=1)
        sums = 2 * (signs[:, : len(values)].astype(float) @ values) - values.sum(axis=0)
        extreme += (np.abs(sums) >= observed).sum(axis=0)
    return extreme / (PERMUTATIONS + 1)


def usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _texts(predictions: Sequence[Any]) -> list[str]:
    """Predictions as Arrow can store them: what is no text, or none for Arrow, becomes a program that is invalid."""
    texts = []
    for prediction in predictions:
        text = prediction if isinstance(prediction, str) else "\0"
        try:
            valid = len(text.encode()) <= 64 * MAX_SOURCE
        except UnicodeEncodeError:
            valid = False
        texts.append(text if valid else "\0")
    return texts


class _Rows:
    """What `add_batch` has collected, for `evaluate`, which would read all pictures into memory at once."""

    def __init__(self, data: datasets.Dataset):
        self.data = data

    def set_format(self, **kwargs) -> None:
        pass

    def __getitem__(self, name: str) -> "_Column":
        return _Column(self.data, name)


class _Column(Sequence):
    def __init__(self, data: datasets.Dataset, name: str):
        self.data, self.name = data.select_columns([name]), name

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index):
        return self if isinstance(index, slice) else self.data[index][self.name]  # `evaluate` asks for [:]


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _INPUTS)
class Chart2CodeMetric(evaluate.Metric):
    """Scores programs that should draw given charts, see `score`."""

    _error: BaseException | None = None

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

    def add_batch(self, *, predictions=None, references=None) -> None:
        """Adds predictions and their references, all of one kind (image, code, or both), for `compute`."""
        super().add_batch(predictions=_texts(predictions), references=references)

    def add(self, *, prediction=None, reference=None) -> None:
        """Adds one prediction and its reference, see `add_batch`."""
        super().add(prediction=_texts([prediction])[0], reference=reference)

    def _finalize(self) -> None:
        super()._finalize()
        if self.process_id == 0:
            self.data = _Rows(self.data)

    def _compute(self, predictions, references, **kwargs) -> dict[str, Any] | None:
        # An exception here would leave the cache files locked, so it has to wait until they are released.
        try:
            return score(predictions, references, **kwargs)
        except BaseException as error:
            self._error = error
            return None
