"""A climate diagram: rain as bars, temperature as a line on a second axis."""

from pathlib import Path

import matplotlib.pyplot as plt

months = list("JFMAMJJASOND")
rain = [100, 85, 53, 68, 54, 16, 4, 6, 33, 101, 128, 127]
temperature = [11.6, 12.7, 14.9, 15.9, 18.0, 21.2, 23.1, 23.5, 22.1, 18.8, 15.0, 12.4]

fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
ax.bar(range(12), rain, color="lightsteelblue")
ax.set_xticks(range(12), months)
ax.set_ylabel("Rain (mm)", color="steelblue")
right = ax.twinx()
right.plot(range(12), temperature, color="firebrick", marker="o")
right.set_ylabel("Temperature (°C)", color="firebrick")
right.set_ylim(0, 30)
ax.set_title("Lisbon")
fig.savefig(Path(__file__).with_suffix(".png"))
