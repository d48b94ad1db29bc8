import matplotlib.pyplot as plt

data = {
    "Finland": 73.7,
    "Sweden": 68.7,
    "Japan": 68.4,
    "Slovenia": 61.5,
    "Estonia": 57.0,
    "Latvia": 54.9,
    "Austria": 47.3,
    "Slovakia": 40.1,
    "Norway": 33.4,
    "Germany": 32.7,
    "France": 31.5,
    "Denmark": 15.7,
}
names = list(data)[::-1]
values = list(data.values())[::-1]
colors = ["#2d6a4f" if v >= 50 else "#95d5b2" for v in values]

fig, ax = plt.subplots(figsize=(7, 5.5), dpi=120)
bars = ax.barh(names, values, color=colors, height=0.7)
ax.bar_label(bars, fmt="%.1f%%", padding=4, fontsize=9, color="#333333")
ax.set_xlim(0, 85)
ax.set_title("Share of land covered by forest", loc="left", fontsize=14, fontweight="bold")
for side in ("top", "right", "bottom"):
    ax.spines[side].set_visible(False)
ax.tick_params(axis="y", length=0)
ax.set_xticks([])
fig.savefig("chart.png", bbox_inches="tight")
