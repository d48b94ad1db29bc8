import matplotlib.pyplot as plt

area = [48, 55, 62, 64, 70, 75, 78, 83, 90, 96, 104, 110, 118, 125, 140, 152]
price = [189, 205, 236, 221, 259, 248, 287, 301, 296, 342, 351, 389, 377, 428, 455, 512]

plt.scatter(area, price, c="green", marker="x")
plt.xlabel("Living area (m²)")
plt.ylabel("Price (1000 EUR)")
plt.title("House prices")
plt.grid()
plt.savefig("chart.png")
