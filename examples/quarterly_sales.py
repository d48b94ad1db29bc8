"""A bar chart in matplotlib's default style."""

from pathlib import Path

import matplotlib.pyplot as plt

quarters = ["Q1", "Q2", "Q3", "Q4"]
sales = [42, 58, 51, 73]

plt.bar(quarters, sales)
plt.title("Quarterly Sales")
plt.xlabel("Quarter")
plt.ylabel("Sales (thousand units)")
plt.savefig(Path(__file__).with_suffix(".png"))
