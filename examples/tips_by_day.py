"""Grouped bars with error bars, as seaborn draws them from raw observations."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

rng = np.random.default_rng(7)
rows = [
    (day, meal, tip)
    for day, mean in [("Thu", 2.6), ("Fri", 2.9), ("Sat", 3.4), ("Sun", 3.7)]
    for meal, extra in [("Lunch", 0.0), ("Dinner", 0.7)]
    for tip in rng.normal(mean + extra, 0.8, 30)
]
tips = pd.DataFrame(rows, columns=["day", "meal", "tip"])

sns.set_theme()
ax = sns.barplot(tips, x="day", y="tip", hue="meal", seed=0)
ax.set(title="Mean tip by day", xlabel="", ylabel="Tip (USD)")
plt.savefig(Path(__file__).with_suffix(".png"))
