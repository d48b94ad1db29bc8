"""How alike two plotting programs are as code: `ast_similarity`; and the code in a model's answer: `extract_code`.

`ast_similarity` compares the bags of pq-grams of the two syntax trees (Augsten, Böhlen, Gamper: "Approximate Matching
of Hierarchical Data Using pq-Grams", VLDB 2005), with p = 2, q = 3:

    similarity = 2 |P1 and P2| / (|P1| + |P2|)        (bag intersection; 1 - the paper's normalised distance)

pq-grams are small pieces of a tree: a node with its parent and three neighbouring children. Their distance follows
tree edit distance, at n log n instead of n^3, which is too slow for a metric. What is compared is the program, not its
spelling: names of variables all count the same, import aliases count as what they stand for, numbers by value (1, 1.0,
+1e0), lists and tuples as the same, and the order of statements and of keyword arguments does not count. Columns of a
table count as written one by one: `x, y = zip(*[(1, 2), (3, 4)])` is `x = [1, 3]` and `y = [2, 4]`, and likewise
`x, y = 1, 2`. The similarity is 0 where a program does not parse.
"""

import ast
import hashlib
import re
import warnings
from collections import Counter


MAX_SOURCE = 64 * 1024  # characters; what is longer is no plotting program
_FENCE = re.compile(r"^[ \t]*```[^\n]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
_IMPORT = re.compile(r"^(?:import|from)[ \t]+\w", re.MULTILINE)
_SENTENCE = re.compile(r"[A-Z*#][^()=\[\]]*$")
_FILLER = "*"


def extract_code(text: str) -> str:
    """The program in a model's answer.

    The longest fenced block if there is one (closed or cut off); else the text, without prose before its first import
    and after its end if it does not parse as it is. Never raises; what is no text gives "".
    """
    if not isinstance(text, str):
        return ""
    blocks = _FENCE.findall(text)
    if blocks:
        return max(blocks, key=len)
    if _parse(text) is not None:
        return text
    start = _IMPORT.search(text)
    if start is None:
        return text
    lines = text[start.start() :].splitlines()
    while lines and (not lines[-1].strip() or _SENTENCE.match(lines[-1])):  # never code: a cut-off program stays so
        lines.pop()
    return "\n".join(lines) + "\n"


def ast_similarity(code: str, reference: str) -> float:
    """Similarity of two programs as syntax trees, in [0, 1], as in the module header. 0 if one does not parse."""
    first, second = _parse(code), _parse(reference)
    if first is None or second is None:
        return 0.0
    try:
        first, second = _pq_grams(first), _pq_grams(second)
    except RecursionError:
        return 0.0
    total = first.total() + second.total()
    return 2 * (first & second).total() / total


def code_fingerprint(code: str) -> str:
    """The same 32 hexadecimal digits for programs whose `ast_similarity` is 1; of the text where it does not parse."""
    module = _parse(code)
    try:
        content = code if module is None else repr(sorted(_pq_grams(module).items(), key=repr))
    except RecursionError:
        content = code
    return hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:32]


def _parse(code: str) -> ast.Module | None:
    if not isinstance(code, str) or len(code) > MAX_SOURCE:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last two: too deeply nested
        return None


def _pq_grams(module: ast.Module) -> Counter:
    """The bag of 2,3-grams of the tree: tuples (label of the parent, label, three neighbouring children)."""
    aliases = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            aliases.update({name.asname or name.name.split(".")[0]: name.name for name in node.names})
        elif isinstance(node, ast.ImportFrom):
            aliases.update({name.asname or name.name: f"{node.module}.{name.name}" for name in node.names})
    bound = {node.id for node in ast.walk(module) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    bound |= {node.arg for node in ast.walk(module) if isinstance(node, ast.arg)}

    def tree(node: ast.AST) -> tuple[str, list, list]:
        """(label, children in order, children without order); a child is such a triple."""
        if isinstance(node, ast.Expr):
            return tree(node.value)
        if isinstance(node, ast.Name):
            return ("name" if node.id in bound else aliases.get(node.id, node.id)), [], []
        if isinstance(node, ast.Constant):
            return _constant(node.value), [], []
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            value = node.operand.value if isinstance(node.operand, ast.Constant) else None
            if type(value) in (int, float):
                return _constant(-value if isinstance(node.op, ast.USub) else value), [], []
        if isinstance(node, ast.List | ast.Tuple):
            return "sequence", [tree(item) for item in node.elts], []
        if isinstance(node, ast.Attribute):
            return f".{node.attr}", [tree(node.value)], []
        if isinstance(node, ast.keyword):
            return f"{node.arg}=", [tree(node.value)], []
        if isinstance(node, ast.Call):
            named = isinstance(node.func, ast.Attribute)
            label = f".{node.func.attr}()" if named else "call"
            ordered = [tree(node.func.value if named else node.func), *map(tree, node.args)]
            return label, ordered, [tree(keyword) for keyword in node.keywords]
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            return "import", [], [(module + name.name, [], []) for name in node.names]
        ordered, unordered = [], []
        for field, value in ast.iter_fields(node):
            if isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
                ordered.append(tree(value))
            elif isinstance(value, list):
                if field in ("body", "orelse", "finalbody"):
                    unordered += [tree(part) for item in value for part in _parts(item)]
                else:
                    ordered += [tree(item) for item in value if item is not None]
        return type(node).__name__, ordered, unordered

    grams = Counter()
    stack = [(_FILLER, tree(module))]
    while stack:
        parent, (label, ordered, unordered) = stack.pop()
        labels = [_FILLER, _FILLER, *(child[0] for child in ordered), _FILLER, _FILLER]
        if ordered:
            grams.update((parent, label, *labels[i : i + 3]) for i in range(len(labels) - 2))
        elif not unordered:
            grams[parent, label, _FILLER, _FILLER, _FILLER] += 1
        # Without order there are no neighbours: three grams each, so that these weigh as much as the others.
        for child in unordered:
            for place in range(3):
                grams[parent, label, place, child[0]] += 1
        stack.extend((label, child) for child in (*ordered, *unordered))
    return grams


def _parts(statement: ast.stmt) -> list[ast.stmt]:
    """An import, or an assignment of values that stand there, of several names as one for each; else the statement."""
    if isinstance(statement, ast.Import):
        return [ast.Import([name]) for name in statement.names]
    if isinstance(statement, ast.ImportFrom):
        return [ast.ImportFrom(statement.module, [name], statement.level) for name in statement.names]
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return [statement]
    target, values = statement.targets[0], _items(statement.value)
    if not isinstance(target, ast.Tuple | ast.List):
        return [statement]
    call = statement.value
    if (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "zip"
        and len(call.args) == 1
    ):
        rows = _items(call.args[0].value) if isinstance(call.args[0], ast.Starred) else None
        rows = [_items(row) for row in rows or ()]
        if rows and all(row is not None and len(row) == len(target.elts) for row in rows):
            values = [ast.List(list(column), ast.Load()) for column in zip(*rows)]
    if values is None or len(values) != len(target.elts) or any(isinstance(item, ast.Starred) for item in target.elts):
        return [statement]
    return [ast.Assign([name], value) for name, value in zip(target.elts, values)]


def _items(node: ast.expr) -> list[ast.expr] | None:
    """The items of a list or tuple without stars, else None."""
    if not isinstance(node, ast.List | ast.Tuple) or any(isinstance(item, ast.Starred) for item in node.elts):
        return None
    return node.elts


def _constant(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return f"{float(value):.6g}"
        except OverflowError:
            pass
    return f"{type(value).__name__} {value!r}"
