import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

rng = np.random.default_rng(365)
days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
slots = ["00-04", "04-08", "08-12", "12-16", "16-20", "20-24"]
level = np.array([14, 7, 18, 26, 34, 30])
factor = np.array([0.9, 0.85, 0.9, 1.0, 1.25, 1.4, 1.1])
counts = rng.poisson(np.outer(factor, level))

fig, ax = plt.subplots(figsize=(7, 5))
sns.heatmap(
    counts,
    annot=True,
    fmt="d",
    cmap="YlOrRd",
    linewidths=0.5,
    xticklabels=slots,
    yticklabels=days,
    cbar_kws={"label": "Reported thefts"},
    ax=ax,
)
ax.set_xlabel("Time of day")
ax.set_title("Thefts by weekday and time of day")
plt.yticks(rotation=0)
plt.tight_layout()
plt.savefig("chart.png", dpi=110)
