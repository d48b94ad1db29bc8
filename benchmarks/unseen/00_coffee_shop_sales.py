import matplotlib.pyplot as plt

drinks = ["Espresso", "Latte", "Cappuccino", "Flat White", "Mocha"]
cups = [142, 268, 197, 121, 86]

plt.bar(drinks, cups)
plt.title("Cups sold last week")
plt.xlabel("Drink")
plt.ylabel("Cups")
plt.savefig("chart.png")
