import matplotlib.pyplot as plt

months = list("JFMAMJJASOND")
x = range(1, 13)
oslo = [-4.3, -4.0, 0.1, 4.9, 11.4, 15.2, 17.3, 16.0, 11.1, 6.2, 0.9, -3.1]
rome = [7.5, 8.2, 10.9, 13.6, 18.2, 22.2, 24.9, 25.1, 21.0, 16.9, 12.1, 8.5]
cairo = [14.0, 15.1, 17.9, 21.8, 25.6, 28.0, 28.6, 28.4, 26.7, 23.9, 19.2, 15.4]

plt.figure(figsize=(8, 5))
plt.plot(x, oslo, marker="o", label="Oslo")
plt.plot(x, rome, marker="s", label="Rome")
plt.plot(x, cairo, marker="^", label="Cairo")
plt.xticks(x, months)
plt.xlabel("Month")
plt.ylabel("Mean temperature (°C)")
plt.title("Average monthly temperature")
plt.legend()
plt.grid(True)
plt.savefig("chart.png")
