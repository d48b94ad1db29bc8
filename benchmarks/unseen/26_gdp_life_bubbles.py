import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter

countries = ["India", "China", "USA", "Nigeria", "Brazil", "Germany", "Ethiopia", "Japan", "Indonesia"]
gdp = [9200, 22100, 73600, 5700, 18500, 61900, 2900, 46300, 14100]
life = [72.0, 78.0, 79.3, 54.5, 75.8, 81.4, 67.3, 84.7, 71.1]
pop = [1438, 1411, 343, 228, 211, 84, 129, 124, 281]
region = ["#d62728", "#d62728", "#2ca02c", "#1f77b4", "#2ca02c", "#ff7f0e", "#1f77b4", "#d62728", "#d62728"]

fig, ax = plt.subplots(figsize=(10, 6))
ax.scatter(gdp, life, s=[p * 1.4 for p in pop], c=region, alpha=0.55, edgecolors="black", linewidths=0.8)
for name, x, y in zip(countries, gdp, life):
    ax.annotate(name, (x, y), ha="center", va="center", fontsize=9)
ax.set_xscale("log")
ax.set_xlim(2000, 120000)
ax.set_ylim(50, 90)
ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"${v / 1000:.0f}k"))
ax.set_xlabel("GDP per person (PPP, log scale)")
ax.set_ylabel("Life expectancy (years)")
ax.set_title("Richer countries live longer", fontsize=15)
ax.grid(True, alpha=0.3)
plt.tight_layout()
plt.savefig("chart.png", dpi=100)
