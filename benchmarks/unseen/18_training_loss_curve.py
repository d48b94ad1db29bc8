import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

sns.set_theme()
rng = np.random.default_rng(2024)

epochs = np.arange(1, 61)
train = 1.9 * np.exp(-epochs / 11) + 0.12 + rng.normal(0, 0.012, 60)
val = 1.8 * np.exp(-epochs / 10) + 0.31 + 0.0025 * epochs + rng.normal(0, 0.025, 60)
best = epochs[val.argmin()]

plt.figure(figsize=(7, 4.5))
plt.plot(epochs, train, label="train")
plt.plot(epochs, val, label="validation")
plt.axvline(best, color="k", ls=":", lw=1.2, label=f"best epoch ({best})")
plt.xlabel("epoch")
plt.ylabel("cross-entropy loss")
plt.title("Training history")
plt.legend()
plt.tight_layout()
plt.savefig("chart.png", dpi=110)
