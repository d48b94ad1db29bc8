"""Horizontal bars, sorted, in the ggplot style sheet."""

from pathlib import Path

import matplotlib.pyplot as plt

plt.style.use("ggplot")
share = {"Oil": 31.2, "Coal": 26.5, "Natural gas": 23.3, "Hydro": 6.8, "Nuclear": 4.1, "Wind": 3.5, "Solar": 2.1}

fig, ax = plt.subplots(figsize=(7, 4))
ax.barh(list(share)[::-1], list(share.values())[::-1])
ax.set_xlabel("Share of primary energy (%)")
ax.set_title("World energy mix")
fig.tight_layout()
fig.savefig(Path(__file__).with_suffix(".png"), dpi=120)
