"""Reducers: each adds up one kind of statistic over the blocks of a forward pass."""
