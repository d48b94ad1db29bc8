"""Stacked bars as pandas draws them."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

budget = pd.DataFrame(
    {"Rent": [920, 920, 950, 950], "Food": [410, 435, 390, 460], "Transport": [150, 120, 180, 140]},
    index=pd.Index(["Jan", "Feb", "Mar", "Apr"], name="Month"),
)
ax = budget.plot.bar(stacked=True, rot=0, title="Household budget")
ax.set_ylabel("EUR")
plt.savefig(Path(__file__).with_suffix(".png"))
