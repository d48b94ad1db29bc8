import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter

cities = [
    "San Francisco",
    "New York",
    "Boston",
    "Los Angeles",
    "Seattle",
    "Washington DC",
    "Miami",
    "San Diego",
    "Chicago",
    "Denver",
    "Austin",
    "Portland",
    "Atlanta",
    "Philadelphia",
    "Dallas",
    "Phoenix",
    "Houston",
    "Detroit",
]
rent = [3310, 3890, 2980, 2610, 2240, 2390, 2480, 2570, 1960, 1850, 1690, 1580, 1640, 1540, 1490, 1380, 1310, 1090]

fig, ax = plt.subplots(figsize=(11, 6))
ax.bar(cities, rent, color="steelblue", edgecolor="navy")
ax.yaxis.set_major_formatter(FuncFormatter(lambda v, pos: f"${v:,.0f}"))
plt.xticks(rotation=45, ha="right")
ax.set_title("Median one-bedroom rent", fontsize=16)
ax.set_ylabel("Rent per month")
ax.axhline(sum(rent) / len(rent), color="crimson", ls="--", label="Mean of the 18 cities")
ax.legend()
fig.tight_layout()
fig.savefig("chart.png", dpi=90)
