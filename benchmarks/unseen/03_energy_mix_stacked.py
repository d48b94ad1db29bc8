import matplotlib.pyplot as plt
import numpy as np

plt.style.use("ggplot")

years = ["2016", "2018", "2020", "2022", "2024"]
sources = {
    "Coal": [38, 33, 24, 22, 15],
    "Gas": [25, 26, 27, 23, 21],
    "Nuclear": [14, 13, 12, 10, 9],
    "Wind": [15, 19, 25, 29, 34],
    "Solar": [8, 9, 12, 16, 21],
}

fig, ax = plt.subplots(figsize=(9, 5.5))
bottom = np.zeros(len(years))
for name, vals in sources.items():
    ax.bar(years, vals, bottom=bottom, label=name, width=0.6)
    bottom += np.array(vals)

ax.set_ylabel("Share of generation (%)")
ax.set_title("Electricity mix, 2016 to 2024")
ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), title="Source")
fig.savefig("chart.png", dpi=110, bbox_inches="tight")
