"""Stacked areas in the seaborn-v0_8-darkgrid style sheet."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

plt.style.use("seaborn-v0_8-darkgrid")
hours = np.arange(25)
solar = np.clip(22 * np.sin((hours - 6) * np.pi / 12), 0, None)
wind = 14 + 4 * np.cos(hours * np.pi / 12)
gas = np.clip(48 + 10 * np.sin((hours - 8) * np.pi / 12) - solar - wind, 5, None)

fig, ax = plt.subplots(figsize=(7, 4.2))
ax.stackplot(hours, wind, solar, gas, labels=["Wind", "Solar", "Gas"], colors=["#4c9f70", "#f2c14e", "#9c9c9c"])
ax.set(xlim=(0, 24), xticks=range(0, 25, 6), xlabel="Hour of the day", ylabel="Power (GW)", title="Electricity supply")
ax.legend(loc="lower center", ncols=3, frameon=True)
fig.savefig(Path(__file__).with_suffix(".png"))
