import matplotlib.pyplot as plt
import numpy as np

rng = np.random.RandomState(6)
temp_ms = rng.uniform(3000, 15000, 220)
lum_ms = (temp_ms / 5800) ** 5.5 * 10 ** rng.normal(0, 0.22, 220)
temp_g = rng.uniform(3300, 5200, 40)
lum_g = 10 ** rng.normal(2.1, 0.35, 40)
temp_wd = rng.uniform(7000, 14000, 25)
lum_wd = 10 ** rng.normal(-2.6, 0.3, 25)

plt.rcParams.update({"axes.facecolor": "#0b1026", "xtick.direction": "in", "ytick.direction": "in"})
fig, ax = plt.subplots(figsize=(6, 7))
ax.scatter(temp_ms, lum_ms, s=12, color="gold", label="Main sequence")
ax.scatter(temp_g, lum_g, s=30, color="orangered", label="Giants")
ax.scatter(temp_wd, lum_wd, s=8, color="white", label="White dwarfs")
ax.set_yscale("log")
ax.invert_xaxis()
ax.set_xlabel("Temperature (K)")
ax.set_ylabel("Luminosity (solar units)")
ax.legend(facecolor="lightgray", loc="lower left", fontsize=9)
plt.tight_layout()
plt.savefig("chart.png", dpi=100)
