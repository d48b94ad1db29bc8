import matplotlib.pyplot as plt

browsers = ["Chrome", "Safari", "Edge", "Firefox", "Others"]
share = [65.2, 18.6, 5.3, 2.7, 8.2]
colors = ["#4285F4", "#5AC8FA", "#0F9D8A", "#FF7139", "#CFD8DC"]

fig, ax = plt.subplots(figsize=(8, 5))
wedges, _ = ax.pie(
    share,
    colors=colors,
    startangle=90,
    counterclock=False,
    wedgeprops=dict(width=0.38, edgecolor="white", linewidth=2),
)
ax.text(0, 0, "65%\nChrome", ha="center", va="center", fontsize=18, fontweight="bold")
ax.legend(
    wedges, [f"{b} ({s}%)" for b, s in zip(browsers, share)], loc="center left", bbox_to_anchor=(1, 0.5), frameon=False
)
ax.set_title("Browser market share")
fig.savefig("chart.png", dpi=120, bbox_inches="tight")
