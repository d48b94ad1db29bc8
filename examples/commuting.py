"""A ring (a pie with a hole) as pandas draws it, in a pastel palette, the shares inside."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

commuters = pd.Series({"Car": 47, "Train": 21, "Bicycle": 18, "Bus": 9, "On foot": 5})
fig, ax = plt.subplots(figsize=(5.5, 5.5))
commuters.plot.pie(
    ax=ax, ylabel="", startangle=90, counterclock=False, autopct="%.0f %%", pctdistance=0.78,
    colors=plt.get_cmap("Pastel1").colors, wedgeprops={"width": 0.45, "edgecolor": "white"},
)  # fmt: skip
ax.set_title("How people get to work")
fig.savefig(Path(__file__).with_suffix(".png"))
