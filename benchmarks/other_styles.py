"""Charts as other people draw them: how many does the model redraw, and how many with refinement?

    python benchmarks/other_styles.py                          # 60 charts, some 4 minutes on two cores
    python benchmarks/other_styles.py --limit 20 --json --output /tmp/charts

None of them is made by chart2code.synthetic: they are scripts as they stand in tutorials and notebooks (pyplot, axes,
pandas), in matplotlib's style sheets, with words, numbers and sizes that the generator does not have. `--seed` chooses
styles, words, numbers and order. Refinement was developed with seed 0; the figures in the README are those of seed 1,
which nobody had looked at: other words, numbers and styles, but the same 30 scripts.
"""

import argparse
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

STYLES = (
    "default", "default", "default", "default", "ggplot", "bmh", "fivethirtyeight", "seaborn-v0_8",
    "seaborn-v0_8-whitegrid", "seaborn-v0_8-darkgrid", "dark_background",
)  # fmt: skip
SYLLABLES = "ba co di fe gu ha jo ki lu ma ne po qui ra so te vu wi ya zo bren stal mor lin ter gard".split()
COLORS = "steelblue crimson seagreen darkorange slateblue teal tomato goldenrod orchid #3b6ea5 #8e44ad #16a085".split()
UNITS = ("m", "kg", "%", "s", "km²", "k€", "°C", "GWh", "1/min")


def registry() -> tuple[list[tuple[str, Callable]], Callable]:
    """A list of (family, function), and the decorator that puts functions of a family there."""
    scripts: list[tuple[str, Callable]] = []

    def script(family: str):
        def register(draw):
            scripts.append((family, draw))
            return draw

        return register

    return scripts, script


SCRIPTS, script = registry()


class Chance:
    """Words and numbers of one chart."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)

    def word(self) -> str:
        return "".join(self.rng.choice(SYLLABLES, self.rng.integers(2, 4))).capitalize()

    def words(self, count: int) -> list[str]:
        return [self.word() + (f" {k}" if self.rng.random() < 0.1 else "") for k in range(count)]

    def quantity(self) -> str:
        return f"{self.word()} ({self.rng.choice(UNITS)})"

    def title(self) -> str:
        return " ".join([self.word(), *(w.lower() for w in self.words(self.rng.integers(1, 4)))])

    def values(self, count: int, low: float = 0.1, digits: int = 2) -> np.ndarray:
        top = 10.0 ** self.rng.uniform(-1, 5)
        return np.array([float(f"{v:.{digits}g}") for v in top * self.rng.uniform(low, 1, count)])

    def walk(self, count: int) -> np.ndarray:
        return self.rng.uniform(5, 200) + self.rng.uniform(0.3, 4) * self.rng.normal(0, 1, count).cumsum()

    def colors(self, count: int) -> list[str]:
        return [str(c) for c in self.rng.choice(COLORS, count, replace=False)]

    def maybe(self, probability: float = 0.5) -> bool:
        return bool(self.rng.random() < probability)

    def axes(self, wide: float = 1.0):
        import matplotlib.pyplot as plt

        size = None if self.maybe(0.4) else (self.rng.integers(5, 10) * wide, self.rng.integers(4, 7))
        return plt.subplots(figsize=size)[1]

    def named(self, ax, x: bool = True) -> None:
        ax.set_title(self.title())
        ax.set_ylabel(self.quantity())
        if x:
            ax.set_xlabel(self.quantity())


@script("bar")
def labelled_bars(c: Chance) -> None:
    ax, count = c.axes(), c.rng.integers(3, 8)
    bars = ax.bar(c.words(count), c.values(count), color=c.colors(1)[0], edgecolor="black" if c.maybe() else None)
    if c.maybe():
        ax.bar_label(bars)
    c.named(ax, x=False)


@script("bar")
def grouped_bars(c: Chance) -> None:
    ax, count, groups = c.axes(), c.rng.integers(3, 6), c.rng.integers(2, 4)
    x, width, top = np.arange(count), 0.8 / groups, c.values(1)[0]
    for k, name in enumerate(c.words(groups)):
        ax.bar(x + (k - (groups - 1) / 2) * width, top * c.rng.uniform(0.2, 1, count), width, label=name)
    ax.set_xticks(x, c.words(count))
    ax.legend()
    c.named(ax, x=False)


@script("bar")
def sorted_bars(c: Chance) -> None:
    ax, count = c.axes(), c.rng.integers(4, 9)
    ax.barh(c.words(count), np.sort(c.values(count)), color=c.colors(1)[0])
    ax.set_title(c.title(), loc="left")
    ax.set_xlabel(c.quantity())
    ax.spines[["top", "right"]].set_visible(False)
    ax.figure.tight_layout()


@script("bar")
def bars_with_errors(c: Chance) -> None:
    ax, count = c.axes(), c.rng.integers(3, 6)
    values = c.values(count, low=0.4)
    errors = values.max() * c.rng.uniform(0.04, 0.12, count)
    ax.bar(c.words(count), values, yerr=errors, capsize=4, color=c.colors(1)[0])
    c.named(ax, x=False)


@script("bar")
def stacked_frame(c: Chance) -> None:
    import pandas as pd

    count = c.rng.integers(3, 7)
    columns = {name: c.rng.integers(10, 200, count) for name in c.words(3)}
    frame = pd.DataFrame(columns, index=range(2010, 2010 + count))
    c.named(frame.plot(kind="bar", stacked=True, rot=0, color=c.colors(3)), x=False)


@script("bar")
def gains_and_losses(c: Chance) -> None:
    ax, count = c.axes(), c.rng.integers(5, 9)
    ax.bar(c.words(count), np.round(c.rng.normal(0.5, 2.5, count), 1), color=c.colors(1)[0])
    ax.axhline(0, color="black", linewidth=0.8)
    ax.tick_params(axis="x", rotation=45)
    c.named(ax, x=False)


@script("bar")
def histogram(c: Chance) -> None:
    ax = c.axes()
    data = c.rng.normal(c.rng.uniform(20, 90), c.rng.uniform(3, 15), 600)
    ax.hist(data, bins=int(c.rng.integers(10, 25)), color=c.colors(1)[0], edgecolor="white")
    c.named(ax)


@script("bar")
def bars_at_numbers(c: Chance) -> None:
    ax = c.axes(1.3)
    ax.bar(range(1, 25), c.rng.poisson(18, 24), color=c.colors(1)[0])
    c.named(ax)


@script("line")
def yearly_line(c: Chance) -> None:
    import matplotlib.pyplot as plt

    plt.figure(figsize=(8, 5))
    count = c.rng.integers(7, 16)
    plt.plot(np.arange(2024 - count, 2024), c.walk(count), marker="o", linewidth=2, color=c.colors(1)[0])
    plt.xlabel("Year")
    plt.ylabel(c.quantity())
    plt.title(c.title())
    plt.grid(True, alpha=0.3)


@script("line")
def several_lines(c: Chance) -> None:
    ax, count = c.axes(), c.rng.integers(6, 14)
    for name, marker in zip(c.words(c.rng.integers(2, 5)), ("o", "s", "^", "D")):
        ax.plot(range(1, count + 1), c.walk(count), marker=marker if c.maybe(0.4) else None, label=name)
    ax.legend()
    c.named(ax)


@script("line")
def smooth_curves(c: Chance) -> None:
    ax, x = c.axes(), np.linspace(0, 10, 200)
    ax.plot(x, np.sin(x * c.rng.uniform(0.5, 1.5)), label=c.word())
    ax.plot(x, np.exp(-x / c.rng.uniform(2, 6)), "--", label=c.word())
    ax.legend(loc="upper right")
    ax.grid()
    c.named(ax)


@script("line")
def dates(c: Chance) -> None:
    import pandas as pd

    ax = c.axes(1.3)
    ax.plot(pd.date_range("2023-01-01", periods=60, freq="W"), c.walk(60), color=c.colors(1)[0])
    c.named(ax, x=False)
    ax.figure.autofmt_xdate()


@script("line")
def frame_of_walks(c: Chance) -> None:
    import pandas as pd

    frame = pd.DataFrame(c.rng.normal(0, 1, (60, 3)).cumsum(axis=0), columns=c.words(3))
    c.named(frame.plot(grid=c.maybe()))


@script("line")
def band(c: Chance) -> None:
    ax, x, color = c.axes(), np.linspace(0, 5, 40), c.colors(1)[0]
    y = np.exp(-x / c.rng.uniform(1, 4)) * c.rng.uniform(1, 50)
    ax.plot(x, y, color=color, label=c.word())
    ax.fill_between(x, y * 0.88, y * 1.12, color=color, alpha=0.25)
    ax.legend()
    c.named(ax)


@script("line")
def line_with_errors(c: Chance) -> None:
    ax, x = c.axes(), np.arange(1, 9)
    y = c.rng.uniform(2, 40) * x ** c.rng.uniform(0.4, 1.2)
    ax.errorbar(x, y, yerr=y.max() * c.rng.uniform(0.04, 0.09, 8), fmt="o-", capsize=3, color=c.colors(1)[0])
    c.named(ax)


@script("line")
def limit(c: Chance) -> None:
    ax, y = c.axes(), c.walk(12)
    ax.plot(range(1, 13), y, marker="D", color=c.colors(1)[0])
    ax.axhline(float(np.round(y.mean(), 1)), color="red", linestyle="--", label=c.word())
    ax.legend()
    c.named(ax)


@script("line")
def logarithm(c: Chance) -> None:
    ax, x = c.axes(), np.arange(30)
    for name in c.words(2):
        ax.semilogy(x, np.exp(-c.rng.uniform(0.05, 0.2) * x) + c.rng.uniform(0.005, 0.05), label=name)
    ax.legend()
    c.named(ax)


@script("scatter")
def cloud(c: Chance) -> None:
    ax, x = c.axes(), c.rng.normal(60, 10, 50)
    ax.scatter(x, x * c.rng.uniform(0.5, 3) + c.rng.normal(0, 8, 50), alpha=0.7, color=c.colors(1)[0])
    c.named(ax)


@script("scatter")
def clusters(c: Chance) -> None:
    ax = c.axes()
    for name, marker in zip(c.words(3), ("o", "^", "s")):
        x, y = c.rng.uniform(1, 9, 2)
        ax.scatter(c.rng.normal(x, 0.5, 25), c.rng.normal(y, 0.4, 25), marker=marker, label=name)
    ax.legend()
    c.named(ax)


@script("scatter")
def bubbles(c: Chance) -> None:
    ax = c.axes()
    sizes = c.rng.uniform(40, 500, 14)
    ax.scatter(c.rng.uniform(1, 9, 14), c.rng.uniform(50, 85, 14), s=sizes, alpha=0.5, color=c.colors(1)[0])
    c.named(ax)


@script("scatter")
def regression(c: Chance) -> None:
    ax, x = c.axes(), np.linspace(0, 10, 30)
    slope, start = c.rng.uniform(0.5, 3, 2)
    ax.plot(x, slope * x + start + c.rng.normal(0, 1.5, 30), "o", label=c.word())
    ax.plot(x, slope * x + start, label=c.word())
    ax.legend()
    c.named(ax)


@script("pie")
def plain_pie(c: Chance) -> None:
    ax, count = c.axes(), c.rng.integers(3, 7)
    ax.pie(c.rng.integers(5, 50, count), labels=c.words(count), autopct="%1.1f%%")
    ax.set_title(c.title())


@script("pie")
def exploded_pie(c: Chance) -> None:
    ax = c.axes()
    sizes = c.rng.integers(10, 50, 4)
    ax.pie(sizes, labels=c.words(4), explode=(0, 0.1, 0, 0), autopct="%1.1f%%", shadow=c.maybe(), startangle=90)


@script("pie")
def ring(c: Chance) -> None:
    ax, count = c.axes(), c.rng.integers(3, 6)
    sizes, colors = c.rng.integers(10, 60, count), c.colors(count)
    ax.pie(sizes, labels=c.words(count), autopct="%.0f%%", pctdistance=0.8, wedgeprops={"width": 0.4}, colors=colors)
    ax.set_title(c.title())


@script("pie")
def pie_of_series(c: Chance) -> None:
    import pandas as pd

    pd.Series(c.rng.integers(20, 120, 5), index=c.words(5), name=c.word()).plot.pie(figsize=(6, 6), title=c.title())


@script("complex")
def bars_and_line(c: Chance) -> None:
    ax, names = c.axes(), c.words(5)
    ax.bar(names, c.rng.integers(100, 200, 5), color="lightblue")
    ax.set_ylabel(c.quantity())
    other = ax.twinx()
    other.plot(names, c.rng.uniform(5, 15, 5), color="darkred", marker="o")
    other.set_ylabel(c.quantity())
    ax.set_title(c.title())


@script("complex")
def stack(c: Chance) -> None:
    ax, count = c.axes(), c.rng.integers(6, 15)
    rows = [c.rng.uniform(5, 20, count) for _ in range(3)]
    ax.stackplot(range(2020 - count, 2020), *rows, labels=c.words(3), alpha=0.8)
    ax.legend(loc="upper left")
    c.named(ax, x=False)


@script("complex")
def area(c: Chance) -> None:
    ax, x, color = c.axes(), np.arange(24), c.colors(1)[0]
    y = 20 + c.rng.uniform(5, 18) * np.sin((x - c.rng.integers(3, 9)) / 24 * 2 * np.pi)
    ax.fill_between(x, y, color=color, alpha=0.4)
    ax.plot(x, y, color=color)
    ax.set_xlim(0, 23)
    ax.set_ylim(0, 45)
    c.named(ax)


@script("complex")
def pareto(c: Chance) -> None:
    ax, values = c.axes(), np.sort(c.rng.integers(3, 60, 6))[::-1]
    names = c.words(6)
    ax.bar(names, values)
    other = ax.twinx()
    other.plot(names, values.cumsum() / values.sum() * 100, color="C1", marker="D", markersize=5)
    other.set_ylim(0, 105)
    ax.set_title(c.title())


@script("complex")
def bars_and_trend(c: Chance) -> None:
    ax, x = c.axes(), np.arange(2012, 2024)
    values = c.rng.uniform(20, 60, 12)
    ax.bar(x, values, color="silver", label=c.word())
    ax.plot(x, values.cumsum() / np.arange(1, 13), color="navy", label=c.word())
    ax.legend()
    c.named(ax, x=False)


def charts(scripts: list[tuple[str, Callable]], styles: tuple[str, ...], seed: int, limit: int) -> list[dict]:
    """{chart_type, name, image} of the first charts of a seed, by `scripts` (chart type, function) in turn."""
    import matplotlib
    import matplotlib.pyplot as plt

    made = []
    for k in range(limit):
        family, draw = scripts[k % len(scripts)]
        chance = Chance(1000 * seed + k)
        plt.close("all")
        matplotlib.rcdefaults()
        matplotlib.use("Agg")
        plt.style.use(str(chance.rng.choice(styles)))
        draw(chance)
        buffer = io.BytesIO()
        plt.savefig(buffer, dpi=int(chance.rng.choice([100, 100, 150])))
        made.append({"chart_type": family, "name": draw.__name__, "image": Image.open(buffer).convert("RGB")})
    plt.close("all")
    matplotlib.rcdefaults()
    return made


def arguments_of(description: str) -> argparse.ArgumentParser:
    """The arguments of all benchmarks of charts from elsewhere."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=str(REPOSITORY))
    parser.add_argument("--time_budget", type=float, default=5.0, help="seconds a chart (default: %(default)s)")
    parser.add_argument("--output", type=Path, help="folder to write the charts to")
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object in the last line")
    return parser


def redraw(made: list[dict], arguments: argparse.Namespace, **settings: int) -> None:
    """Measures how many charts, as of `charts`, are redrawn, and prints it; `settings`: what the JSON says besides."""
    from benchmarks.refinement import measure, report
    from chart2code.generation import load_model

    if arguments.output:
        arguments.output.mkdir(parents=True, exist_ok=True)
        for k, chart in enumerate(made):
            chart["image"].save(arguments.output / f"{k:03}_{chart['name']}.png")
    model, processor = load_model(arguments.model)
    families = measure(model, processor, made, 1, arguments.time_budget)
    report(families)
    if arguments.json:
        print(json.dumps({**settings, "time_budget": arguments.time_budget, "families": families}))


def main(scripts: list[tuple[str, Callable]], styles: tuple[str, ...], description: str) -> None:
    parser = arguments_of(description)
    parser.add_argument("--limit", type=int, default=2 * len(scripts), help="charts (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the charts (default: %(default)s)")
    arguments = parser.parse_args()
    os.environ["MPLBACKEND"] = "Agg"
    made = charts(scripts, styles, arguments.seed, arguments.limit)
    redraw(made, arguments, limit=len(made), seed=arguments.seed)


if __name__ == "__main__":
    main(SCRIPTS, STYLES, __doc__)
