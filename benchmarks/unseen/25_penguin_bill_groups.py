import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

sns.set_theme(style="ticks", font_scale=1.1)
rng = np.random.default_rng(77)

species = {
    "Adelie": (38.8, 18.3, 50, "o", "darkorange"),
    "Chinstrap": (48.8, 18.4, 30, "s", "purple"),
    "Gentoo": (47.5, 15.0, 45, "^", "#057076"),
}

fig, ax = plt.subplots(figsize=(7, 5.5))
for name, (length, depth, n, marker, color) in species.items():
    x = rng.normal(length, 2.8, n)
    y = depth + 0.18 * (x - length) + rng.normal(0, 0.8, n)
    ax.scatter(x, y, marker=marker, color=color, s=40, alpha=0.8, label=name)
ax.set_xlabel("Bill length (mm)")
ax.set_ylabel("Bill depth (mm)")
ax.legend(title="Species", loc="lower left")
sns.despine()
fig.savefig("chart.png", dpi=120, bbox_inches="tight")
