import matplotlib.pyplot as plt
import numpy as np

rng = np.random.default_rng(19)
groups = ["None", "Compost", "NPK 5-5-5", "NPK 10-10-10"]
data = [rng.normal(m, s, 30) for m, s in [(21, 3.5), (26, 4), (29.5, 3), (28, 6)]]

fig, ax = plt.subplots(figsize=(7, 5))
box = ax.boxplot(
    data, tick_labels=groups, patch_artist=True, widths=0.55, medianprops={"color": "black", "linewidth": 1.5}
)
for patch, color in zip(box["boxes"], ["tan", "olivedrab", "mediumseagreen", "darkseagreen"]):
    patch.set_facecolor(color)
ax.set_xlabel("Fertiliser")
ax.set_ylabel("Plant height after 6 weeks (cm)")
ax.set_title("Tomato growth by fertiliser")
ax.yaxis.grid(True, linestyle="--", alpha=0.5)
fig.tight_layout()
fig.savefig("chart.png", dpi=100)
