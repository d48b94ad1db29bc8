"""Event plots drawn by plain matplotlib: where the strokes stand."""

import numpy as np
import pytest
from conftest import copied

from chart2code.events import find_rows
from chart2code.sketches import Sheet
from chart2code.verification import verify
from eval_metric.similarity import to_canvas

PLT = "import matplotlib.pyplot as plt\nimport numpy as np\n\n"
ANSWER = "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots()\nax.plot([1, 2], [3, 4])\n"
EVENTS = "[np.sort(np.random.default_rng(k).uniform(0, 100, 12)) for k in range(3)]"
COLORS = "colors=['crimson', 'teal', 'darkorange']"


@pytest.mark.parametrize(
    ("options", "expected"),
    [("", ""), (", linelengths=0.6", "linelengths=0.6"), (", lineoffsets=[1, 3, 6]", "lineoffsets=[1, 3, 6]")],
)
def test_events_are_read(executor, options, expected):
    code, _ = copied(executor, f"{PLT}plt.eventplot({EVENTS}, {COLORS}{options})\n", ANSWER)
    variables: dict = {}
    exec(code[code.index("events = [") : code.index("ax.eventplot")], variables)
    for k, found in enumerate(variables["events"]):
        events = np.sort(np.random.default_rng(k).uniform(0, 100, 12))
        apart = np.abs(np.subtract.outer(found, events))  # two that touch are hardly told apart
        assert max(apart.min(axis=0).max(), apart.min(axis=1).max()) < 0.8
    assert expected in code


def test_they_are_redrawn_with_their_names(executor):
    chart = f"plt.eventplot({EVENTS}, {COLORS})\nplt.yticks(range(3), ['Ada', 'Ben', 'Cleo'])\nplt.title('Spikes')\n"
    found = verify(executor, [ANSWER], executor.run(PLT + chart).image, refine=True, time_budget=60, max_renderings=40)
    assert found.iou > 0.9
    assert '["Ada", "Ben", "Cleo"]' in found.code and "Spikes" in found.code


@pytest.mark.parametrize(
    "chart",
    [
        "plt.bar(range(12), [9] * 12, width=0.2)",
        "plt.stem(range(9), [3, 5, 2, 6, 4, 7, 3, 5, 6])",
        "plt.plot(range(30), [0, 1] * 15)",
        "plt.errorbar(range(6), [3, 5, 2, 6, 4, 7], yerr=0.5, fmt='none')",
    ],
)
def test_other_strokes_are_no_events(executor, chart):
    image = executor.run(PLT + chart).image
    assert find_rows(Sheet.of(to_canvas(image), image.shape[1::-1], ANSWER)) == []
