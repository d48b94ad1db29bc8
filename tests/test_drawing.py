"""Colours as programs write them."""

import numpy as np
import pytest

from chart2code.drawing import color_literal


@pytest.mark.parametrize(
    "color, literal",
    [
        ((33, 119, 178), '"tab:blue"'),
        ((211, 210, 211), '"lightgray"'),
        ((208, 208, 208), '"#d0d0d0"'),  # of pale bars three steps are a tenth of the ink
        ((247, 247, 247), '"#f7f7f7"'),
    ],
)
def test_names_of_colors_that_nobody_tells_apart(color, literal):
    assert color_literal(np.array(color, float)) == literal
