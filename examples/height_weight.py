"""A scatter plot in matplotlib's default style."""

from pathlib import Path

import matplotlib.pyplot as plt

height = [155, 158, 161, 163, 166, 168, 170, 172, 175, 177, 180, 184, 188]
weight = [49, 56, 54, 61, 58, 66, 63, 71, 69, 78, 75, 86, 84]

plt.scatter(height, weight, color="tab:green")
plt.title("Height and Weight")
plt.xlabel("Height (cm)")
plt.ylabel("Weight (kg)")
plt.grid(True)
plt.savefig(Path(__file__).with_suffix(".png"))
