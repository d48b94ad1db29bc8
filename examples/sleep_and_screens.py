"""Lines with confidence bands, as seaborn draws them, whitegrid and a muted palette."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

rng = np.random.default_rng(11)
data = pd.DataFrame(
    [
        (hours, group, base - slope * hours + rng.normal(0, 0.4))
        for group, base, slope in [("teenagers", 8.6, 0.22), ("adults", 7.7, 0.12)]
        for hours in range(9)
        for _ in range(12)
    ],
    columns=["screen time (h)", "group", "sleep (h)"],
)
sns.set_theme(style="whitegrid", palette="muted")
ax = sns.lineplot(data, x="screen time (h)", y="sleep (h)", hue="group", style="group", markers=True, seed=0)
ax.set_title("Sleep against screen time")
plt.savefig(Path(__file__).with_suffix(".png"), dpi=110)
