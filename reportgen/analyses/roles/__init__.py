"""What the roles of heads rest on: their definitions, scores with confidence from resampled sentences, chance levels, examples."""
