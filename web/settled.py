"""What of a template is known before anybody asks for a page? It is written in once, when the template is read.

A page of the desk says some two hundred fixed words and draws forty icons; asking for each anew took half its time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Environment, nodes
from jinja2.visitor import NodeTransformer


class SettledEnvironment(Environment):
    """An environment in which calls of `known` functions with nothing but literals are replaced by their answers.

    The functions must answer the same for ever: words of one language, icons, addresses of static files.
    """

    def __init__(self, known: Mapping[str, Callable[..., Any]], **options: Any) -> None:
        super().__init__(**options)
        self._known = known

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template = super()._parse(source, name, filename)
        settled: nodes.Template = _Settling(self._known).visit(template)
        return settled.set_environment(self)  # type: ignore[return-value]


class _Settling(NodeTransformer):
    def __init__(self, known: Mapping[str, Callable[..., Any]]) -> None:
        self._known = known

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802 - the name the walk looks for
        self.generic_visit(node)
        called = node.node
        if not isinstance(called, nodes.Name) or called.name not in self._known:
            return node
        if node.kwargs or node.dyn_args or node.dyn_kwargs:
            return node
        if not all(isinstance(one, nodes.Const) for one in node.args):
            return node
        answer = self._known[called.name](*(one.value for one in node.args if isinstance(one, nodes.Const)))
        return nodes.Const(answer, lineno=node.lineno)
