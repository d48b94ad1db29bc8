import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

rng = np.random.default_rng(1713)
dates = pd.bdate_range("2023-01-02", "2023-12-29")
price = 84 * np.exp(np.cumsum(rng.normal(0.0006, 0.014, len(dates))))
series = pd.Series(price, index=dates)

fig, ax = plt.subplots(figsize=(10, 5))
ax.plot(series.index, series, color="#1f3b73", lw=1.2, label="Close")
ax.plot(series.rolling(30).mean(), color="darkorange", lw=2, label="30-day average")
ax.xaxis.set_major_locator(mdates.MonthLocator(interval=2))
ax.xaxis.set_major_formatter(mdates.DateFormatter("%b %Y"))
ax.set_ylabel("Price (USD)")
ax.set_title("Share price in 2023", loc="left")
ax.legend(frameon=False)
ax.grid(alpha=0.3)
fig.tight_layout()
fig.savefig("chart.png", dpi=100)
