import matplotlib.pyplot as plt

types = ["O+", "A+", "B+", "AB+", "O-", "A-", "B-", "AB-"]
percent = [37.4, 35.7, 8.5, 3.4, 6.6, 6.3, 1.5, 0.6]
explode = [0.08, 0, 0, 0, 0.08, 0, 0, 0]

fig, ax = plt.subplots(figsize=(7, 5), facecolor="whitesmoke")
ax.pie(
    percent,
    explode=explode,
    labels=types,
    colors=plt.cm.Reds([0.75, 0.6, 0.45, 0.3, 0.65, 0.5, 0.35, 0.2]),
    autopct=lambda p: f"{p:.0f}%" if p > 3 else "",
    pctdistance=0.75,
    textprops={"fontsize": 11},
    wedgeprops={"edgecolor": "black", "linewidth": 0.5},
)
ax.set_title("Blood types in the United States", fontsize=13, color="darkred")
plt.tight_layout()
plt.savefig("chart.png", dpi=100)
