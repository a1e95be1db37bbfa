"""Statistics of how far measures of sentences, and of pairs of sentences, agree, and by how much more than distance, length and the sink explain."""
