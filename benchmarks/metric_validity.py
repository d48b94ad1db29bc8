"""Whether the image IoU means what it says: the score of the same chart in other words, and of charts that are wrong.

    python benchmarks/metric_validity.py                 # a table; 300 base charts, all families (15 minutes)
    python benchmarks/metric_validity.py --charts 50 --json

Base charts are programs of the validation split. Each is rewritten in ways that leave the picture as it is
(equivalent), or that leave a picture which a reader would take for the same (near), or that change what the chart says
(different). Pictures are drawn by the executor and compared with the base chart's by several definitions of
likeness. `pass` is the share of pairs with a score of at least 0.85; `auc` the probability that a pair of the same
kind (equivalent) scores higher than a pair of a different kind; `monotone` the share of charts whose score never rises
by more than 0.02 while all values move further away (1, 2, 5, 10, 20, 50 %).
"""

import argparse
import ast
import itertools
import json
import random
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from matplotlib.colors import to_rgb
from PIL import Image
from scipy import ndimage
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[1]))

from chart2code.synthetic import (  # noqa: E402
    CHART_TYPES,
    DEFAULT_CYCLE,
    FIRST_SEED,
    NAMED_COLORS,
    ChartProgram,
    generate_program,
)
from eval_metric.executor import Executor  # noqa: E402
from eval_metric.similarity import SUCCESS_IOU, chart_iou, to_canvas  # noqa: E402

PERCENTS = (1, 2, 5, 10, 20, 50)
TABLE = re.compile(r"^(?P<names>.+) = zip\(\*(?P<rows>\[.*\])\)$", re.MULTILINE)
MARKS = r"^(?:bars = )?ax2?\.(bar|barh|plot|scatter|pie|stackplot|errorbar)\("

# ---- other words for the same picture


def tables(code: str) -> list[tuple[list[str], list[tuple]]]:
    """Names and rows of each table of a program."""
    return [(m["names"].split(", "), ast.literal_eval(m["rows"])) for m in TABLE.finditer(code)]


def with_columns(code: str, write: Callable[[str, list], str]) -> str:
    """Each table replaced by one statement a column."""

    def replace(match):
        columns = zip(*ast.literal_eval(match["rows"]))
        return "\n".join(write(name, list(column)) for name, column in zip(match["names"].split(", "), columns))

    return TABLE.sub(replace, code)


def as_lists(program: ChartProgram, draw: random.Random) -> str:
    return with_columns(program.code, lambda name, column: f"{name} = {column!r}")


def as_arrays(program: ChartProgram, draw: random.Random) -> str:
    return "import numpy as np\n" + with_columns(program.code, lambda name, column: f"{name} = np.array({column!r})")


def as_data_frame(program: ChartProgram, draw: random.Random) -> str:
    """The table as a pandas data frame, columns taken from it."""

    def replace(match):
        names, rows = match["names"].split(", "), match["rows"]
        lines = [f"df = pd.DataFrame({rows}, columns={names!r})"]
        return "\n".join(lines + [f'{name} = df["{name}"]' for name in names])

    return "import pandas as pd\n" + TABLE.sub(replace, program.code)


def as_pyplot(program: ChartProgram, draw: random.Random) -> str | None:
    """pyplot's functions for the methods of the axes."""
    code = program.code
    if "ax2" in code or "ax.spines" in code or "axis.set_major" in code or "set_axisbelow" in code:
        return None
    size = re.search(r"figsize=(\(.*?\))", code)
    code = re.sub(r"fig, ax = plt\.subplots\(.*\)", f"plt.figure(figsize={size[1]})" if size else "plt.figure()", code)
    for method in ("title", "xlabel", "ylabel", "xticks", "xlim", "ylim"):
        code = code.replace(f"ax.set_{method}(", f"plt.{method}(")
    code = code.replace("ax.set_facecolor(", "plt.gca().set_facecolor(").replace(
        "ax.invert_yaxis", "plt.gca().invert_yaxis"
    )
    return code.replace("fig.tight_layout", "plt.tight_layout").replace("ax.", "plt.")


def in_another_order(program: ChartProgram, draw: random.Random) -> str:
    """Title, labels and grid before the marks."""
    lines = program.code.splitlines()
    moved = [line for line in lines if re.match(r"ax2?\.(set_title|set_xlabel|grid|set_facecolor|spines)", line)]
    moved = [line for line in moved if not line.startswith("ax2")]
    rest = [line for line in lines if line not in moved]
    return "\n".join(rest[:3] + moved + rest[3:])


def in_a_loop(program: ChartProgram, draw: random.Random) -> str | None:
    """One loop for calls of the same method that follow each other."""

    def method(statement: ast.stmt) -> str | None:
        call = statement.value if isinstance(statement, ast.Expr) else None
        return ast.unparse(call.func) if isinstance(call, ast.Call) else None

    body, lines = ast.parse(program.code).body, program.code.splitlines()
    for name, group in itertools.groupby(body, method):
        statements = list(group)
        if name in ("ax.plot", "ax.bar", "ax.scatter") and len(statements) > 1:
            rows = []
            for call in (statement.value for statement in statements):
                style = ", ".join(f'"{keyword.arg}": {ast.unparse(keyword.value)}' for keyword in call.keywords)
                rows.append(f"(({', '.join(map(ast.unparse, call.args))}), {{{style}}})")
            loop = f"for values, style in [{', '.join(rows)}]:\n    {name}(*values, **style)"
            lines[statements[0].lineno - 1 : statements[-1].end_lineno] = [loop]
            return "\n".join(lines)
    return None


def with_defaults(program: ChartProgram, draw: random.Random) -> str:
    """Defaults written out, a figure made by hand, saved and shown."""
    size = re.search(r"figsize=(\(.*?\))", program.code)
    figure = f"fig = plt.figure(figsize={size[1] if size else '(6.4, 4.8)'}, dpi=100)\nax = fig.add_subplot(1, 1, 1)"
    code = re.sub(r"fig, ax = plt\.subplots\(.*\)", figure, program.code)
    return code + 'plt.savefig("chart.png")\nplt.show()\n'


def at_another_resolution(program: ChartProgram, draw: random.Random) -> str:
    return re.sub(r"plt\.subplots\(", "plt.subplots(dpi=160, ", program.code)


# ---- other charts


def values_off(percent: float) -> Callable:
    """Each value up or down by a percentage, in turn (by chance, a pie or an axis that scales with its bars could stay
    as it was); the first column, categories or an ordered axis, stays."""

    def change(program: ChartProgram, draw: random.Random) -> str | None:
        def move(value, up):
            moved = value * (1 + (1 if up else -1) * percent / 100)
            return moved if isinstance(value, float) else round(moved, 3)

        def replace(match):
            rows = [
                (row[0], *(move(value, (i + j) % 2) for j, value in enumerate(row[1:])))
                for i, row in enumerate(ast.literal_eval(match["rows"]))
            ]
            return f"{match['names']} = zip(*{rows!r})"

        return TABLE.sub(replace, program.code)

    return change


def colors_of(code: str) -> list[str]:
    return re.findall(r'"((?:tab:\w+|#[0-9a-f]{6}|' + "|".join(NAMED_COLORS) + r'))"', code)


def other_colors(color: str, taken: list[str]) -> list[str]:
    """Colours of the default cycle that are in no use and that nobody would take for `color`."""
    red, green, blue = to_rgb(color)
    distance = {c: max(abs(r - red), abs(g - green), abs(b - blue)) for c in DEFAULT_CYCLE for r, g, b in [to_rgb(c)]}
    return [c for c in DEFAULT_CYCLE if c not in taken and distance[c] > 0.35]


def one_color_wrong(program: ChartProgram, draw: random.Random) -> str | None:
    """The colour of one series or wedge."""
    colors = [color for color in dict.fromkeys(colors_of(program.code)) if color != "black"]
    if not colors:
        return None
    old = draw.choice(colors)
    new = draw.choice(other_colors(old, colors))
    return program.code.replace(f'"{old}"', f'"{new}"')


def palette_swapped(program: ChartProgram, draw: random.Random) -> str | None:
    """Every colour another one: the next but two of the cycle, or another palette."""
    colors = [color for color in dict.fromkeys(colors_of(program.code)) if color != "black"]
    if not colors:
        cycle = "import matplotlib\nmatplotlib.rcParams['axes.prop_cycle'] = matplotlib.cycler(color=[{}])\n"
        return cycle.format(", ".join(f'"{c}"' for c in DEFAULT_CYCLE[3:] + DEFAULT_CYCLE[:3])) + program.code
    code, taken = program.code, list(colors)
    for color in colors:
        new = next(iter(other_colors(color, taken) or other_colors(color, colors)))
        taken.append(new)
        code = code.replace(f'"{color}"', f'"\0{new}"')
    return code.replace("\0", "")


def series_missing(program: ChartProgram, draw: random.Random) -> str | None:
    calls = re.findall(r"^ax2?\.(?:bar|plot|scatter|fill_between)\(.*\)$", program.code, re.MULTILINE)
    return program.code.replace(calls[-1] + "\n", "") if len(calls) > 1 else None


def series_added(program: ChartProgram, draw: random.Random) -> str | None:
    ((names, rows), *_) = tables(program.code)
    if program.chart_type not in ("line", "scatter") or not isinstance(rows[0][1], int | float):
        return None
    low, high = min(r[1] for r in rows), max(r[1] for r in rows)
    values = [round(draw.uniform(low, high), 3) for _ in rows]
    call = "scatter" if program.chart_type == "scatter" else "plot"
    calls = [m.group(0) for m in re.finditer(MARKS + r".*\)$", program.code, re.MULTILINE)]
    return program.code.replace(calls[-1], f'{calls[-1]}\nax.{call}({names[0]}, {values}, color="magenta")')


def other_type(program: ChartProgram, draw: random.Random) -> str | None:
    """Lines for bars, bars for lines and points, bars for wedges."""
    ((names, rows), *_) = tables(program.code)
    change = {
        "basic": lambda c: re.sub(r"^(bars = )?ax\.bar\(.*\)$", "ax.plot(categories, values)", c, flags=re.M),
        "horizontal": lambda c: re.sub(r"^(bars = )?ax\.barh\(.*\)$", "ax.plot(values, categories)", c, flags=re.M),
        "grouped": lambda c: re.sub(
            r"^ax\.bar\(.*, (y\d), .*label=(\".*\")\)$", r"ax.plot(x, \1, label=\2)", c, flags=re.M
        ),
        "stacked": lambda c: re.sub(
            r"^ax\.bar\(categories, (y\d), .*label=(\".*\")\)$", r"ax.plot(categories, \1, label=\2)", c, flags=re.M
        ),
        "pie": lambda c: re.sub(r"^ax\.pie\(.*\)$", "ax.bar(labels, sizes)", c, flags=re.M),
        "donut": lambda c: re.sub(r"^ax\.pie\(.*\)$", "ax.bar(labels, sizes)", c, flags=re.M),
        "exploded": lambda c: re.sub(r"^ax\.pie\(.*\)$", "ax.bar(labels, sizes)", c, flags=re.M),
    }  # fmt: skip
    if program.chart_type == "scatter":
        code = re.sub(
            r"^ax\.scatter\((\w+), (\w+).*?(label=\"[^\"]*\")?\)$", r"ax.plot(\1, \2, \3)", program.code, flags=re.M
        )
    elif program.chart_type == "line":
        code = re.sub(
            r"^ax\.plot\((\w+), (\w+).*?(label=\"[^\"]*\")?\)$", r"ax.bar(\1, \2, \3)", program.code, flags=re.M
        )
    elif program.variant in change:
        code = change[program.variant](program.code)
    else:
        return None
    code = code.replace("ax.bar_label(bars)\n", "").replace("\nax.legend(labels,", "\nax.legend(").replace(", )", ")")
    return code if code != program.code else None


def axis_range(program: ChartProgram, draw: random.Random) -> str | None:
    if program.chart_type == "pie":
        return None
    line = (
        "ax.set_xlim(right=ax.get_xlim()[1] * 1.4)"
        if "barh" in program.code
        else "ax.set_ylim(top=ax.get_ylim()[1] * 1.4)"
    )
    return re.sub(r"^(fig\.tight_layout\(\))?\Z", "", program.code.rstrip("\n"), flags=re.M) + "\n" + line + "\n"


def title_changed(program: ChartProgram, draw: random.Random) -> str | None:
    code = re.sub(r'ax\.set_title\("[^"]*"', 'ax.set_title("Quite Another Title"', program.code)
    return code if code != program.code else None


def text_size(program: ChartProgram, draw: random.Random) -> str:
    return program.code.replace("fig, ax", 'plt.rcParams["font.size"] = 12\nfig, ax', 1)


def legend_moved(program: ChartProgram, draw: random.Random) -> str | None:
    if "ax.legend(" not in program.code or "bbox" in program.code or "loc=" in program.code.split("ax.legend(")[1]:
        return None
    return program.code.replace("ax.legend(", 'ax.legend(loc="lower left", ').replace(", )", ")")


def other_marker(program: ChartProgram, draw: random.Random) -> str | None:
    if not re.search(r"ax\.(plot|scatter)\(", program.code):
        return None
    if "marker=" in program.code:
        return re.sub(r'marker="(.)"', lambda m: f'marker="{"s" if m[1] != "s" else "^"}"', program.code)
    return re.sub(r"^(ax\.(?:plot|scatter)\(.*)\)$", r'\1, marker="s")', program.code, flags=re.M)


def line_style(program: ChartProgram, draw: random.Random) -> str | None:
    if program.chart_type != "line":
        return None
    if "linestyle=" in program.code:
        return re.sub(r'linestyle="(-|--|:|-\.)"', 'linestyle="-"', program.code)
    return re.sub(r"^(ax\.plot\(.*)\)$", r'\1, linestyle=":")', program.code, flags=re.M)


def aspect(program: ChartProgram, draw: random.Random) -> str:
    return re.sub(r"plt\.subplots\(.*\)", "plt.subplots(figsize=(9, 3.5))", program.code, count=1)


def blank_page(program: ChartProgram, draw: random.Random) -> str:
    return "import matplotlib.pyplot as plt\nfig = plt.figure()\n"


def axes_only(program: ChartProgram, draw: random.Random) -> str:
    return "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\n"


EQUIVALENT = {
    "lists": as_lists, "arrays": as_arrays, "data frame": as_data_frame, "pyplot": as_pyplot,
    "other order": in_another_order, "loop": in_a_loop, "defaults": with_defaults, "160 dpi": at_another_resolution,
}  # fmt: skip
GRADED = {f"values {p} %": values_off(p) for p in PERCENTS}
CHANGED = {
    "one color": one_color_wrong, "palette": palette_swapped, "series missing": series_missing,
    "series added": series_added, "other type": other_type, "axis range": axis_range, "title": title_changed,
    "text size": text_size, "legend moved": legend_moved, "marker": other_marker, "line style": line_style,
    "aspect": aspect, "blank page": blank_page, "axes only": axes_only,
}  # fmt: skip
DIFFERENT = ("values 20 %", "values 50 %", "palette", "series missing", "other type", "blank page", "axes only")

# ---- candidate definitions


def ink(picture: np.ndarray) -> np.ndarray:
    return np.minimum.reduce([picture[..., c] for c in range(3)]) < 255 - 24  # far faster than .min(axis=2)


def plain(picture: np.ndarray, reference: np.ndarray) -> float:
    a, b = ink(picture), ink(reference)
    return (a & b).sum() / max((a | b).sum(), 1)


def edges(picture: np.ndarray) -> np.ndarray:
    """Ink whose grey level differs by more than 48 from that of a neighbour 2 pixels away."""
    grey = np.pad(np.add.reduce([picture[..., c] for c in range(3)], dtype=float) / 3, 2, mode="edge")
    beside = (grey[:-4, 2:-2], grey[4:, 2:-2], grey[2:-2, :-4], grey[2:-2, 4:])
    return ink(picture) & (np.maximum.reduce([np.abs(other - grey[2:-2, 2:-2]) for other in beside]) > 48)


def soft(picture: np.ndarray, reference: np.ndarray, tolerance: int, colors: bool, mask: Callable = ink) -> float:
    """IoU of ink with a partner at most `tolerance` pixels away, of a colour within 48 where colours count."""

    offsets = itertools.product(range(2 * tolerance + 1), repeat=2)
    offsets = sorted(offsets, key=lambda offset: sum(abs(x - tolerance) for x in offset))

    def matched(one, other, ink_one, ink_other):
        rows, columns = np.nonzero(ink_one)
        total = len(rows)
        padded = np.pad(other, ((tolerance,) * 2, (tolerance,) * 2, (0, 0))).astype(np.int16)
        inked = np.pad(ink_other, tolerance)
        for dy, dx in offsets:  # the nearest first: few pixels are left for the others
            near = inked[rows + dy, columns + dx]
            if colors:
                near &= (np.abs(padded[rows + dy, columns + dx] - one[rows, columns]) <= 48).all(axis=1)
            rows, columns = rows[~near], columns[~near]
        return total - len(rows), total

    masks = mask(picture), mask(reference)
    one, of_one = matched(picture, reference, *masks)
    other, of_other = matched(reference, picture, *masks[::-1])
    common = (one + other) / 2
    return common / max(of_one + of_other - common, 1)


def ssim(picture: np.ndarray, reference: np.ndarray) -> float:
    """Mean structural similarity of the grey pictures (Wang et al., 2004), windows of 7 x 7, in [0, 1]."""
    x, y = (np.asarray(Image.fromarray(p).convert("L"), dtype=np.float64) for p in (picture, reference))

    def mean(z):
        return ndimage.uniform_filter(z, 7)

    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    value = ((2 * mx * my + c1) * (2 * cov + c2)) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    return float(max(value.mean(), 0))


CANDIDATES = {
    "ink": plain,
    "ink, 2 px": lambda a, b: soft(a, b, 2, False),
    "color": lambda a, b: soft(a, b, 0, True),
    "color, 2 px": lambda a, b: soft(a, b, 2, True),
    "edges, 2 px": lambda a, b: soft(a, b, 2, False, edges),
    "ssim": ssim,
    "iou": chart_iou,
}


def auc(same: list[float], different: list[float]) -> float:
    """Probability that a score of `same` is higher than one of `different`; ties count half."""
    same, different = np.sort(same), np.asarray(different)
    below = np.searchsorted(same, different, side="left") + np.searchsorted(same, different, side="right")
    return float(1 - below.sum() / (2 * len(same) * len(different)))


def variants(charts: int) -> Iterator[tuple[ChartProgram, dict[str, str]]]:
    """Base programs, and what is made of them: {kind: program}."""
    for index in range(charts):
        program = generate_program(FIRST_SEED["validation"] + 10_000 + index, "validation", CHART_TYPES[index % 5])
        draw = random.Random(index)
        made = {name: f(program, draw) for name, f in (EQUIVALENT | GRADED | CHANGED).items()}
        yield program, {name: code for name, code in made.items() if code is not None}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--charts", type=int, default=300, help="base charts (default: %(default)s)")
    parser.add_argument("--candidates", nargs="*", default=list(CANDIDATES), choices=list(CANDIDATES))
    parser.add_argument("--num_workers", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args()

    jobs = list(variants(options.charts))
    codes = [code for program, made in jobs for code in (program.code, *made.values())]
    scores: dict[str, dict[str, list[float]]] = {c: {} for c in options.candidates}
    by_family: dict[tuple[str, str], list[float]] = {}
    monotone = {c: [] for c in options.candidates}
    failed = []
    with Executor(num_workers=options.num_workers, timeout=30) as executor, tqdm(total=len(codes)) as bar:
        results = executor.run_many(codes)
        for program, made in jobs:
            base = next(results)
            assert base.ok, base.error
            reference = to_canvas(base.image)
            row: dict[str, dict[str, float]] = {c: {} for c in options.candidates}
            for kind in made:
                result = next(results)
                bar.update()
                if not result.ok:
                    failed.append((kind, program.variant, result.error))
                    continue
                picture = to_canvas(result.image)
                for name in options.candidates:
                    score = CANDIDATES[name](picture, reference)
                    scores[name].setdefault(kind, []).append(score)
                    row[name][kind] = score
                if "iou" in row:
                    by_family.setdefault((kind, program.chart_type), []).append(row["iou"][kind])
            bar.update()
            for name in options.candidates:
                steps = [row[name][kind] for kind in GRADED if kind in row[name]]
                monotone[name].append(all(b <= a + 0.02 for a, b in zip(steps, steps[1:])))

    def share(values: list[float]) -> float:
        return float(np.mean(np.asarray(values) >= SUCCESS_IOU))

    summary = {}
    for name in options.candidates:
        same = [s for kind in EQUIVALENT for s in scores[name].get(kind, [])]
        different = [s for kind in DIFFERENT for s in scores[name].get(kind, [])]
        summary[name] = {
            "auc": auc(same, different),
            "equivalent_pass": share(same),
            "different_pass": share(different),
            "monotone": float(np.mean(monotone[name])),
        }
    print(f"{'definition':14s} {'auc':>6s} {'equivalent':>10s} {'different':>10s} {'monotone':>9s}")
    for name, row in summary.items():
        print(
            f"{name:14s} {row['auc']:6.3f} {row['equivalent_pass']:10.1%} {row['different_pass']:10.1%}"
            f" {row['monotone']:9.1%}"
        )
    print(f"\n{'kind':16s} {'n':>4s}" + "".join(f"{c:>18s}" for c in options.candidates))
    for kind in EQUIVALENT | GRADED | CHANGED:
        cells = [scores[c].get(kind, []) for c in options.candidates]
        if cells[0]:
            line = "".join(f"{np.mean(v):10.3f} {share(v):6.0%} " for v in cells)
            print(f"{kind:16s} {len(cells[0]):4d}{line}")
    if by_family:
        print(f"\n{'iou: pass':16s}" + "".join(f"{t:>9s}" for t in CHART_TYPES))
        for kind in EQUIVALENT | GRADED | CHANGED:
            cells = [by_family.get((kind, t)) for t in CHART_TYPES]
            print(f"{kind:16s}" + "".join(f"{share(v):9.0%}" if v else f"{'-':>9s}" for v in cells))
    for kind, variant, error in failed[:10]:
        print(f"failed: {kind} of {variant}: {error}")
    if options.json:
        headline = dict(summary.get("iou", {}))
        headline["by_perturbation"] = {
            kind: {"iou": float(np.mean(values)), "pass": share(values), "n": len(values)}
            for kind, values in scores.get("iou", {}).items()
        }
        headline["candidates"] = summary
        print(json.dumps(headline))


if __name__ == "__main__":
    main()
