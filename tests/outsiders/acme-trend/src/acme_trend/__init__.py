"""Forecasts from the last few values."""
