"""Three lines in the fivethirtyeight style sheet, labelled at their ends instead of a legend."""

from pathlib import Path

import matplotlib.pyplot as plt

plt.style.use("fivethirtyeight")
months = ["Jan", "Mar", "May", "Jul", "Sep", "Nov"]
cities = {
    "Cairo": [14, 17.5, 25, 28.5, 26.5, 19],
    "Paris": [5, 9, 15.5, 20.5, 17, 8],
    "Oslo": [-4, 0.5, 11.5, 17.5, 11.5, 1],
}
fig, ax = plt.subplots(figsize=(8, 5))
for city, temperature in cities.items():
    (line,) = ax.plot(months, temperature)
    ax.annotate(city, (5, temperature[-1]), xytext=(8, 0), textcoords="offset points", color=line.get_color())
ax.set_title("Mean temperature (°C)")
fig.savefig(Path(__file__).with_suffix(".png"), bbox_inches="tight")
