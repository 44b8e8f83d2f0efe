"""Fine-tune, distil, quantize, measure and serve news classifiers on AG News."""
