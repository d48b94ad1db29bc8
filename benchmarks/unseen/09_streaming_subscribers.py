import matplotlib.pyplot as plt

plt.style.use("fivethirtyeight")

services = ["Netflix", "Prime Video", "Disney+", "Max", "Paramount+", "Hulu"]
subs = [277.7, 205.0, 153.8, 103.3, 68.4, 51.1]

fig, ax = plt.subplots(figsize=(8, 5))
bars = ax.bar(services, subs, color=["#e50914"] + ["#9aa5b1"] * 5, width=0.7)
for bar, value in zip(bars, subs):
    ax.text(bar.get_x() + bar.get_width() / 2, value + 4, f"{value:.0f}M", ha="center", fontsize=13)
ax.set_yticks([])
ax.grid(False)
ax.tick_params(axis="x", labelsize=12)
ax.set_title("Netflix still leads the pack", loc="left", fontsize=20)
fig.savefig("chart.png", dpi=80, bbox_inches="tight")
