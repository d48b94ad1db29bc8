"""A scatter plot as seaborn draws it: three species by colour and marker, despined."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

rng = np.random.default_rng(5)
species = [("Adelie", 38.8, 18.3), ("Chinstrap", 48.8, 18.4), ("Gentoo", 47.5, 15.0)]
birds = pd.DataFrame(
    [(name, rng.normal(x, 2.6), rng.normal(y, 1.0)) for name, x, y in species for _ in range(35)],
    columns=["species", "bill length (mm)", "bill depth (mm)"],
)
sns.set_theme(style="ticks", palette="Set2")
ax = sns.scatterplot(birds, x="bill length (mm)", y="bill depth (mm)", hue="species", style="species", s=50)
sns.despine()
plt.savefig(Path(__file__).with_suffix(".png"))
