import matplotlib.pyplot as plt

plt.rcParams["font.family"] = "serif"
plt.rcParams["font.size"] = 11

treatments = ["Control", "5 µM", "10 µM", "25 µM", "50 µM"]
mean = [1.00, 0.93, 0.71, 0.42, 0.18]
sem = [0.06, 0.08, 0.07, 0.05, 0.03]

fig, ax = plt.subplots(figsize=(4.5, 4), dpi=200)
ax.bar(
    treatments,
    mean,
    yerr=sem,
    capsize=4,
    color="lightgray",
    edgecolor="black",
    linewidth=1,
    error_kw={"elinewidth": 1},
)
ax.set_ylabel("Relative enzyme activity")
ax.set_xlabel("Inhibitor concentration")
ax.set_ylim(0, 1.2)
ax.spines[["top", "right"]].set_visible(False)
ax.text(3, 0.50, "**", ha="center")
ax.text(4, 0.24, "***", ha="center")
plt.tight_layout()
fig.savefig("chart.png")
