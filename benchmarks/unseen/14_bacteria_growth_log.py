import matplotlib.pyplot as plt
import numpy as np

plt.style.use("seaborn-v0_8-ticks")

t = np.arange(0, 13)
k1, k2 = 0.95, 0.62
wild = 5e9 / (1 + (5e9 / 1e5 - 1) * np.exp(-k1 * t))
mutant = 5e9 / (1 + (5e9 / 1e5 - 1) * np.exp(-k2 * t))

fig, ax = plt.subplots(figsize=(6, 4.5), dpi=150)
ax.semilogy(t, wild, "o-", color="k", label="Wild type")
ax.semilogy(t, mutant, "s--", color="firebrick", mfc="white", label=r"$\Delta$recA mutant")
ax.set_xlabel("Time (h)")
ax.set_ylabel("CFU per mL")
ax.set_xlim(-0.5, 12.5)
ax.legend(loc="lower right")
ax.grid(True, which="both", linewidth=0.3)
fig.savefig("chart.png", bbox_inches="tight")
