import matplotlib.pyplot as plt
import numpy as np

np.random.seed(31)
height = np.random.normal(172, 9, 80)
weight = 0.92 * height - 88 + np.random.normal(0, 7, 80)
slope, intercept = np.polyfit(height, weight, 1)
xs = np.array([height.min(), height.max()])

plt.figure(figsize=(6, 5))
plt.scatter(height, weight, alpha=0.6)
plt.plot(xs, slope * xs + intercept, color="red", label=f"y = {slope:.2f}x - {-intercept:.1f}")
plt.xlabel("Height (cm)")
plt.ylabel("Weight (kg)")
plt.title("Height and weight of 80 students")
plt.legend()
plt.tight_layout()
plt.savefig("chart.png")
