import matplotlib.pyplot as plt
import numpy as np

questions = [
    "I feel valued at work",
    "My workload is fair",
    "I can work flexibly",
    "I trust my manager",
    "I would recommend us",
]
answers = np.array(
    [
        [6, 12, 20, 38, 24],
        [15, 24, 22, 28, 11],
        [4, 8, 13, 36, 39],
        [7, 10, 18, 35, 30],
        [9, 11, 25, 33, 22],
    ]
)
labels = ["Strongly disagree", "Disagree", "Neutral", "Agree", "Strongly agree"]
colors = plt.get_cmap("RdYlBu")(np.linspace(0.12, 0.88, 5))

fig, ax = plt.subplots(figsize=(10, 4.5))
left = np.zeros(len(questions))
for i, (label, color) in enumerate(zip(labels, colors)):
    bars = ax.barh(questions, answers[:, i], left=left, color=color, label=label, height=0.65)
    ax.bar_label(bars, label_type="center", fontsize=9)
    left += answers[:, i]
ax.invert_yaxis()
ax.set_xlim(0, 100)
ax.xaxis.set_visible(False)
ax.legend(ncols=5, bbox_to_anchor=(0, 1), loc="lower left", fontsize="small")
plt.savefig("chart.png", dpi=130, bbox_inches="tight")
