import matplotlib.pyplot as plt
import numpy as np

directions = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"]
hours = [62, 41, 38, 55, 97, 184, 161, 92]
angles = np.linspace(0, 2 * np.pi, len(hours), endpoint=False)
colors = plt.cm.plasma(np.array(hours) / max(hours))

fig = plt.figure(figsize=(6, 6))
ax = fig.add_subplot(projection="polar")
ax.bar(angles, hours, width=0.65, color=colors, edgecolor="white")
ax.set_theta_zero_location("N")
ax.set_theta_direction(-1)
ax.set_xticks(angles, directions)
ax.set_rlabel_position(70)
ax.set_title("Wind direction (hours in November)", pad=18)
fig.savefig("chart.png", dpi=110, bbox_inches="tight")
