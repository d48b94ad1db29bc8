import matplotlib.pyplot as plt

years = [2012, 2014, 2016, 2018, 2020, 2022, 2024]
share = {
    "Android": [27.4, 48.0, 66.7, 75.5, 73.1, 71.4, 70.9],
    "iOS": [24.0, 23.1, 19.0, 19.4, 26.3, 27.9, 28.4],
    "Other": [48.6, 28.9, 14.3, 5.1, 0.6, 0.7, 0.7],
}
colors = {"Android": "#3ddc84", "iOS": "#111111", "Other": "#b0b0b0"}

fig, ax = plt.subplots(figsize=(8, 5))
for name, vals in share.items():
    ax.plot(years, vals, color=colors[name], lw=3, solid_capstyle="round")
    ax.text(2024.3, vals[-1], f"{name} {vals[-1]}%", color=colors[name], va="center", fontweight="bold")
ax.set_xlim(2012, 2024)
ax.set_ylim(0, 80)
ax.set_xticks(years)
ax.spines["top"].set_visible(False)
ax.spines["right"].set_visible(False)
ax.set_title("Two systems left standing", loc="left", fontsize=16, fontweight="bold", pad=22)
ax.text(0, 1.02, "Global smartphone market share, %", transform=ax.transAxes, color="dimgray")
fig.savefig("chart.png", dpi=100, bbox_inches="tight", pad_inches=0.2)
