"""Charts by scripts of authors who did not know this project: how many are redrawn?

    python benchmarks/unseen_charts.py                          # 40 charts, some 4 minutes on two cores
    python benchmarks/unseen_charts.py --json --output /tmp/charts

The scripts are in benchmarks/unseen, a chart each: bars, lines, scatter charts, pies and others, in matplotlib's own
look and in others, of many sizes and resolutions, also with seaborn. They were written for this measurement, and
nothing was developed on them.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.other_styles import arguments_of, redraw  # noqa: E402

SCRIPTS = REPOSITORY / "benchmarks" / "unseen"
FAMILIES = {"bar": 12, "line": 24, "scatter": 30, "pie": 34, "other": 40}  # the numbers that end them


def charts() -> list[dict]:
    """{chart_type, name, image} of all scripts."""
    made = []
    for path in sorted(SCRIPTS.glob("*.py")):
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "MPLBACKEND": "Agg"}
            subprocess.run([sys.executable, str(path)], cwd=folder, env=environment, check=True, capture_output=True)
            with Image.open(Path(folder, "chart.png")) as image:
                family = next(name for name, end in FAMILIES.items() if int(path.stem[:2]) < end)
                made.append({"chart_type": family, "name": path.stem[3:], "image": image.convert("RGB")})
    return made


if __name__ == "__main__":
    arguments = arguments_of(__doc__).parse_args()
    redraw(charts(), arguments)
