import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

plt.style.use("dark_background")
rng = np.random.default_rng(512)

hours = pd.date_range("2025-03-03", periods=7 * 24, freq="h")
base = 900 + 700 * np.sin((hours.hour - 8) / 24 * 2 * np.pi)
weekend = np.where(hours.day_of_week >= 5, 0.6, 1.0)
visits = base * weekend + rng.normal(0, 60, len(hours)) + 150

fig, ax = plt.subplots(figsize=(12, 4))
ax.plot(hours, visits, color="cyan", lw=1.5)
ax.fill_between(hours, visits, color="cyan", alpha=0.15)
ax.xaxis.set_major_locator(mdates.DayLocator())
ax.xaxis.set_major_formatter(mdates.DateFormatter("%a %d"))
ax.set_ylim(bottom=0)
ax.set_title("Website visits per hour")
ax.set_ylabel("visits")
ax.grid(color="#444444", linestyle="--", linewidth=0.6)
plt.tight_layout()
plt.savefig("chart.png", dpi=90)
