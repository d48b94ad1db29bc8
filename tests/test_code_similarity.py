"""What the similarity of two programs must not depend on, and what it must; programs from various hands."""

import ast
import time

import pytest

from eval_metric.code_similarity import ast_similarity

TABLE = """import matplotlib.pyplot as plt

years, sales, costs = zip(*[(2019, 12, 8.5), (2020, 15, 9), (2021, 11, 9.5), (2022, 18, 12)])
fig, ax = plt.subplots(figsize=(7, 4))
ax.plot(years, sales, marker="o", color="tab:blue", label="Sales")
ax.plot(years, costs, marker="s", color="tab:red", label="Costs")
ax.set_title("Sales and costs")
ax.set_xlabel("Year")
ax.set_ylabel("Million")
ax.legend()
"""
# The same program as someone else would write it down.
COLUMNS = """from matplotlib import pyplot as p
y = [2019, 2020, 2021, 2022]
a = [12., 15., 11., 18.]
b = (8.5, 9, 9.5, 12.0)
f, panel = p.subplots(figsize=[7.0, 4.0])
panel.set_xlabel('Year'); panel.set_ylabel('Million')
panel.set_title('Sales' ' and costs')
panel.plot(y, b, color='tab:red', label='Costs', marker='s')
panel.plot(y, a, label='Sales', marker='o', color='tab:blue')
panel.legend()
"""
OTHER = """import matplotlib.pyplot as plt
import numpy as np
rng = np.random.default_rng(0)
plt.hist(rng.normal(size=300), bins=20)
plt.grid(True)
plt.show()
"""


def test_names_order_and_formatting_do_not_matter():
    assert ast_similarity(COLUMNS, TABLE) == 1
    assert ast_similarity(TABLE, COLUMNS) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a, b = 1, 2", "q = 2\nw = 1"),
        ("[a, b] = [1, 2]", "a = 1\nb = 2"),
        ("x, y = zip(*[(1, 2), (3, 4)])", "x = (1, 3)\ny = [2, 4]"),
        ("x, y = zip(*((1, 2), [3, 4]))", "x, y = [1, 3], [2, 4]"),
        ("import numpy as np, json", "import json\nimport numpy as xyz"),
        ("from matplotlib import pyplot as plt\nplt.show()", "import matplotlib.pyplot as p\np.show()"),
        ("f(1e3, -0.50, 'a')", 'f(1000, -.5, "a")'),
        ("x = [1, 2,\n     3]  # values", "x = (1, 2, 3)"),
        ("def draw(a):\n    return a\n", "def draw(b):\n    return b\n"),
    ],
)
def test_the_same_in_other_words(one, other):
    assert ast_similarity(one, other) == ast_similarity(other, one) == 1


@pytest.mark.parametrize(
    "code",
    [
        "a, b = c",
        "a, b = f(1, 2)",
        "a, *b = 1, 2, 3",
        "a, b = zip(*rows)",
        "a, b = zip(*[(1, 2), (3,)])",
        "a, b = zip(*[(1, 2), x])",
        "a, b = zip([1, 2], [3, 4])",
        "a, b = zip(*[])",
        "a = b, c = 1, 2",
        "a, b = (*x, 1)",
        "(a, b), c = (1, 2), 3",
    ],
)
def test_other_assignments_to_several_names(code):
    assert ast.parse(code)
    assert ast_similarity(code, code) == 1
    assert ast_similarity(code, TABLE) < 0.3


def test_a_wrong_value_in_a_table_costs_as_much_as_one_in_a_list():
    in_table = ast_similarity(TABLE.replace("(2021, 11, 9.5)", "(2021, 99, 9.5)"), TABLE)
    in_list = ast_similarity(COLUMNS.replace("11.", "99."), TABLE)
    assert in_table == in_list and 0.9 < in_table < 1


def test_it_falls_with_what_is_wrong():
    steps = [
        ("(2021, 11, 9.5)", "(2021, 99, 9.5)"),
        ('"tab:red"', '"green"'),
        ('ax.set_title("Sales and costs")\n', ""),
        ("ax.plot(years, costs", "ax.bar(years, costs"),
        ("ax.legend()\n", ""),
    ]
    code, last = TABLE, 1.0
    for old, new in steps:
        assert old in code
        code = code.replace(old, new)
        similarity = ast_similarity(code, TABLE)
        assert similarity < last
        last = similarity
    assert ast_similarity(OTHER, TABLE) < 0.3 < last


def test_long_programs_take_no_time():
    code = "\n".join(f"x{i}, y{i} = zip(*[({i}, {i + 1}), ({i + 2}, {i + 3})])" for i in range(1200))
    start = time.process_time()
    assert ast_similarity(code, code) == 1
    assert time.process_time() - start < 5
