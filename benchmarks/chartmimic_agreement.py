"""Whether the four F1 scores agree with ChartMimic's own scorer, on ChartMimic's programs and on ours.

    git clone https://github.com/ChartMimic/ChartMimic
    pip install colormath matplotlib-venn networkx python-dotenv scikit-image squarify
    python benchmarks/chartmimic_agreement.py ChartMimic                   # a table (10 minutes)
    python benchmarks/chartmimic_agreement.py ChartMimic --programs 20 --json

Programs are paired with themselves, with themselves changed (a text, a colour, the values, a plotting call less,
another plotting call, axes more) and with another program of their family; to these come programs of the validation
split in pairs. Both scorers get the same programs, which end, as in ChartMimic, at the first `plt.savefig` or
`plt.show`. For each score it prints the share of equal pairs (to 0.01), the mean absolute difference, the
correlation, both means, and the pairs that differ; what differs by intent is listed in the header of elements.py.

The evaluators and the tracing code are executed from the checkout as they are (this runs programs without
confinement), but for this: each program is traced once and not once a pair; tracing processes are forks of one that
has matplotlib imported; the permutations of colours are replaced by an assignment, which finds the same maximum; an
evaluator is new for each pair, as it would else keep the score before; and what has moved in numpy 2 and matplotlib
3.9 is found.
`broken` are pairs to which the original gives no score, as it divides by zero or its tracing code raises.
"""

import argparse
import ast
import copy
import importlib
import json
import math
import os
import random
import re
import runpy
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.colors import CSS4_COLORS
from scipy.optimize import linear_sum_assignment
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[1]))

from chart2code.synthetic import CHART_TYPES, FIRST_SEED, generate_program  # noqa: E402
from eval_metric import elements  # noqa: E402
from eval_metric.executor import Executor  # noqa: E402

SCORES = ("text_f1", "type_f1", "layout_f1", "color_f1")
SECONDS = 60  # for one run of a program in the original
TOLERANCE = 0.01
OTHER_CALL = {
    "plot": "scatter",
    "scatter": "plot",
    "bar": "scatter",
    "barh": "bar",
    "hist": "boxplot",
    "boxplot": "violinplot",
    "fill_between": "plot",
    "fill_betweenx": "plot",
    "imshow": "contourf",
    "contour": "contourf",
    "contourf": "contour",
    "quiver": "scatter",
    "pie": "hist",
    "errorbar": "plot",
}

# ---- the original


class Original:
    """ChartMimic's four evaluators, of a checkout."""

    def __init__(self, checkout: Path, folder: Path):
        os.environ["PROJECT_PATH"] = str(checkout)
        sys.path.insert(0, str(checkout))
        path = "chart2code.utils.evaluator."
        packages = {"chart2code": checkout / "chart2code", "chart2code.utils": checkout / "chart2code/utils"}
        self.modules = {}
        ours = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "chart2code"}
        for name, place in packages.items():  # their package has the name of ours
            sys.modules[name] = type(sys)(name)
            sys.modules[name].__path__ = [str(place)]
        for name in ("text", "chart_type", "layout", "color"):
            self.modules[name] = importlib.import_module(f"{path}{name}_evaluator")
        self.theirs = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "chart2code"}
        for name in self.theirs:
            del sys.modules[name]
        sys.modules.update(ours)
        self.modules["color"].permutations = lambda colors, count: [tuple(colors)]
        self.modules["color"].Pool = lambda processes: _Assignment(self.modules["color"].calculate_similarity_single)
        self.folder = folder
        self.traces = {}
        for package in ("networkx", "squarify", "matplotlib_venn", "pandas", "seaborn", "scipy.stats"):
            try:
                importlib.import_module(package)
            except ImportError:
                continue
        import matplotlib.backends.backend_pdf  # noqa: F401
        import matplotlib.pyplot  # noqa: F401
        import mpl_toolkits.mplot3d  # noqa: F401

    def _evaluators(self) -> dict:
        return {
            "text_f1": self.modules["text"].TextEvaluator(use_position=False, use_axs=False),
            "type_f1": self.modules["chart_type"].ChartTypeEvaluator(),
            "layout_f1": self.modules["layout"].LayoutEvaluator(),
            "color_f1": self.modules["color"].ColorEvaluator(),
        }

    def trace(self, name: str, code: str) -> dict:
        """{score: what the original writes down of a program}; an empty list where its tracing code fails."""
        if code not in self.traces:
            file = self.folder / f"{name}_{len(self.traces)}.py"
            file.write_text(code)
            system, os.system = os.system, self._run
            try:
                evaluators = self._evaluators()
                self.traces[code] = {
                    "text_f1": evaluators["text_f1"]._log_texts(str(file)),
                    "type_f1": evaluators["type_f1"]._get_chart_types(str(file)),
                    "layout_f1": evaluators["layout_f1"]._log_layouts(str(file)),
                    "color_f1": evaluators["color_f1"]._log_colors(str(file)),
                }
            finally:
                os.system = system
        return self.traces[code]

    def _run(self, command: str) -> None:
        """In place of os.system("python3 file.py")."""
        child = os.fork()
        if not child:
            try:
                os.chdir(self.folder)
                silent = os.open(os.devnull, os.O_WRONLY)
                os.dup2(silent, 1)
                os.dup2(silent, 2)
                sys.modules.update(self.theirs)
                np.set_printoptions(legacy="1.25")  # scalars are written as numbers, which are then read by eval
                from matplotlib.axes._base import _process_plot_var_args as lines

                if not hasattr(lines, "_makeline"):
                    lines._make_line.__name__ = "_makeline"
                    lines._makeline = lines._make_line
                    # What is set as _makeline is what is called.
                    lines._make_line = lambda *args, **kwargs: lines._makeline(*args, **kwargs)
                runpy.run_path(command.split()[-1], run_name="__main__")
            except BaseException:
                os._exit(1)
            os._exit(0)
        timer = threading.Timer(SECONDS, os.kill, (child, 9))
        timer.start()
        os.waitpid(child, 0)
        timer.cancel()

    def scores(self, prediction: dict, reference: dict, name: str) -> dict[str, float | None]:
        """F1 of two traces, with the evaluators' own arithmetic; None where that raises."""
        result = {}
        for score, evaluator in self._evaluators().items():
            evaluator.golden_code_file = name
            try:
                evaluator._calculate_metrics(copy.deepcopy(prediction[score]), copy.deepcopy(reference[score]))
                result[score] = float(evaluator.metrics["f1"])
            except ZeroDivisionError:
                result[score] = None
        return result


class _Assignment:
    """In place of the pool that goes through all permutations."""

    def __init__(self, similarity):
        self.similarity = similarity

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def map(self, _, pairs: list) -> list[float]:
        table = np.array([[self.similarity(one, other) for other in pairs[0][1]] for one in pairs[0][0]])
        return [float(table[linear_sum_assignment(table, maximize=True)].sum())]


# ---- pairs


def cut(code: str, name: str) -> str:
    """A program as ChartMimic scores it: without what follows its first savefig or show, saved as PDF."""
    return re.sub(r"plt\.(savefig|show)\(.*", "", code, flags=re.DOTALL) + f'plt.savefig("{name}.pdf")\n'


def changed(code: str, texts: list[str]) -> dict[str, str]:
    """{kind of change: program}, of those changes that the program has a place for."""
    made = {}
    for text in texts:
        if len(text) > 2 and f'"{text}"' in code:
            made["text"] = code.replace(f'"{text}"', '"Another text"', 1)
            break
    for color in re.findall(r"[\"'](#[0-9a-fA-F]{6}|[a-z]+)[\"']", code):
        if color[0] == "#" or color in CSS4_COLORS:
            made["colour"] = re.sub(rf"([\"']){color}([\"'])", r"\1#12ab9f\2", code)
            break
    values = re.sub(r"(?<=[\[, ])\d+\.\d+(?=,)", lambda m: f"{float(m[0]) * 1.1:g}", code)
    if values != code:
        made["values"] = values
    for kind, edit in (("call less", _remove), ("other call", _rename), ("colour map", _recolor)):
        tree = ast.parse(code)
        if edit(tree):
            made[kind] = ast.unparse(tree)
    made["axes more"] = re.sub(r"(plt\.savefig\()", r"plt.gcf().add_subplot(2, 2, 4)\n\1", code)
    return made


def _plotting(node: ast.AST) -> bool:
    call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return call and node.func.attr in OTHER_CALL


def _remove(tree: ast.Module) -> bool:
    """Removes the last plotting statement whose result is not used."""
    found = None
    for parent in ast.walk(tree):
        for body in (getattr(parent, "body", None), getattr(parent, "orelse", None)):
            for node in body if isinstance(body, list) else ():
                if isinstance(node, ast.Expr) and _plotting(node.value) and len(body) > 1:
                    found = body, node
    if found:
        found[0].remove(found[1])
    return bool(found)


def _rename(tree: ast.Module) -> bool:
    """Makes another call, without options, of the first plotting statement whose result is not used."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and _plotting(node.value):
            call = node.value
            call.func.attr = OTHER_CALL[call.func.attr]
            limit = 1 if call.func.attr in ("boxplot", "violinplot", "hist") else 2
            call.args = [value for value in call.args if not isinstance(value, ast.Constant)][:limit]
            call.keywords = [option for option in call.keywords if option.arg == "label" and limit == 2]
            return True
    return False


def _recolor(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "cmap" and isinstance(node.value, ast.Constant):
            node.value = ast.Constant("magma")
            return True
    return False


def pairs(checkout: Path, count: int, original: Original) -> Iterator[tuple[str, str, str, str]]:
    """(kind, name, prediction, reference)."""
    families = {}
    for file in sorted({file.stem: file for file in checkout.glob("dataset/*/*.py")}.values()):
        families.setdefault(file.stem.rsplit("_", 1)[0], []).append(file)
    rng = random.Random(0)
    for files in families.values():
        rng.shuffle(files)
    chosen = [files[turn] for turn in range(count) for files in families.values() if turn < len(files)][:count]
    codes = {file.stem: cut(file.read_text(), file.stem) for file in chosen}
    for turn, (name, code) in enumerate(codes.items()):
        yield "same", name, code, code
        made = changed(code, [text[-1] for text in original.trace(name, code)["text_f1"]])
        for kind in made if count <= 40 else rng.sample(sorted(made), 3):
            yield kind, name, made[kind], code
        others = [other for other in codes if other != name and other.split("_")[0] == name.split("_")[0]]
        other = others[turn % len(others)] if others else rng.choice(sorted(codes))
        yield "other program", name, codes[other], code
    seed = FIRST_SEED["validation"]
    for turn, kind in enumerate(CHART_TYPES):
        one, other = (
            cut(generate_program(seed + turn + 1000 * number, "validation", kind).code, "ours") for number in (0, 1)
        )
        yield "ours, same", f"ours_{kind}", one, one
        yield "ours, other program", f"ours_{kind}", other, one


# ---- comparison


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkout", type=Path, help="folder of ChartMimic/ChartMimic, with its data set")
    parser.add_argument("--programs", type=int, default=40, help="of ChartMimic (default: %(default)s)")
    parser.add_argument("--differences", type=int, default=10, help="to print of each score (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args()
    if not (options.checkout / "chart2code/utils/evaluator/text_evaluator.py").is_file():
        parser.error(f"{options.checkout} is no checkout of ChartMimic/ChartMimic")

    rows = []
    with tempfile.TemporaryDirectory() as folder, Executor(num_workers=1, timeout=30) as executor:
        original = Original(options.checkout.resolve(), Path(folder))
        drawn = {}
        for kind, name, prediction, reference in tqdm(pairs(options.checkout, options.programs, original)):
            for code in (prediction, reference):
                if code not in drawn:
                    result = executor.run(code)
                    drawn[code] = elements.confirm(result.facts, result.image) if result.ok else result
            facts = [drawn[code] for code in (prediction, reference)]
            if not all(isinstance(fact, dict) for fact in facts):
                rows.append((kind, name, None, None, "; ".join(getattr(fact, "error", "") for fact in facts)))
                continue
            ours = {score: getattr(elements, score)(*facts) for score in SCORES}
            theirs = original.scores(*(original.trace(name, code) for code in (prediction, reference)), name)
            rows.append((kind, name, ours, theirs, ""))
    report(rows, options.differences, options.json)


def report(rows: list, differences: int, as_json: bool) -> None:
    scored = [row for row in rows if row[2]]
    summary = {"pairs": len(scored), "failed": len(rows) - len(scored)}
    print(f"{len(scored)} pairs, {len(rows) - len(scored)} with a program that fails")
    print(f"{'':10s} {'equal':>7s} {'difference':>11s} {'correlation':>12s}    ours  theirs  broken")
    for score in SCORES:
        both = np.array([(row[2][score], row[3][score]) for row in scored if row[3][score] is not None])
        difference = np.abs(both[:, 0] - both[:, 1])
        summary[score] = {
            "equal": float((difference < TOLERANCE).mean()),
            "mean_absolute_difference": float(difference.mean()),
            "correlation": float(np.corrcoef(both.T)[0, 1]),
            "mean": float(both[:, 0].mean()),
            "mean_original": float(both[:, 1].mean()),
            "broken": len(scored) - len(both),
        }
        equal, mean, correlation, ours, original, broken = summary[score].values()
        print(f"{score:10s} {equal:7.1%} {mean:11.3f} {correlation:12.3f} {ours:7.3f} {original:7.3f} {broken:7d}")
    for score in SCORES:
        theirs = [row[3][score] for row in scored]
        gaps = [math.inf if their is None else abs(row[2][score] - their) for row, their in zip(scored, theirs)]
        different = [row for row, gap in zip(scored, gaps) if gap >= TOLERANCE]
        for kind, name, ours, theirs, _ in different[:differences]:
            print(f"{score}: {kind} of {name}: {ours[score]:.3f}, the original {theirs[score]}")
    for kind, name, _, _, error in rows:
        if error:
            print(f"failed: {kind} of {name}: {error}")
    if as_json:
        print(json.dumps(summary))


if __name__ == "__main__":
    main()
