"""
Where `chart2code.chart2code160k` draws its lines between the same picture and another one.

    python experiments/duplicate_thresholds.py [--charts 400] [--json]

Copies of synthetic validation charts are saved as other people save them: at twice the resolution, without margins
(`bbox_inches="tight"`), as JPEG of quality 75. A threshold is right if copies are on one side of it and other charts
of the same family on the other: `NEAR` for the bits in which fingerprints of pictures differ, `MIN_IOU` and `SAME_IOU`
for the IoU of pictures without their margins.
"""

import argparse
import io
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from chart2code.chart2code160k import MIN_IOU, NEAR, SAME_IOU, picture_fingerprint  # noqa: E402
from chart2code.dataset import ink_box  # noqa: E402
from chart2code.synthetic import FIRST_SEED, generate_program  # noqa: E402
from eval_metric.similarity import chart_iou  # noqa: E402

COPIES = {"double resolution": {"dpi": 200}, "tight, JPEG": {"bbox_inches": "tight", "dpi": 150}}


def pictures(code: str) -> list[Image.Image]:
    """The program's picture, and its copies."""
    import matplotlib.pyplot as plt

    exec(code, {})
    images = []
    for options in ({}, *COPIES.values()):
        buffer = io.BytesIO()
        plt.gcf().savefig(buffer, format="png", **options)
        image = Image.open(buffer).convert("RGB")
        if "bbox_inches" in options:
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=75)
            image = Image.open(buffer)
        images.append(image)
    plt.close("all")
    return images


def main() -> None:
    import matplotlib
    from tqdm import tqdm

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--charts", type=int, default=400)
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object in the last line")
    options = parser.parse_args()
    matplotlib.use("Agg")
    programs = [generate_program(FIRST_SEED["validation"] + i, "validation") for i in range(options.charts)]
    drawn = [pictures(program.code) for program in tqdm(programs, desc="drawing")]
    bits = [[np.unpackbits(np.frombuffer(picture_fingerprint(p), np.uint8)) for p in copies] for copies in drawn]
    cut = [[p.crop(ink_box(np.asarray(p))) for p in copies] for copies in drawn]
    families = [program.chart_type for program in programs]
    others = [  # the next chart of the same family
        next(
            j % len(programs)
            for j in range(i + 1, i + 1 + len(programs))
            if families[j % len(programs)] == families[i]
        )
        for i in range(len(programs))
    ]
    originals = np.array([b[0] for b in bits]).astype(int)
    nearest = [np.partition((originals != row).sum(1), 1)[1] for row in originals]
    report = {"charts": options.charts, "fingerprint": {}, "iou": {}}
    for index, name in enumerate(COPIES, 1):
        report["fingerprint"][name] = [int((b[0] != b[index]).sum()) for b in bits]
        report["iou"][name] = [chart_iou(c[0], c[index]) for c in tqdm(cut, desc=name)]
    report["fingerprint"]["nearest other chart"] = [int(n) for n in nearest]
    report["iou"]["other chart of the family"] = [chart_iou(c[0], cut[j][0]) for c, j in zip(cut, others)]
    lines = {"fingerprint": {"<= NEAR": lambda v: v <= NEAR},
             "iou": {">= MIN_IOU": lambda v: v >= MIN_IOU, ">= SAME_IOU": lambda v: v >= SAME_IOU}}  # fmt: skip
    print(f"NEAR = {NEAR}, MIN_IOU = {MIN_IOU}, SAME_IOU = {SAME_IOU}; {options.charts} charts")
    for kind, rows in lines.items():
        for name, values in report[kind].items():
            quantiles = {f"p{q}": round(float(np.percentile(values, q)), 3) for q in (0, 1, 5, 50, 95, 99, 100)}
            shares = {line: round(float(np.mean([test(v) for v in values])), 4) for line, test in rows.items()}
            report[kind][name] = quantiles | shares
            cells = "".join(f"  {key} {value:g}" for key, value in report[kind][name].items())
            print(f"{kind:12}{name:28}{cells}")
    if options.json:
        print(json.dumps(report))


if __name__ == "__main__":
    main()
