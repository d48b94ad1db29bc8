import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter

plt.style.use("seaborn-v0_8-whitegrid")

years = [1990, 1995, 2000, 2005, 2010, 2015, 2020, 2023]
vinyl = [0.2, 0.05, 0.06, 0.03, 0.12, 0.45, 0.7, 1.4]
cassette = [3.5, 2.3, 0.6, 0.02, 0.0, 0.0, 0.0, 0.0]
cd = [3.5, 9.4, 13.2, 10.5, 3.4, 1.5, 0.5, 0.5]
download = [0, 0, 0, 0.5, 2.2, 2.3, 0.7, 0.4]
streaming = [0, 0, 0, 0.15, 0.45, 2.3, 10.1, 14.4]

fig, ax = plt.subplots(figsize=(10, 5.5))
ax.stackplot(
    years,
    vinyl,
    cassette,
    cd,
    download,
    streaming,
    labels=["Vinyl", "Cassette", "CD", "Download", "Streaming"],
    colors=["#264653", "#2a9d8f", "#e9c46a", "#f4a261", "#e76f51"],
    alpha=0.9,
)
ax.yaxis.set_major_formatter(FuncFormatter(lambda v, p: f"${v:g}bn"))
ax.set_xlim(1990, 2023)
ax.legend(loc="upper center", ncol=5, frameon=True)
ax.set_ylim(0, 20)
ax.set_title("US recorded music revenue by format", loc="left", fontsize=14)
fig.savefig("chart.png", dpi=100, bbox_inches="tight")
