"""Rectangles over masks, against SciPy's."""

import numpy as np
import pytest
from scipy import ndimage

from chart2code import morphology


@pytest.mark.parametrize("sides", [(1, 1), (2, 2), (3, 3), (1, 6), (4, 1), (7, 5), (9, 12), (40, 3)])
@pytest.mark.parametrize("name", ["erosion", "dilation", "opening", "closing"])
def test_as_scipy(name, sides):
    for share in (0.1, 0.9):
        mask = np.random.default_rng(0).random((31, 37)) < share
        expected = getattr(ndimage, f"binary_{name}")(mask, np.ones(sides))
        np.testing.assert_array_equal(getattr(morphology, name)(mask, sides), expected)
    column = mask[:, 0]
    expected = getattr(ndimage, f"binary_{name}")(column, np.ones(sides[0]))
    np.testing.assert_array_equal(getattr(morphology, name)(column, sides[:1]), expected)
