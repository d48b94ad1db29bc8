import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

sns.set_theme(style="whitegrid")

df = pd.DataFrame(
    {
        "day": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] * 2,
        "rider": ["Member"] * 7 + ["Casual"] * 7,
        "trips": [5210, 5480, 5595, 5540, 5105, 3890, 3320, 1480, 1395, 1520, 1610, 2240, 4410, 4075],
    }
)

plt.figure(figsize=(8, 5))
ax = sns.barplot(data=df, x="day", y="trips", hue="rider", palette="Set2")
ax.set(xlabel="", ylabel="Trips", title="Bike share trips by weekday")
ax.legend(title="Rider type", loc="upper right")
sns.despine(left=True)
plt.tight_layout()
plt.savefig("chart.png", dpi=100)
