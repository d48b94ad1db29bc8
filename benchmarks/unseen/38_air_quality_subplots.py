import matplotlib.pyplot as plt
import numpy as np

rng = np.random.default_rng(250)
day = np.arange(1, 32)
pm25 = 14 + 6 * np.sin(day / 5) + rng.normal(0, 2.2, 31)
stations = ["Harbour", "Centre", "Airport", "Park"]
means = [17.8, 21.3, 15.2, 9.6]

fig, (ax1, ax2) = plt.subplots(1, 2, figsize=(11, 4.5))
ax1.plot(day, pm25, color="tab:purple", marker="o", ms=4)
ax1.axhline(15, color="red", ls="--", lw=1)
ax1.text(31, 15.3, "WHO limit", color="red", ha="right")
ax1.set_xlabel("Day of January")
ax1.set_ylabel("PM2.5 (µg/m³)")
ax1.set_title("Daily mean")

ax2.bar(stations, means, color="tab:purple", alpha=0.7)
ax2.set_ylabel("PM2.5 (µg/m³)")
ax2.set_title("Monthly mean by station")

fig.suptitle("Air quality in January", fontsize=14)
plt.tight_layout()
plt.savefig("chart.png", dpi=100)
