import matplotlib.pyplot as plt
import numpy as np

rng = np.random.default_rng(905)
n = 150
lon = rng.uniform(138, 146, n)
lat = 34 + 0.75 * (lon - 138) + rng.normal(0, 1.1, n)
depth = np.clip(420 - 52 * (lon - 138) + rng.normal(0, 35, n), 5, None)
mag = rng.exponential(0.6, n) + 4

fig, ax = plt.subplots(figsize=(7, 6), dpi=110)
sc = ax.scatter(lon, lat, c=depth, s=(mag - 3.5) ** 2 * 30, cmap="viridis_r", edgecolor="k", linewidth=0.4)
cbar = fig.colorbar(sc, ax=ax)
cbar.set_label("Depth (km)")
ax.set_xlabel("Longitude (°E)")
ax.set_ylabel("Latitude (°N)")
ax.set_title("Earthquakes above magnitude 4")
fig.savefig("chart.png")
