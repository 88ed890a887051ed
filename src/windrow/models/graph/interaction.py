"""Message passing in the manner of an interaction network (Battaglia et al. 2016, as in Oskarsson et al. 2023).

Nodes and edges come first: (node, batch, features) and (edge, batch, features).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from windrow.models.graph.links import Links
from windrow.models.graph.perceptron import after_first


class JointPerceptron(nn.Module):
    """A perceptron of several inputs side by side.

    The first layer is applied to each input by itself, so that to nodes it is applied once and not once per edge.
    """

    def __init__(self, inputs: int, features: int, hidden_layers: int) -> None:
        super().__init__()
        self.features = features
        self.first = nn.Linear(inputs * features, features)
        self.rest = nn.Sequential(*after_first(features, hidden_layers))

    def part(self, number: int, x: Tensor) -> Tensor:
        """What input `number`, (..., features), adds to the first layer."""
        weight = self.first.weight[:, number * self.features : (number + 1) * self.features]
        return functional.linear(x, weight, self.first.bias if number == 0 else None)


def messages_along(
    links: Links, perceptron: JointPerceptron, senders: Tensor, receivers: Tensor, edges: Tensor
) -> Tensor:
    """A message per edge, (edge, batch, features), from the edge, its sender and its receiver."""
    hidden = perceptron.part(1, senders).index_select(0, links.senders)
    hidden += perceptron.part(2, receivers).index_select(0, links.receivers)
    hidden += perceptron.part(0, edges)
    message: Tensor = perceptron.rest(hidden)
    return message


def updated(nodes: Tensor, perceptron: JointPerceptron, sums: Tensor) -> Tensor:
    """The nodes after they have taken in the sums of their messages."""
    hidden = perceptron.part(0, nodes) + perceptron.part(1, sums)
    change: Tensor = perceptron.rest(hidden)
    return nodes + change


class InteractionNetwork(nn.Module):
    """One exchange from senders to receivers, which may be the same nodes."""

    def __init__(self, features: int, hidden_layers: int) -> None:
        super().__init__()
        self.message = JointPerceptron(3, features, hidden_layers)
        self.update = JointPerceptron(2, features, hidden_layers)

    def forward(self, links: Links, senders: Tensor, receivers: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
        """Give the new receivers and the new edges.

        Edges that are the same for the whole batch may come as (edge, 1, features).
        """
        messages = messages_along(links, self.message, senders, receivers, edges)
        sums = links.sums(messages, receivers.shape[0])
        return updated(receivers, self.update, sums), edges + messages
