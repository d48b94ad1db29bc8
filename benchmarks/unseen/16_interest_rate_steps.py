from datetime import date

import matplotlib.pyplot as plt
from matplotlib.ticker import PercentFormatter

days = [
    date(2021, 12, 16),
    date(2022, 2, 3),
    date(2022, 3, 17),
    date(2022, 5, 5),
    date(2022, 6, 16),
    date(2022, 8, 4),
    date(2022, 9, 22),
    date(2022, 11, 3),
    date(2022, 12, 15),
    date(2023, 2, 2),
    date(2023, 3, 23),
    date(2023, 5, 11),
    date(2023, 6, 22),
    date(2023, 8, 3),
    date(2024, 8, 1),
    date(2024, 11, 7),
    date(2024, 12, 31),
]
rate = [0.25, 0.5, 0.75, 1.0, 1.25, 1.75, 2.25, 3.0, 3.5, 4.0, 4.25, 4.5, 5.0, 5.25, 5.0, 4.75, 4.75]

fig, ax = plt.subplots(figsize=(8, 4), facecolor="#fff1e5")
ax.set_facecolor("#fff1e5")
ax.step(days, rate, where="post", color="#990f3d", lw=2.5)
ax.yaxis.set_major_formatter(PercentFormatter(decimals=0))
ax.yaxis.tick_right()
ax.set_ylim(0, 6)
ax.grid(axis="y", color="#d9ccc3")
ax.set_axisbelow(True)
for s in ("top", "left", "right"):
    ax.spines[s].set_visible(False)
ax.set_title("Bank of England base rate", loc="left", fontsize=15, fontfamily="serif", pad=14)
fig.savefig("chart.png", dpi=120, bbox_inches="tight")
