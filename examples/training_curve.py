"""A line chart in the style of a paper: one column wide, serif, ticks inside, log scale, 300 dpi."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

plt.rcParams.update(
    {"font.family": "serif", "font.size": 8, "axes.linewidth": 0.6, "xtick.direction": "in", "ytick.direction": "in"}
)
epochs = np.arange(1, 21)
fig, ax = plt.subplots(figsize=(3.4, 2.4), layout="constrained")
ax.semilogy(epochs, 2.1 * np.exp(-0.22 * epochs) + 0.04, "k-o", markersize=3, linewidth=0.8, label="training")
ax.semilogy(epochs, 2.2 * np.exp(-0.19 * epochs) + 0.11, "k--s", markersize=3, linewidth=0.8, label="validation")
ax.set(xlabel="Epoch", ylabel="Loss", xticks=[1, 5, 10, 15, 20])
ax.tick_params(which="both", top=True, right=True)
ax.legend(frameon=False)
fig.savefig(Path(__file__).with_suffix(".png"), dpi=300)
