import matplotlib.pyplot as plt
import numpy as np

t = np.linspace(0, 10, 500)
for zeta, style in [(0.05, "-"), (0.15, "--"), (0.4, "-."), (1.0, ":")]:
    if zeta < 1:
        wd = 3 * np.sqrt(1 - zeta**2)
        x = np.exp(-zeta * 3 * t) * np.cos(wd * t)
    else:
        x = (1 + 3 * t) * np.exp(-3 * t)
    plt.plot(t, x, style, label=rf"$\zeta = {zeta}$")

plt.xlabel("t [s]")
plt.ylabel("x(t) [m]")
plt.title("Damped harmonic oscillator")
plt.xlim(0, 10)
plt.ylim(-1.1, 1.1)
plt.axhline(0, color="black", lw=0.5)
plt.legend(loc="upper right")
plt.savefig("chart.png", dpi=150)
