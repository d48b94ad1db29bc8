import matplotlib.pyplot as plt

months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
profit = [-4.2, -2.9, 1.1, 3.6, 5.8, 7.4, 8.1, 6.0, 2.2, -0.8, -1.9, 4.5]
colors = ["tab:red" if p < 0 else "tab:green" for p in profit]

plt.figure(figsize=(10, 4))
plt.bar(months, profit, color=colors)
plt.axhline(0, color="black", linewidth=0.8)
plt.grid(axis="y", linestyle=":", alpha=0.7)
plt.ylabel("Profit (thousand $)")
plt.title("Monthly profit and loss, ice cream kiosk")
plt.tight_layout()
plt.savefig("chart.png")
