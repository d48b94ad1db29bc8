"""Time series as pandas draws them, dates on the x axis."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

days = pd.date_range("2024-01-01", periods=120, freq="D")
rng = np.random.default_rng(3)
traffic = pd.DataFrame(
    {"visits": 4000 + rng.normal(12, 120, 120).cumsum(), "orders": 900 + rng.normal(3, 35, 120).cumsum()}, index=days
)
traffic.plot(figsize=(9, 4.5), grid=True, title="Web shop, daily")
plt.savefig(Path(__file__).with_suffix(".png"))
