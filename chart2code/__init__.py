"""Data, training and inference of C2C-MoLA."""
