import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(4, 3), dpi=150)
ax.bar(["Placebo", "Vaccine"], [162, 8], color=["C1", "C0"], width=0.5, hatch=["//", ""], edgecolor="black")
ax.set_ylabel("Confirmed cases")
ax.set_title("Cases per trial arm", fontsize=10)
ax.set_ylim(0, 200)
ax.text(0, 168, "162", ha="center", fontsize=9)
ax.text(1, 14, "8", ha="center", fontsize=9)
plt.tight_layout()
plt.savefig("chart.png")
