"""The chain rule over a recorded graph, and the graph as text."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlx.backprop.tape import Node, namespace
from dlx.checks import came

__all__ = ["graph_gradients", "graph_table"]


def _check_node(name: str, value: Any) -> None:
    if not isinstance(value, Node):
        raise TypeError(f"{name}: got {came(value)}, wanted a Node; Node(array) makes one")


def _ordered(output: Node) -> list[Node]:
    """Every node that the output is made of, parents before children. A stack: deep graphs outgrow recursion."""
    order, seen, stack = [], set(), [(output, False)]
    while stack:
        node, parents_done = stack.pop()
        if parents_done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((parent, False) for parent, _ in node.parents)
    return order


def graph_gradients(output: Node, leaves: Sequence[Node], *, output_gradient: Any = None) -> list[Any]:
    """Gradients of a node with respect to others, by the chain rule from the end of the graph to its beginning.

        dL/dv = sum over the operations u that v enters of dL/du du/dv,    dL/dL = 1

    Only what leads to `leaves` is computed.

    Args:
      output: L, a scalar unless `output_gradient` is given.
      leaves: nodes of the graph, leaves or not; one that is not in it has the gradient 0.
      output_gradient: dL/d(output), an array of the shape of `output`; 1 if None.
    Returns: for each of `leaves` an array of its shape.
    Raises: ValueError if `output` is no scalar and `output_gradient` is None, or its shape does not fit; TypeError
      if `output` or one of `leaves` is no node.
    Source: Goodfellow et al. 2016, algorithm 6.6; Griewank and Walther 2008, section 3.2; notes 004 "graph".
    """
    _check_node("output", output)
    if not isinstance(leaves, list | tuple):
        raise TypeError(f"leaves: got {came(leaves)}, wanted a list of nodes")
    for number, leaf in enumerate(leaves):
        _check_node(f"leaves[{number}]", leaf)
    if output_gradient is None:
        if output.shape != ():
            raise ValueError(f"output: got shape {output.shape}, wanted a scalar, or an output_gradient")
        output_gradient = namespace(output.value).ones_like(output.value)
    elif np.shape(output_gradient) != output.shape:
        raise ValueError(
            f"output_gradient: got shape {np.shape(output_gradient)}, wanted {output.shape}, that of output"
        )
    order = _ordered(output)
    wanted = {id(leaf) for leaf in leaves}
    for node in order:
        if any(id(parent) in wanted for parent, _ in node.parents):
            wanted.add(id(node))
    gradients = {id(output): output_gradient}
    for node in reversed(order):
        for parent, pull in node.parents:
            if id(parent) in wanted and id(node) in gradients:
                arriving = pull(gradients[id(node)])
                before = gradients.get(id(parent))
                gradients[id(parent)] = arriving if before is None else before + arriving
    return [gradients.get(id(leaf), namespace(leaf.value).zeros_like(leaf.value)) for leaf in leaves]


def graph_table(output: Node) -> str:
    """The recorded graph as text, an operation a line.

    Args:
      output: the node whose graph is written.
    Returns: lines `n3 = multiply(n1, n2)  (2, 3)`, parents first.
    Raises: TypeError if `output` is no node.
    Source: notes 004 "graph".
    """
    _check_node("output", output)
    order = _ordered(output)
    names = {id(node): f"n{number}" for number, node in enumerate(order)}
    return "\n".join(
        f"{names[id(n)]} = {n.operation}({', '.join(names[id(parent)] for parent, _ in n.parents)})  {n.shape}"
        for n in order
    )
