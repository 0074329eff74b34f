"""Choices that branch from one context, as a tree of tokens: what they begin with alike is there once."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

Choices = tuple[tuple[int, ...], ...]  # token ids of each


@dataclass(frozen=True, eq=False)
class Tree:
    """M nodes, the tokens that a model reads: those that another token follows. What follows is an edge.

    Node 0 is the context's last token, which is read with the context.
    """

    tokens: list[int]  # [M], that of the context left out
    depths: list[int]  # [M], positions after the context
    ancestors: Tensor  # [M, M] booleans: row i sees column j
    nodes: list[int]  # of each edge the node that it leaves, 0 for the context
    labels: list[int]  # of each edge the token that it leads to
    paths: list[int]  # the edges of the first choice, of the second, ...


@lru_cache(maxsize=1024)
def tree(choices: Choices) -> Tree:
    """The tree of some choices. In most tasks it is the same one for all records."""
    nodes: dict[tuple[int, int], int] = {}  # (node before it, token) -> number, from 1
    edges: dict[tuple[int, int], int] = {}
    paths, depths, parents = [], [], []
    for choice in choices:
        node = 0
        for depth, token in enumerate(choice, start=1):
            paths.append(edges.setdefault((node, token), len(edges)))
            if depth < len(choice):
                if (node, token) not in nodes:
                    nodes[node, token] = len(nodes) + 1
                    parents.append(node)
                    depths.append(depth)
                node = nodes[node, token]
    ancestors = torch.eye(len(nodes), dtype=torch.bool)
    for place, parent in enumerate(parents):  # which comes before its children
        if parent:
            ancestors[place] |= ancestors[parent - 1]
    tokens = [token for _, token in nodes]
    return Tree(tokens, depths, ancestors, [node for node, _ in edges], [label for _, label in edges], paths)
