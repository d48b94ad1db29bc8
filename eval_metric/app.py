"""The metric as a Space: a chart, a program, what it draws, where the two differ, and the scores.

`python app.py` starts it; it needs gradio. Programs of strangers are executed here: the executor refuses to where it
cannot confine them (see confinement.py), and a Space that runs this should hold no secrets.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


if not __package__:  # started as a script, as Spaces do: its folder is the package all the same
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    __package__ = Path(__file__).resolve().parent.name
    importlib.import_module(__package__)

from .code_similarity import extract_code  # noqa: E402
from .executor import Executor  # noqa: E402
from .similarity import to_canvas  # noqa: E402


TIMEOUT = 20.0  # seconds per program
DIFFERENT = 48  # of 255, in some channel
INK = 24
FADED = 0.75
MISSING, EXTRA, OTHER = (214, 39, 40), (31, 119, 180), (255, 127, 14)

EXAMPLE = """import matplotlib.pyplot as plt

fig, ax = plt.subplots()
ax.bar(["north", "south", "east"], [12, 30, 7])
ax.set_title("Sales")
"""


def difference_picture(image: Image.Image | np.ndarray, reference: Image.Image | np.ndarray) -> Image.Image:
    """Where a picture differs from its reference, on the canvas of the comparison, 512 x 512.

    Faded grey where they agree, red what only the reference has, blue what only the picture has, and orange where both
    have ink of other colours.

    Args:
        image, reference: as `similarity.to_canvas` takes them.
    """
    drawn, expected = (to_canvas(picture).astype(np.int16) for picture in (image, reference))
    grey = 255 - (255 - expected.mean(axis=2, keepdims=True)) * (1 - FADED)
    picture = np.repeat(grey, 3, axis=2).astype(np.uint8)
    differ = np.abs(drawn - expected).max(axis=2) > DIFFERENT
    inked = [canvas.min(axis=2) < 255 - INK for canvas in (drawn, expected)]
    picture[differ & inked[0] & inked[1]] = OTHER
    picture[differ & inked[1] & ~inked[0]] = MISSING
    picture[differ & inked[0] & ~inked[1]] = EXTRA
    return Image.fromarray(picture)


def judge(
    executor: Executor, image: Image.Image | None, code: str, reference_code: str
) -> tuple[Image.Image | None, Image.Image | None, dict[str, Any]]:
    """What the page shows for one chart and one program.

    Args:
        image: the chart, or None: what the reference program draws.
        code: the program, or an answer with a program in it.
        reference_code: the program of the chart; may be empty.

    Returns:
        The rendering and the difference picture, None where the program draws nothing; and the scores, or
        {"error": one line}.
    """
    from .eval_metric import open_image
    from .eval_metric import score_result

    code, reference_code = extract_code(code), extract_code(reference_code).strip() or None
    if image is None and reference_code is None:
        return None, None, {"error": "give the picture of a chart, or the program that draws it"}
    try:
        result = executor.run(code)
        drawn = None if reference_code is None else executor.run(reference_code)
        scores = score_result(result, code, image, reference_code, drawn)
    except (ValueError, RuntimeError) as error:  # no picture of the chart; or programs cannot be executed safely here
        return None, None, {"error": str(error)}
    if not result.ok:
        return None, None, scores
    reference = open_image(drawn.image if image is None else image)
    return Image.fromarray(result.image), difference_picture(result.image, reference), scores


def main() -> None:
    import gradio

    executor = Executor(timeout=TIMEOUT)
    with gradio.Blocks(title="chart2code metric") as page:
        gradio.Markdown("# chart2code metric\nDoes this program draw this chart?")
        with gradio.Row():
            with gradio.Column():
                image = gradio.Image(label="chart", type="pil")
                code = gradio.Code(label="program", language="python", value=EXAMPLE)
                reference_code = gradio.Code(label="program of the chart, if known", language="python")
                button = gradio.Button("compare", variant="primary")
            with gradio.Column():
                rendering = gradio.Image(label="what the program draws", interactive=False)
                difference = gradio.Image(
                    label="red: missing, blue: extra, orange: another colour, grey: the same", interactive=False
                )
                scores = gradio.Code(label="scores", language="json", interactive=False)

        def show(image, code, reference_code):
            rendered, different, report = judge(executor, image, code or "", reference_code or "")
            return rendered, different, json.dumps(report, indent=1)

        button.click(show, [image, code, reference_code], [rendering, difference, scores])
    page.launch()


if __name__ == "__main__":
    main()
