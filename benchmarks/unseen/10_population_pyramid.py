import matplotlib.pyplot as plt

ages = ["0-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70-79", "80+"]
men = [4.1, 4.3, 5.0, 5.6, 5.4, 6.5, 5.1, 3.4, 2.3]
women = [3.9, 4.1, 4.8, 5.4, 5.3, 6.4, 5.5, 4.1, 3.6]

fig, ax = plt.subplots(figsize=(6, 6))
ax.barh(ages, [-m for m in men], color="cornflowerblue", label="Men", edgecolor="white")
ax.barh(ages, women, color="lightcoral", label="Women", edgecolor="white")
ticks = [-6, -4, -2, 0, 2, 4, 6]
ax.set_xticks(ticks)
ax.set_xticklabels([abs(t) for t in ticks])
ax.axvline(0, color="gray", lw=1)
ax.set_xlabel("Population (millions)")
ax.set_ylabel("Age group")
ax.set_title("Population by age and sex")
ax.legend()
plt.savefig("chart.png", dpi=100, bbox_inches="tight")
