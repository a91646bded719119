"""The cheapest one-to-one pairing of rows and columns (Hungarian method, shortest augmenting paths)."""

import math

import numpy as np
from numpy.typing import NDArray

Costs = NDArray[np.float64]


def assign(costs: Costs, limit: float) -> list[tuple[int, int]]:
    """Pairs (row, column) of least total cost; pairs that cost `limit` or more are left apart.

    Args:
        costs: shape (rows, columns), finite.
    """
    rows, columns = costs.shape
    if not rows or not columns:
        return []
    # Leaving both apart must never cost more than a forbidden pair, so those are worth exactly the limit.
    capped = np.minimum(costs, limit)
    turned = rows > columns
    pairs = _solve((capped.T if turned else capped).tolist())
    ordered = [(column, row) if turned else (row, column) for row, column in pairs]
    return sorted((row, column) for row, column in ordered if costs[row, column] < limit)


def _solve(costs: list[list[float]]) -> list[tuple[int, int]]:
    """Rows must not outnumber columns. Potentials and augmenting paths, O(rows² columns)."""
    rows, columns = len(costs), len(costs[0])
    row_price = [0.0] * (rows + 1)
    column_price = [0.0] * (columns + 1)
    # Column 0 stands for "the row being placed"; real rows and columns count from 1.
    owner = [0] * (columns + 1)
    for row in range(1, rows + 1):
        owner[0] = row
        column, came_from = 0, [0] * (columns + 1)
        slack, seen = [math.inf] * (columns + 1), [False] * (columns + 1)
        while owner[column]:
            seen[column] = True
            current, step, following = owner[column], math.inf, 0
            for candidate in range(1, columns + 1):
                if seen[candidate]:
                    continue
                reduced = costs[current - 1][candidate - 1] - row_price[current] - column_price[candidate]
                if reduced < slack[candidate]:
                    slack[candidate], came_from[candidate] = reduced, column
                if slack[candidate] < step:
                    step, following = slack[candidate], candidate
            for candidate in range(columns + 1):
                if seen[candidate]:
                    row_price[owner[candidate]] += step
                    column_price[candidate] -= step
                else:
                    slack[candidate] -= step
            column = following
        while column:
            owner[column], column = owner[came_from[column]], came_from[column]
    return [(owner[column] - 1, column - 1) for column in range(1, columns + 1) if owner[column]]
