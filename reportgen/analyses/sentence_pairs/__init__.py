"""What several analyses ask of pairs of sentences: what distance alone predicts, where the pairs fall into parts."""
