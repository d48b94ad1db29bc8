import matplotlib.pyplot as plt
import numpy as np

years = np.arange(2010, 2025)
visitors = np.array([3.1, 3.3, 3.4, 3.8, 4.0, 4.3, 4.5, 4.9, 5.2, 5.4, 1.6, 2.4, 4.4, 5.3, 5.7])
future = np.arange(2024, 2031)
mid = 5.7 + 0.28 * (future - 2024)
spread = 0.22 * np.sqrt(future - 2024) * 1.6

fig, ax = plt.subplots(figsize=(9, 5))
ax.plot(years, visitors, color="teal", linewidth=2.5, label="Observed")
ax.plot(future, mid, color="teal", linewidth=2, linestyle="--", label="Forecast")
ax.fill_between(future, mid - spread, mid + spread, color="teal", alpha=0.2, label="80% interval")
ax.axvline(2024, color="gray", linestyle=":")
ax.annotate("Pandemic", xy=(2020, 1.6), xytext=(2015.5, 1.2), arrowprops=dict(arrowstyle="->"), fontsize=11)
ax.set_ylim(0, 9)
ax.set_ylabel("Visitors (millions)")
ax.set_title("National park visitors with forecast to 2030")
ax.legend(loc="upper left")
ax.spines[["top", "right"]].set_visible(False)
plt.tight_layout()
plt.savefig("chart.png", dpi=100)
