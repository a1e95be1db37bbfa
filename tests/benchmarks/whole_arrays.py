"""The peer of the benchmark: the contract's formulas over whole tokens x tokens arrays, in torch, a layer at a time."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from reportgen.capture.layout import TextLayout


class WholeArrays:
    """What does not change from layer to layer, and the formulas. Straightforward vectorised torch, as one would write it without streaming."""

    def __init__(self, layout: TextLayout, device: torch.device | str = "cpu") -> None:
        position, sentence = torch.arange(layout.tokens, device=device), layout.slot_of_token.to(device)
        self.members = torch.nn.functional.one_hot(sentence, layout.sentences + 1)[:, :-1].float()
        self.rows = (layout.in_sentence > 0).to(device)
        self.gap = (position[:, None] - position[None]).abs()
        self.visible = position[:, None] >= position[None]
        self.sentence_gap = (sentence[:, None] - sentence[None]).abs().float()
        self.same = (self.sentence_gap == 0).float()
        self.sinks, self.delimiter = torch.from_numpy(layout.sinks).to(device), torch.from_numpy(layout.delimiter).to(device)
        ids = torch.from_numpy(layout.ids).to(device)
        self.copies = torch.tril(ids[:, None] == ids[None], -1).float()
        self.after_copies = torch.nn.functional.pad(self.copies[:, :-1], (1, 0))
        self.bins = torch.bucketize(self.gap, torch.tensor([0, *(2**power for power in range(14))], device=device), right=True)
        self.expanded_bins = self.bins.flatten()

    def of_layers(self, attentions: Sequence[torch.Tensor]) -> None:
        """All arrays of the forward pass, computed and thrown away."""
        joint = joint_left = torch.eye(len(self.rows), device=self.rows.device)
        total = torch.zeros_like(joint)
        for layer in attentions:
            weights = layer[0]
            left = weights.clone()
            left[:, :, self.sinks] = 0
            left = torch.nan_to_num(left / left.sum(-1, keepdim=True))
            self._between_sentences(weights)
            self._per_head(weights)
            self._per_head(left)
            total += weights.mean(0)
            joint = 0.5 * weights.mean(0) @ joint + 0.5 * joint
            mean = weights.mean(0)
            mean[:, self.sinks] = 0
            joint_left = 0.5 * torch.nan_to_num(mean / mean.sum(-1, keepdim=True)) @ joint_left + 0.5 * joint_left
            _ = self.members.T @ joint @ self.members, self.members.T @ joint_left @ self.members
        _ = total.topk(8)

    def _between_sentences(self, weights: torch.Tensor) -> None:
        _ = self.members.T @ (weights @ self.members)
        greatest = weights.amax(0)
        lengths = self.members.sum(0).int().tolist()
        _ = [part.amax(0) for rows in greatest[self.rows].split(lengths) for part in rows[:, self.rows].T.split(lengths)]
        _ = (weights * self.same).sum(-1), weights[:, :, 0], weights[:, :, self.delimiter].sum(-1), weights.amax(-1)
        _ = (weights * self.sentence_gap).sum(-1), (weights * self.copies).sum(-1), (weights * self.after_copies).sum(-1)
        _ = weights.sum((0, 1))

    def _per_head(self, weights: torch.Tensor) -> None:
        _ = torch.xlogy(weights, weights).sum(-1), (weights * self.gap).sum(-1), (weights * (self.gap <= 3)).sum(-1), torch.diagonal(weights, -1, 1, 2)
        flat = weights.flatten(1)
        _ = flat @ flat.T
        _ = torch.zeros(len(flat), 16, device=flat.device).index_add_(1, self.expanded_bins, flat)
