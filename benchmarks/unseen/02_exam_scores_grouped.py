import matplotlib.pyplot as plt
import numpy as np

subjects = ["Maths", "Physics", "Biology", "History"]
class_a = [71, 65, 78, 82]
class_b = [68, 74, 73, 69]
class_c = [59, 61, 80, 75]

x = np.arange(len(subjects))
width = 0.26

fig, ax = plt.subplots(figsize=(8, 5))
ax.bar(x - width, class_a, width, label="Class A")
ax.bar(x, class_b, width, label="Class B")
ax.bar(x + width, class_c, width, label="Class C")
ax.set_xticks(x, subjects)
ax.set_ylim(0, 100)
ax.set_xlabel("Subject")
ax.set_ylabel("Average score")
ax.set_title("Average exam score by class")
ax.legend(loc="upper left", ncols=3)
plt.tight_layout()
plt.savefig("chart.png", dpi=100)
