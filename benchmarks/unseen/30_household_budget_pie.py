import matplotlib.pyplot as plt

labels = ["Rent", "Food", "Transport", "Leisure", "Savings", "Other"]
amounts = [950, 420, 180, 210, 300, 140]

plt.figure(figsize=(6, 6))
plt.pie(amounts, labels=labels, autopct="%1.1f%%", startangle=90)
plt.title("Where my salary goes")
plt.axis("equal")
plt.savefig("chart.png")
