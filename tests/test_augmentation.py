"""Altered training charts: labels move with their pictures, code draws the same, and all of it is repeatable."""

import ast
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chart2code.augmentation import ROTATION, SCALE, AugmentedDataset, augment_code, augment_image, move
from chart2code.dataset import ink_box

ROOT = Path(__file__).parents[1]


def rng(*seed):
    return np.random.default_rng(seed)


def dotted(places, size=512):
    """Black squares of 7 pixels at places (shares)."""
    pixels = np.full((size, size, 3), 255, np.uint8)
    for x, y in places:
        column, row = round(x * size), round(y * size)
        pixels[row - 3 : row + 4, column - 3 : column + 4] = 0
    return Image.fromarray(pixels)


def test_labels_stay_on_their_ink():
    """The centre of each square, found in the altered picture, is where the matrix takes it; nothing is lost."""
    turned = 0
    for seed in range(60):
        places = rng(seed).uniform(0.02, 0.98, (6, 2))
        rows = [[x, y, 0.5, None] for x, y in places.tolist()]
        image, matrix = augment_image(dotted(places), rng(seed, 1))
        assert image.size == (512, 512) and image.mode == "RGB"
        moved = move(rows, matrix)
        assert [row[2:] for row in moved] == [[0.5, None]] * 6
        dark = np.asarray(image.convert("L")) < 140
        for x, y, *_ in moved:
            column, row = round(x * 512), round(y * 512)
            assert 0 <= x <= 1 and 0 <= y <= 1
            assert dark[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3].any()
        linear = matrix[:, :2]
        angle, scale = np.degrees(np.arctan2(linear[1, 0], linear[0, 0])), np.sqrt(np.linalg.det(linear))
        assert abs(angle) <= ROTATION and scale <= SCALE[1] + 1e-9
        np.testing.assert_allclose(linear.T @ linear, scale**2 * np.eye(2), atol=1e-9)  # neither sheared nor mirrored
        turned += abs(angle) > 1e-9
    assert 15 < turned < 45


def test_colours_change_by_a_tenth_at_most():
    """A flat picture keeps its hue: JPEG, noise and jitter of brightness, contrast and saturation, no more."""
    flat = Image.new("RGB", (512, 512), (70, 130, 180))
    for seed in range(30):
        mean = np.asarray(augment_image(flat, rng(seed))[0], dtype=float).mean((0, 1))
        assert np.abs(mean / (70, 130, 180) - 1).max() < 0.3
        assert mean[0] < mean[1] < mean[2]


class Rows:
    """A data set of three rows."""

    def __init__(self):
        self.rows = [
            {"image": dotted([[0.3, 0.3 + i / 10]]), "code": f"x = {i}\ny = 2\nprint(x, y)\n", "seed": i,
             "marks": [[0.3, 0.3 + i / 10, None, 0.5]] if i else None, "characters": []}
            for i in range(3)
        ]  # fmt: skip

    def __len__(self):
        return 3

    def __getitem__(self, key):
        return [row[key] for row in self.rows] if isinstance(key, str) else self.rows[key]


def test_rows_depend_on_seed_epoch_and_row_alone():
    def content(row):
        image = row.get("augmented_image")
        return None if image is None else image.tobytes(), row["code"], str(row["marks"])

    data = AugmentedDataset(Rows(), seed=1, images=0.7, code=0.7)
    first = [content(data[key]) for key in range(30)]
    assert [content(data[key]) for key in reversed(range(30))][::-1] == first
    assert [content(AugmentedDataset(Rows(), 1, 0.7, 0.7)[key]) for key in range(30)] == first
    assert len({image for image, *_ in first if image}) > 15  # another epoch, another picture
    assert any(image is None for image, *_ in first) and data["seed"] == [0, 1, 2] and len(data) == 3
    other = [content(AugmentedDataset(Rows(), 2, 0.7, 0.7)[key]) for key in range(30)]
    assert other != first
    # The one does not depend on the other, and the original picture stays in the row.
    assert [content(AugmentedDataset(Rows(), 1, 0.7, 0.0)[key])[::2] for key in range(30)] == [c[::2] for c in first]
    row = AugmentedDataset(Rows(), 1, 1.0, 0.0)[4]
    assert row["image"].tobytes() == Rows()[1]["image"].tobytes() and row["code"] == Rows()[1]["code"]
    assert AugmentedDataset(Rows(), 1, 0.0, 0.0)[4] == Rows()[1]


@pytest.mark.parametrize("code", ["x = (", "", "f(\0)", "x = " + "(" * 500 + ")" * 500])
def test_what_is_no_program_stays(code):
    assert augment_code(code, rng(0)).strip() == code.strip()


def script():
    spec = importlib.util.spec_from_file_location("code_augmentation", ROOT / "experiments" / "code_augmentation.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_code_keeps_what_must_not_change():
    """Names that are given by keyword or looked up in strings, order where it matters, effects of calls."""
    code = (
        "import numpy as np\ndef f(a, b=1):\n    return a + b\na = f(a=1)\n"
        "y = np.random.rand(3)\nz = np.random.rand(3)\n"
        "ax.set_title('first')\nax.set_title('second')\nxs = [1]\nxs.append(xs[0])\nxs.append(xs[1])\n"
    )
    for seed in range(40):
        altered = augment_code(code, rng(seed))
        assert altered.index("random") < altered.rindex("random") and "f(a=1)" in altered
        assert altered.index("first") < altered.index("second")
        calls = [ast.unparse(n) for n in ast.walk(ast.parse(altered)) if isinstance(n, ast.Call)]
        assert sum(".append(" in call for call in calls) == 2
    query = "import pandas as pd\nlimit = 3\ndf = pd.DataFrame({'a': [1]})\ndf.query('a > @limit').plot()\n"
    assert all("limit = 3" in augment_code(query, rng(seed)) for seed in range(20))


def test_altered_code_draws_the_same_pixels():
    """A score of programs, with all kinds of statements; `experiments/code_augmentation.py` does a thousand."""
    from eval_metric.executor import Executor

    module = script()
    sources = module.WILD * 3 + [code for code, name in module.programs(0, 10) if "wild" not in name]
    pairs = [(code, module.altered(code, index)) for index, code in enumerate(sources)]
    assert all(ast.dump(ast.parse(a)) != ast.dump(ast.parse(b)) for a, b in pairs)
    assert len({other for _, other in pairs}) == len(pairs)
    with Executor(num_workers=2, timeout=60) as executor:
        results = list(executor.run_many(code for pair in pairs for code in pair))
    for (_, altered), first, second in zip(pairs, results[::2], results[1::2]):
        assert first.ok and second.ok, (first.error, second.error, altered)
        assert np.array_equal(first.image, second.image), altered


def test_ink_stays_inside():
    for seed in range(40):
        pixels = np.full((512, 512, 3), 255, np.uint8)
        pixels[60:450, 2:510] = (30, 80, 200)  # as wide as the picture
        image, matrix = augment_image(Image.fromarray(pixels), rng(seed))
        corners = move([[x / 512, y / 512] for x in (2, 510) for y in (60, 450)], matrix)
        assert np.min(corners) > -1e-3 and np.max(corners) < 1 + 1e-3
        box = ink_box(np.asarray(image.convert("L").point(lambda v: 255 * (v > 200)).convert("RGB")))
        assert box[2] - box[0] > 300
