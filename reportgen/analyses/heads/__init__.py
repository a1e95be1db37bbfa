"""Behind the section on the redundancy of heads: their map and tree, the diversity of layers, the curve of masked heads."""
