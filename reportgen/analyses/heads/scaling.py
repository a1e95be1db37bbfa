"""Metric multidimensional scaling: points in the plane whose distances are near to given ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.distance import pdist, squareform

DIMENSIONS = 2
STEPS_AT_MOST, CELLS = 300, 1 << 25  # fewer steps where there are very many points
LEAST_GAIN = 1e-5  # of the stress; what gains less in a step ends them


@dataclass(frozen=True, kw_only=True, eq=False)
class Scaled:
    """Points, and the stress that is left: the root of the sum of (distance of points - given distance)^2 over the sum of (given distance)^2, 0 for a perfect map."""

    points: Float[np.ndarray, "point dimension"]
    stress: float


def scale(distances: Float[np.ndarray, "point point"]) -> Scaled:
    """Points in the plane by SMACOF, from where classical scaling puts them: no step makes the stress greater, and nothing is random.

    Formula: X <- B(X) X / n, B(X) = - given / own distances off the diagonal, with rows that sum to 0. The points are centred, along the axes in which they spread most. *Source:* de Leeuw 1977; classical
    scaling: Torgerson 1952. Memory: a few arrays of points x points.
    """
    points, total = classical(distances), float((distances**2).sum())
    if not total:
        return Scaled(points=points, stress=0.0)
    own = squareform(pdist(points))
    stress = _stress(own, distances, total)
    for _ in range(max(min(STEPS_AT_MOST, CELLS // distances.size), 1)):
        points = _majorised(points, own, distances)
        own = squareform(pdist(points))
        before, stress = stress, _stress(own, distances, total)
        if before - stress <= LEAST_GAIN * before:
            break
    return Scaled(points=_turned(points), stress=stress)


def classical(distances: Float[np.ndarray, "point point"]) -> Float[np.ndarray, "point dimension"]:
    """The two directions in which points at these distances would spread most; exact for points of a plane."""
    squared = distances**2
    products = -0.5 * (squared - squared.mean(0) - squared.mean(1)[:, None] + squared.mean())
    values, vectors = np.linalg.eigh(products)
    strongest = np.argsort(-values, kind="stable")[:DIMENSIONS]
    points = np.zeros((len(distances), DIMENSIONS))
    points[:, : len(strongest)] = vectors[:, strongest] * np.sqrt(values[strongest].clip(0))
    return _signed(points)


def _majorised(
    points: Float[np.ndarray, "point dimension"], own: Float[np.ndarray, "point point"], distances: Float[np.ndarray, "point point"]
) -> Float[np.ndarray, "point dimension"]:
    ratio = np.divide(distances, own, out=np.zeros_like(own), where=own > 0)
    return (ratio.sum(1)[:, None] * points - ratio @ points) / len(points)


def _stress(own: Float[np.ndarray, "point point"], distances: Float[np.ndarray, "point point"], total: float) -> float:
    return float(np.sqrt(((own - distances) ** 2).sum() / total))


def _turned(points: Float[np.ndarray, "point dimension"]) -> Float[np.ndarray, "point dimension"]:
    """Centred, turned to the axes of greatest spread: the same points whichever way they came out."""
    centred = points - points.mean(0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    return _signed(centred @ axes[:, ::-1])


def _signed(points: Float[np.ndarray, "point dimension"]) -> Float[np.ndarray, "point dimension"]:
    """Each axis the way round in which its point farthest out lies above 0."""
    farthest = np.abs(points).argmax(0)
    return points * np.where(points[farthest, np.arange(DIMENSIONS)] < 0, -1, 1)
