"""Altered training charts (Sec. III-D, IV-A): the picture as a camera or a bad copy gives it, the code as another
author writes it. What the code draws stays the same, to the pixel: experiments/code_augmentation.py is the proof.

Pictures: rotation within 15 degrees, other margins (scale and translation), colour jitter within 10 %, blur, noise,
JPEG. All of the ink stays inside, and the places of the labels move with it. A row keeps its `image`, what its code
draws, and has the altered one as `augmented_image`; the collator shows that one to the model.

Code: names of variables, comments, order of keyword arguments and of independent statements, and structure: a table
becomes columns, a list comprehension a loop and the reverse, repeated calls a loop and the reverse, setters one call.

All is drawn from (seed, epoch, row), so that it depends neither on the worker that does it nor on what was done
before, and a resumed run sees what it would have seen.
"""

from __future__ import annotations

import ast
import builtins
import copy
import io
import keyword
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter
from torch.utils.data import Dataset

from chart2code.dataset import LABELS, ink_box
from chart2code.program import called, double_quotes

if TYPE_CHECKING:
    import datasets

ROTATION = 15.0  # degrees (Sec. III-D)
JITTER = 0.10  # of brightness, contrast and saturation (Sec. III-D)
SCALE = (0.8, 1.1)
TRANSLATION = 0.05  # of the picture's side
BLUR = 1.2  # largest standard deviation, pixels
NOISE = 8.0  # largest standard deviation, of 255
JPEG_QUALITY = (40, 95)


class AugmentedDataset(Dataset):
    """
    A data set (dataset.py) of which the given shares of pictures and programs are altered.

    Its rows are called by `epoch * len(dataset) + row`, as `EpochSampler` does; column names give the columns.
    """

    def __init__(self, dataset: datasets.Dataset, seed: int, images: float = 0.0, code: float = 0.0):
        self.dataset, self.seed, self.images, self.code = dataset, seed, images, code

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, key: int | str) -> Any:
        if isinstance(key, str):
            return self.dataset[key]
        epoch, index = divmod(int(key), len(self.dataset))
        row = dict(self.dataset[index])
        # A generator each: switching the one on does not change what the other does.
        rng = np.random.default_rng([self.seed, epoch, index, 0])
        if rng.random() < self.images:
            row["augmented_image"], matrix = augment_image(row["image"], rng)
            for name in LABELS:
                if row.get(name):
                    row[name] = move(row[name], matrix)
        rng = np.random.default_rng([self.seed, epoch, index, 1])
        if rng.random() < self.code:
            row["code"] = augment_code(row["code"], rng)
        return row


# ---- pictures ----


def augment_image(image: Image.Image, rng: np.random.Generator) -> tuple[Image.Image, np.ndarray]:
    """
    The picture (square, RGB), altered in about half of the ways, and the matrix `(2, 3)` that takes places in the one,
    as shares of the side, to places in the other.
    """
    image, matrix = _geometry(image, rng) if rng.random() < 0.5 else (image, np.eye(2, 3))
    if rng.random() < 0.5:
        for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
            image = enhance(image).enhance(rng.uniform(1 - JITTER, 1 + JITTER))
    if rng.random() < 0.5:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0, BLUR)))
    if rng.random() < 0.5:
        noise = rng.standard_normal((image.height, image.width, 3), dtype=np.float32) * rng.uniform(0, NOISE)
        image = Image.fromarray((np.asarray(image) + noise).clip(0, 255).round().astype(np.uint8))
    if rng.random() < 0.5:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=int(rng.integers(*JPEG_QUALITY, endpoint=True)))
        image = Image.open(buffer).convert("RGB")
    return image, matrix


def _geometry(image: Image.Image, rng: np.random.Generator) -> tuple[Image.Image, np.ndarray]:
    side = image.width
    left, top, right, bottom = ink_box(np.asarray(image))
    angle = math.radians(rng.uniform(-ROTATION, ROTATION))
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    width, height = right - left, bottom - top
    extent = np.array([width * cos + height * sin, width * sin + height * cos])  # of the turned box of the ink
    scale = min(rng.uniform(*SCALE), side / extent.max())  # nothing may leave the picture
    room = (side - scale * extent) / 2
    center = np.array([left + right, top + bottom]) / 2
    shift = rng.uniform(-TRANSLATION, TRANSLATION, 2) * side
    target = np.clip(center + shift, side / 2 - room, side / 2 + room)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    inverse = turn.T / scale  # PIL asks where a pixel comes from
    offset = center - inverse @ target
    moved = image.transform(
        image.size, Image.Transform.AFFINE, (*inverse[0], offset[0], *inverse[1], offset[1]),
        resample=Image.Resampling.BICUBIC, fillcolor=image.getpixel((0, 0)),
    )  # fmt: skip
    matrix = scale * turn
    return moved, np.column_stack([matrix, (target - matrix @ center) / side])


def move(rows: list[list[float | None]], matrix: np.ndarray) -> list[list[float | None]]:
    """Labels with their places moved by the matrix of `augment_image`."""
    places = np.array([row[:2] for row in rows], dtype=float) @ matrix[:, :2].T + matrix[:, 2]
    return [[float(x), float(y), *row[2:]] for (x, y), row in zip(places, rows)]


# ---- code ----

SYNONYMS = {
    "fig": ("figure", "f"), "ax": ("axes", "axis", "chart"), "ax2": ("twin", "right_axis"), "x": ("xs", "x_values"),
    "y": ("ys", "y_values"), "y1": ("first", "series_a"), "y2": ("second", "series_b"), "y3": ("third", "series_c"),
    "categories": ("names", "groups", "items"), "values": ("heights", "amounts", "data"),
    "sizes": ("shares", "portions"), "labels": ("parts", "slices"), "bars": ("rects", "columns"),
    "errors": ("deviations", "yerr_values"),
    "data": ("table", "points"), "colors": ("palette", "tints"), "width": ("bar_width",), "i": ("k", "index"),
}  # fmt: skip
COMMENTS = {
    "subplots": ("Create the figure", "Set up the plot"), "figure": ("Create the figure",),
    "zip": ("Data", "The data"), "bar": ("Draw the bars", "Plot the data"), "barh": ("Horizontal bars",),
    "plot": ("Draw the lines", "Plot the data"), "scatter": ("Draw the points", "Scatter plot"),
    "pie": ("Draw the pie", "Plot the shares"), "legend": ("Legend",), "set_title": ("Title", "Add a title"),
    "title": ("Title",), "set_xlabel": ("Labels", "Name the axes"), "set_ylabel": ("Label of the y axis",),
    "grid": ("Grid lines",), "tight_layout": ("Adjust the layout",),
    "fill_between": ("Fill the area",), "stackplot": ("Stacked areas",), "twinx": ("Second scale",),
    "set_xticks": ("Ticks",), "tick_params": ("Tick labels",), "set": ("Title and labels",),
}  # fmt: skip
SETTERS = {"set_title": "title", "set_xlabel": "xlabel", "set_ylabel": "ylabel"}
STATE_SETTERS = ("title", "xlabel", "ylabel")  # of pyplot
# Methods whose keyword arguments may stand in any order.
KEYWORD_METHODS = (
    *SETTERS, *STATE_SETTERS, "plot", "bar", "barh", "scatter", "pie", "hist", "errorbar", "fill_between", "stackplot",
    "subplots", "figure", "legend", "grid", "axhline", "axvline", "tick_params", "text", "set_xticks", "set_yticks",
)  # fmt: skip
PURE_CALLS = "abs dict float int len list max min range round sorted str sum tuple".split()
PURE_NUMPY = "arange array asarray cos cumsum exp linspace log ones sin sqrt zeros".split()
_BY_NAME = {"exec", "eval", "globals", "locals", "vars", "dir", "query"}  # what looks names up when it runs


def augment_code(code: str, rng: np.random.Generator) -> str:
    """The program in other words. It draws the same picture; what is not Python comes back as it is."""
    try:
        module = ast.parse(code)
        for step in (_restructure, _reorder, _shuffle_keywords, _rename):
            if rng.random() < 0.6:
                step(module, rng)
        ast.fix_missing_locations(module)
        lines, comments = [], rng.random() < 0.5
        for before, node in zip([None, *module.body], module.body):
            if isinstance(before, ast.Import | ast.ImportFrom) and not isinstance(node, ast.Import | ast.ImportFrom):
                lines.append("")
            names = [name for name in map(called, ast.walk(node)) if name in COMMENTS]
            if comments and names and rng.random() < 0.4:
                lines.append(f"# {_choice(rng, COMMENTS[names[0]])}")
            lines.append(ast.unparse(node))
        altered = double_quotes("\n".join(lines) + "\n")
        ast.parse(altered)
        return altered
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # too deep, or nothing that `unparse` writes
        return code


def _choice(rng: np.random.Generator, items: Any) -> Any:
    return items[int(rng.integers(len(items)))]


def _names(node: ast.AST, context: type) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, context)}


def _identifiers(module: ast.Module) -> set[str]:
    found = set(dir(builtins)) | set(keyword.kwlist)
    for node in ast.walk(module):
        for name in ("id", "name", "asname", "arg", "attr"):
            if isinstance(getattr(node, name, None), str):
                found |= set(getattr(node, name).split("."))
    return found


def _fresh(rng: np.random.Generator, used: set[str], *wanted: str) -> str:
    """One of the wanted names that is free, or the first with a number behind it; it is used from now on."""
    free = [name for name in wanted if name not in used]
    name = _choice(rng, free) if free else next(n for i in range(2, 99) if (n := f"{wanted[0]}{i}") not in used)
    used.add(name)
    return name


def _is_pure(node: ast.AST) -> bool:
    """Whether an expression has no effect and depends on the variables that it names alone."""
    kinds = (
        ast.Constant, ast.Name, ast.List, ast.Tuple, ast.Dict, ast.UnaryOp, ast.BinOp, ast.Subscript, ast.Slice,
        ast.Attribute, ast.operator, ast.unaryop, ast.expr_context, ast.keyword, ast.Call, ast.Starred,
    )  # fmt: skip
    for part in ast.walk(node):
        if not isinstance(part, kinds):
            return False
        if isinstance(part, ast.Call):
            function = part.func
            numpy = isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)
            numpy = numpy and function.value.id in ("np", "numpy") and function.attr in PURE_NUMPY
            if not numpy and not (isinstance(function, ast.Name) and function.id in PURE_CALLS):
                return False
    return True


def _columns(node: ast.stmt) -> list[list[ast.expr]] | None:
    """The columns of `a, b = zip(*[(1, 2), (3, 4)])` if all is written out there."""
    if not (isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Tuple)):
        return None
    call, width = node.value, len(node.targets[0].elts)
    if not (isinstance(call, ast.Call) and called(call) == "zip" and len(call.args) == 1 and not call.keywords):
        return None
    table = call.args[0].value if isinstance(call.args[0], ast.Starred) else None
    rows = table.elts if isinstance(table, ast.List | ast.Tuple) else []
    if not rows or not all(isinstance(r, ast.Tuple | ast.List) and len(r.elts) == width and _is_pure(r) for r in rows):
        return None
    if any(isinstance(item, ast.Starred) for row in rows for item in row.elts):
        return None
    return [list(column) for column in zip(*(row.elts for row in rows))]


# Each of the steps below alters the module in place.


def _rename(module: ast.Module, rng: np.random.Generator) -> None:
    used, fixed = _identifiers(module), {"_"}
    if {called(node) for node in ast.walk(module)} & _BY_NAME:
        return
    for node in ast.walk(module):
        if isinstance(node, ast.arg):
            fixed.add(node.arg)  # may be given by name
        elif isinstance(node, ast.Global | ast.Nonlocal):
            fixed |= set(node.names)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            fixed.add(node.name)
        elif isinstance(node, ast.alias):
            fixed.add(node.asname or node.name.split(".")[0])
    new = {}
    for name in sorted(_names(module, ast.Store) - fixed):
        if not name.startswith("__") and rng.random() < 0.6:
            new[name] = _fresh(rng, used, *SYNONYMS.get(name, (f"{name}_data", f"my_{name}", f"{name}_")))
    for node in ast.walk(module):
        if isinstance(node, ast.Name):
            node.id = new.get(node.id, node.id)


def _shuffle_keywords(module: ast.Module, rng: np.random.Generator) -> None:
    for node in ast.walk(module):
        if called(node) in KEYWORD_METHODS and isinstance(node.func, ast.Attribute) and len(node.keywords) > 1:
            names = {word.arg for word in node.keywords}
            overlapping = any(name and name.startswith(("edge", "face", "ec", "fc", "font")) for name in names)
            if None in names or (overlapping and names & {"color", "c", "fontproperties", "fontdict"}):
                continue
            if all(_is_pure(word.value) for word in node.keywords):
                node.keywords = [node.keywords[i] for i in rng.permutation(len(node.keywords))]


def _reorder(module: ast.Module, rng: np.random.Generator) -> None:
    body = module.body
    for _ in range(3):
        for i in range(len(body) - 1):
            if rng.random() < 0.5 and _commute(body[i], body[i + 1]):
                body[i], body[i + 1] = body[i + 1], body[i]


def _commute(first: ast.stmt, second: ast.stmt) -> bool:
    if not (_is_movable(first) and _is_movable(second)):
        return False
    if isinstance(first, ast.Expr) and isinstance(second, ast.Expr) and called(first.value) == called(second.value):
        return False  # the later one would win
    reads = [_names(node, ast.Load) for node in (first, second)]
    writes = [_names(node, ast.Store) for node in (first, second)]
    return not (writes[0] & (reads[1] | writes[1]) or writes[1] & reads[0])


def _is_movable(node: ast.stmt) -> bool:
    """An assignment of a pure value to names, or a title or label of an axis."""
    if isinstance(node, ast.Assign):
        targets = [n for target in node.targets for n in ast.walk(target)]
        plain = all(isinstance(n, ast.Name | ast.Tuple | ast.expr_context) for n in targets)
        return plain and (_columns(node) is not None or _is_pure(node.value))
    call = node.value if isinstance(node, ast.Expr) else None
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
        return False
    receiver = call.func.value
    known = call.func.attr in SETTERS or (
        call.func.attr in STATE_SETTERS and isinstance(receiver, ast.Name) and receiver.id == "plt"
    )
    return known and isinstance(receiver, ast.Name) and all(map(_is_pure, (*call.args, *call.keywords)))


def _restructure(module: ast.Module, rng: np.random.Generator) -> None:
    used, body = _identifiers(module), []
    rewrites = [_table_to_columns, _setters_to_set, _subplots_in_two]
    scopes = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    if not any(isinstance(node, scopes) for node in ast.walk(module)):  # they could read what a loop leaves behind
        rewrites += [_comprehension_to_loop, _loop_to_comprehension, _calls_to_loop, _unrolled]
    statements = list(module.body)
    while statements:
        for rewrite in rewrites:
            if rng.random() < 0.5 and (found := rewrite(statements, rng, used)):
                count, new = found
                body += new
                del statements[:count]
                break
        else:
            body.append(statements.pop(0))
    module.body = body


# Rewrites of the first statements: (how many of them, what takes their place), or None.


def _table_to_columns(statements: list[ast.stmt], rng: np.random.Generator, used: set[str]) -> tuple | None:
    columns = _columns(statements[0])
    if columns is None:
        return None
    names = statements[0].targets[0].elts
    return 1, [ast.Assign([name], ast.Tuple(column, ast.Load())) for name, column in zip(names, columns)]


def _comprehension_to_loop(statements: list[ast.stmt], rng: np.random.Generator, used: set[str]) -> tuple | None:
    node = statements[0]
    if not (isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)):
        return None
    value, name = node.value, node.targets[0].id
    if not isinstance(value, ast.ListComp) or len(value.generators) != 1 or value.generators[0].is_async:
        return None
    (generator,) = value.generators
    if name in _names(value, ast.Load) or any(isinstance(n, ast.NamedExpr | ast.Lambda) for n in ast.walk(value)):
        return None
    own = sorted(_names(generator.target, ast.Store))
    inner = {old: _fresh(rng, used, f"{old}_item", f"one_{old}") for old in own}
    generator = copy.deepcopy(generator)
    iterable, parts = generator.iter, [copy.deepcopy(value.elt), generator.target, *generator.ifs]
    for part in parts:  # a comprehension's own variables would stay behind a loop; nested ones keep theirs
        if any(isinstance(n, ast.comprehension) for n in ast.walk(part)):
            return None
        for n in ast.walk(part):
            if isinstance(n, ast.Name):
                n.id = inner.get(n.id, n.id)
    element, target, *tests = parts
    append = ast.Attribute(ast.Name(name, ast.Load()), "append", ast.Load())
    loop: ast.stmt = ast.Expr(ast.Call(append, [element], []))
    for test in reversed(tests):
        loop = ast.If(test, [loop], [])
    return 1, [ast.Assign(node.targets, ast.List([], ast.Load())), ast.For(target, iterable, [loop], [])]


def _loop_to_comprehension(statements: list[ast.stmt], rng: np.random.Generator, used: set[str]) -> tuple | None:
    if len(statements) < 2:
        return None
    start, loop = statements[:2]
    empty = isinstance(start, ast.Assign) and isinstance(start.value, ast.List) and not start.value.elts
    if not (empty and len(start.targets) == 1 and isinstance(start.targets[0], ast.Name)):
        return None
    if not (isinstance(loop, ast.For) and len(loop.body) == 1 and not loop.orelse):
        return None
    name, call = start.targets[0].id, getattr(loop.body[0], "value", None)
    if not (isinstance(loop.body[0], ast.Expr) and called(call) == "append" and isinstance(call.func, ast.Attribute)):
        return None
    receiver = call.func.value
    if not (isinstance(receiver, ast.Name) and receiver.id == name and len(call.args) == 1 and not call.keywords):
        return None
    behind = set().union(*(_names(node, ast.Load) for node in statements[2:]))
    parts = _names(call.args[0], ast.Load) | _names(loop.iter, ast.Load)
    if name in parts or _names(loop.target, ast.Store) & behind or isinstance(call.args[0], ast.Starred):
        return None
    generator = ast.comprehension(loop.target, loop.iter, [], 0)
    return 2, [ast.Assign(start.targets, ast.ListComp(call.args[0], [generator]))]


def _calls_to_loop(statements: list[ast.stmt], rng: np.random.Generator, used: set[str]) -> tuple | None:
    def parts(node: ast.stmt) -> tuple | None:
        """(what all calls must share, what may differ)"""
        call = node.value if isinstance(node, ast.Expr) else None
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            return None
        values = [*call.args, *(word.value for word in call.keywords)]
        if not values or any(word.arg is None for word in call.keywords) or not all(map(_is_pure, values)):
            return None
        receiver = call.func.value
        known = call.func.attr in KEYWORD_METHODS or call.func.attr in ("annotate", "append", "step")
        if not known or not isinstance(receiver, ast.Name):
            return None
        if any(isinstance(v, ast.Starred) or receiver.id in _names(v, ast.Load) for v in values):
            return None
        return (ast.dump(call.func), len(call.args), tuple(word.arg for word in call.keywords)), values

    first = parts(statements[0])
    rows = []
    for node in statements:
        found = parts(node)
        if first is None or found is None or found[0] != first[0]:
            break
        rows.append(found[1])
    differing = [i for i, column in enumerate(zip(*rows)) if len(set(map(ast.dump, column))) > 1]
    if len(rows) < 2 or not differing:
        return None
    call = copy.deepcopy(statements[0].value)
    names = {}
    for i in differing:
        word = call.keywords[i - len(call.args)].arg if i >= len(call.args) else "item"
        names[i] = _fresh(rng, used, f"{word}_of", f"each_{word}", f"one_{word}")
    for i, name in names.items():
        if i < len(call.args):
            call.args[i] = ast.Name(name, ast.Load())
        else:
            call.keywords[i - len(call.args)].value = ast.Name(name, ast.Load())
    items = [[row[i] for i in differing] for row in rows]
    one = len(differing) == 1
    elements = [item[0] if one else ast.Tuple(item, ast.Load()) for item in items]
    targets = [ast.Name(name, ast.Store()) for name in names.values()]
    target = targets[0] if one else ast.Tuple(targets, ast.Store())
    return len(rows), [ast.For(target, ast.List(elements, ast.Load()), [ast.Expr(call)], [])]


def _unrolled(statements: list[ast.stmt], rng: np.random.Generator, used: set[str]) -> tuple | None:
    loop = statements[0]
    if not (isinstance(loop, ast.For) and isinstance(loop.iter, ast.List | ast.Tuple) and not loop.orelse):
        return None
    items = loop.iter.elts
    if not 1 <= len(items) <= 6 or not all(_is_pure(item) and not isinstance(item, ast.Starred) for item in items):
        return None
    targets = loop.target.elts if isinstance(loop.target, ast.Tuple) else [loop.target]
    if not all(isinstance(target, ast.Name) for target in targets):
        return None
    names = [target.id for target in targets]
    plain = all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) for node in loop.body)
    scopes = (ast.comprehension, ast.Lambda, ast.NamedExpr, ast.Await, ast.Yield)
    if not plain or any(isinstance(n, scopes) for node in loop.body for n in ast.walk(node)):
        return None
    if set(names) & set().union(*(_names(node, ast.Load) for node in statements[1:])):
        return None
    new = []
    for item in items:
        values = [item]
        if isinstance(loop.target, ast.Tuple):
            if not isinstance(item, ast.Tuple | ast.List) or len(item.elts) != len(names):
                return None
            values = item.elts
        given = dict(zip(names, values))
        for node in loop.body:
            new.append(_Filled(given).visit(copy.deepcopy(node)))
    return 1, new


class _Filled(ast.NodeTransformer):
    """Values in the place of variables."""

    def __init__(self, values: dict[str, ast.expr]):
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return copy.deepcopy(self.values[node.id]) if node.id in self.values else node


def _setters_to_set(statements: list[ast.stmt], rng: np.random.Generator, used: set[str]) -> tuple | None:
    words, receiver = [], None
    for node in statements:
        call = node.value if isinstance(node, ast.Expr) else None
        name = called(call) if _is_movable(node) else None
        if name not in SETTERS or len(call.args) != 1 or call.keywords or isinstance(call.args[0], ast.Starred):
            break
        if SETTERS[name] in [word.arg for word in words] or receiver not in (None, call.func.value.id):
            break
        receiver = call.func.value.id
        words.append(ast.keyword(SETTERS[name], call.args[0]))
    if len(words) < 2:
        return None
    function = ast.Attribute(ast.Name(receiver, ast.Load()), "set", ast.Load())
    return len(words), [ast.Expr(ast.Call(function, [], words))]


def _subplots_in_two(statements: list[ast.stmt], rng: np.random.Generator, used: set[str]) -> tuple | None:
    """`fig, ax = plt.subplots(figsize=...)` as `fig = plt.figure(figsize=...)` and `ax = fig.add_subplot()`."""
    node = statements[0]
    call = node.value if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
    if called(call) != "subplots" or call.args or {word.arg for word in call.keywords} - {"figsize", "dpi"}:
        return None
    target = node.targets[0]
    names = target.elts if isinstance(target, ast.Tuple) else []
    if len(names) != 2 or not all(isinstance(name, ast.Name) for name in names):
        return None
    if not (isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name)):
        return None
    figure, axes = names
    create = ast.Call(ast.Attribute(call.func.value, "figure", ast.Load()), [], call.keywords)
    add = ast.Call(ast.Attribute(ast.Name(figure.id, ast.Load()), "add_subplot", ast.Load()), [], [])
    return 1, [ast.Assign([figure], create), ast.Assign([axes], add)]
