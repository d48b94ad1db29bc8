"""A scatter plot with a fitted line, in the bmh style sheet."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

plt.style.use("bmh")
power = np.array([62, 75, 84, 90, 101, 110, 118, 130, 141, 150, 163, 177, 190, 205])
economy = np.array([19.8, 18.1, 18.4, 16.9, 15.2, 15.8, 14.1, 13.9, 12.2, 12.9, 11.1, 10.6, 10.9, 8.7])

slope, intercept = np.polyfit(power, economy, 1)
fig, ax = plt.subplots()
ax.scatter(power, economy, s=60, label="cars")
ax.plot(power, slope * power + intercept, label="fit")
ax.set(xlabel="Power (kW)", ylabel="Economy (km/l)", title="Fuel economy")
ax.legend()
fig.savefig(Path(__file__).with_suffix(".png"))
