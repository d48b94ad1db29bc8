import matplotlib.pyplot as plt
import numpy as np

np.random.seed(404)
minutes = np.random.gamma(4, 8, 600)

plt.hist(minutes, bins=25, edgecolor="black", color="skyblue")
plt.axvline(
    np.median(minutes), color="red", linestyle="dashed", linewidth=2, label=f"median: {np.median(minutes):.0f} min"
)
plt.xlabel("Commute time (minutes)")
plt.ylabel("Number of people")
plt.title("How long do people commute?")
plt.legend()
plt.savefig("chart.png", dpi=100)
