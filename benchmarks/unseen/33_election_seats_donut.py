import matplotlib.pyplot as plt

plt.rcParams["font.family"] = "DejaVu Sans"
parties = ["Labour", "Conservative", "Lib Dem", "SNP", "Others"]
seats = [411, 121, 72, 9, 37]
colors = ["#E4003B", "#0087DC", "#FAA61A", "#FDF38E", "grey"]

fig, ax = plt.subplots(figsize=(5, 5), dpi=144)
wedges, texts, autotexts = ax.pie(
    seats,
    labels=parties,
    colors=colors,
    startangle=180,
    autopct=lambda p: f"{round(p * sum(seats) / 100)}",
    pctdistance=0.8,
    labeldistance=1.08,
    wedgeprops={"width": 0.45},
)
for t in autotexts[:2]:
    t.set_color("white")
    t.set_fontweight("bold")
ax.set_title("House of Commons seats, July 2024", fontsize=12)
fig.savefig("chart.png", bbox_inches="tight")
