import matplotlib.pyplot as plt

plt.style.use("bmh")

years = [1980, 1985, 1990, 1995, 2000, 2005, 2010, 2015, 2020]
gini = {
    "United States": [34.7, 37.4, 38.3, 39.9, 40.1, 41.0, 40.0, 41.2, 39.7],
    "United Kingdom": [28.4, 30.7, 35.9, 35.1, 36.8, 34.3, 34.4, 33.2, 32.6],
    "Germany": [28.9, 29.1, 29.2, 29.0, 28.9, 32.2, 30.2, 31.4, 32.4],
    "Brazil": [57.9, 55.6, 60.5, 59.6, 58.4, 56.3, 52.9, 51.9, 48.9],
    "Sweden": [22.1, 23.4, 24.9, 25.2, 27.2, 26.8, 27.7, 29.2, 28.9],
}

fig, ax = plt.subplots(figsize=(9, 6))
for country, values in gini.items():
    ax.plot(years, values, marker="D", markersize=5, label=country)
ax.set_xlabel("Year")
ax.set_ylabel("Gini index")
ax.set_ylim(15, 65)
ax.set_title("Income inequality since 1980")
ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncol=3)
fig.savefig("chart.png", bbox_inches="tight", dpi=100)
