"""A pie chart in matplotlib's default style."""

from pathlib import Path

import matplotlib.pyplot as plt

labels = ["Chrome", "Safari", "Edge", "Firefox", "Other"]
share = [64, 19, 6, 4, 7]

plt.pie(share, labels=labels, autopct="%d%%")
plt.title("Browser market share")
plt.savefig(Path(__file__).with_suffix(".png"))
