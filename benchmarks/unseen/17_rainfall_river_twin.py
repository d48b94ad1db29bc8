import matplotlib.pyplot as plt
import numpy as np

rng = np.random.default_rng(88)
day = np.arange(1, 31)
rain = rng.gamma(0.6, 9, size=30)
level = np.convolve(rain, [0.1, 0.3, 0.25, 0.15, 0.1], mode="full")[:30] * 0.06 + 1.4

fig, ax1 = plt.subplots(figsize=(9, 4.5))
ax1.plot(day, level, color="tab:blue", marker=".")
ax1.set_xlabel("Day in April")
ax1.set_ylabel("River level (m)", color="tab:blue")
ax1.tick_params(axis="y", labelcolor="tab:blue")

ax2 = ax1.twinx()
ax2.plot(day, rain, color="tab:gray", linestyle="--", linewidth=1)
ax2.set_ylabel("Rainfall (mm)", color="tab:gray")
ax2.tick_params(axis="y", labelcolor="tab:gray")

plt.title("Rainfall and river level")
fig.tight_layout()
plt.savefig("chart.png")
