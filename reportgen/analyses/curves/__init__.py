"""Curves of sentences taken out: what they say of an order, with how much certainty, and their chart."""
