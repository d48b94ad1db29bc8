"""Measuring a chart's picture: where its axes, bars, lines, points and wedges are, and which colours it has.

Everything is looked for where a program of the same kind would draw it, in its colours; nothing here knows programs.
Pictures are (H, W, 3) uint8 on the common canvas of `eval_metric.similarity`; places are pixels from the upper left
corner, as (left, top, right, bottom) for boxes.
"""

from chart2code.readout.axes import find_box, find_ticks, has_pale_frame, weighed_ticks
from chart2code.readout.bars import Bar, cap_at, find_bars, find_whiskers, run_at
from chart2code.readout.cells import Grid, edges_of, find_cells, find_image
from chart2code.readout.colors import (
    FULL,
    Box,
    area_of,
    beside,
    coverage,
    coverage_inside,
    coverages,
    difference,
    find_colors,
    has_markers,
    inside_of,
    letterbox,
    page_of,
    paper_of,
    wash_of,
)
from chart2code.readout.legend_area import (
    SHADE,
    SOLID_DOT,
    THROUGH_LEGEND,
    below_legend,
    through_legend,
    without_legend,
)
from chart2code.readout.lines import (
    LEAST_GAPS,
    LONGEST_GAP,
    MARKER_RADIUS,
    Stroke,
    caps_of_errors,
    dashes_of,
    find_across,
    find_errors,
    find_knots,
    find_path,
    find_steps,
    find_stroke,
    fit_path,
    halves_of_errors,
    markers_on_line,
    misfit,
    paper_edge,
    runs_of_ink,
    trace_line,
    trace_stack,
    upper_edge,
    whisker_places,
    with_ends,
)
from chart2code.readout.pies import SHADOW, Pie, find_pie, is_pie
from chart2code.readout.points import (
    LARGEST,
    MOST_TOGETHER,
    SAMPLES,
    Points,
    dots_and_lines,
    find_bubbles,
    find_points,
    patch_of,
    shape_of,
    without_letters,
)
