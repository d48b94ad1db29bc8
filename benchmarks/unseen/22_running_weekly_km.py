import matplotlib.pyplot as plt

weeks = list(range(1, 13))
km = [18, 22, 25, 20, 28, 32, 35, 27, 38, 42, 30, 21.1]

plt.plot(weeks, km, "ro-")
plt.title("My half marathon training")
plt.xlabel("Week")
plt.ylabel("km")
plt.annotate(
    "peak week", xy=(10, 42), xytext=(6.5, 41), arrowprops=dict(facecolor="black", shrink=0.05, width=1, headwidth=6)
)
plt.annotate("race!", (12, 21.1), textcoords="offset points", xytext=(-32, -4))
plt.xticks(weeks)
plt.savefig("chart.png", dpi=72)
