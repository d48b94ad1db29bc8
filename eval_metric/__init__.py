"""Chart-to-code metric: executes programs, compares their pictures. Load with `evaluate.load("./eval_metric")`."""
