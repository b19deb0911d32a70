"""What of a template is known before anybody asks for a page? It is written in once, when the template is read.

A page of the desk says some two hundred fixed words, draws thirty icons and is put together of a dozen templates and
fifty calls of macros; doing all of that anew each time took half of its time. So included templates and macros are
written in where they are used, what is fixed is answered, and what stands side by side is joined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Environment, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.visitor import NodeTransformer
from markupsafe import Markup, _escape_inner, escape  # type: ignore[attr-defined]

from web import inlined

Known = Mapping[str, Callable[..., Any]]


def written(value: Any) -> str:
    """A value as it stands in a page: escaped, unless it is Markup.

    markupsafe.escape makes a Markup of everything, which takes five times as long.
    """
    kind = type(value)
    if kind is str:
        return str(_escape_inner(value))
    return value if kind is Markup else escape(value)


class _Direct(CodeGenerator):
    """Calls functions as Python does, ours ask neither for a context nor for an environment; and escapes by `written`."""

    def _output_child_pre(
        self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo
    ) -> None:
        self.write("environment.written(")

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:  # noqa: FBT001, FBT002, N802
        if forward_caller or node.dyn_args is not None or node.dyn_kwargs is not None:
            super().visit_Call(node, frame, forward_caller=forward_caller)
            return
        self.visit(node.node, frame)
        self.write("(")
        for arg in (*node.args, *node.kwargs):
            self.visit(arg, frame)
            self.write(", ")
        self.write(")")


class SettledEnvironment(Environment):
    """An environment whose templates are short. Calls of `known` functions with nothing but literals are answered.

    The functions must answer the same for ever: words of one language, icons, addresses of static files. Names may have
    a dot: "t.has".
    """

    code_generator_class = _Direct
    written = staticmethod(written)

    def __init__(self, known: Known, **options: Any) -> None:
        super().__init__(autoescape=True, **options)
        self._known = known

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template = super()._parse(source, name, filename)
        inlined.include(template, self.parsed)
        self._settle(template)  # so that macros are given what is known
        inlined.open_macros(template, self.parsed)
        self._settle(template)
        _join(template)
        return template

    def _settle(self, template: nodes.Template) -> None:
        template.set_environment(self)
        _Settling(self).visit(template)
        template.set_environment(self)

    def parsed(self, name: str) -> nodes.Template:
        """A template of this name as it was written. Raises TemplateNotFound."""
        assert self.loader is not None
        source, filename, _ = self.loader.get_source(self, name)
        return super()._parse(source, name, filename)

    def answer(self, call: nodes.Call) -> nodes.Const | None:
        """What a call comes to for ever; None where that is not known."""
        function = self._known.get(inlined.name_of(call.node))
        if function is None or call.kwargs or call.dyn_args or call.dyn_kwargs:
            return None
        args = [_fixed(arg) for arg in call.args]
        if None in args:
            return None
        return nodes.Const(function(*(arg.value for arg in args if arg)), lineno=call.lineno)


def _fixed(expression: nodes.Node) -> nodes.Const | None:
    """What an expression of literals comes to."""
    try:
        return nodes.Const(expression.as_const(), lineno=expression.lineno)  # type: ignore[attr-defined]
    except nodes.Impossible:
        return None


class _Settling(NodeTransformer):
    """Answers what is known, and leaves out what never comes."""

    def __init__(self, environment: SettledEnvironment) -> None:
        self._environment = environment

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return self._environment.answer(node) or node

    def visit_If(self, node: nodes.If) -> nodes.Node | list[nodes.Node]:  # noqa: N802
        self.generic_visit(node)
        found = _fixed(node.test)
        if found is None:
            return node
        if found.value:
            return node.body
        if not node.elif_:
            return node.else_
        first, *others = node.elif_
        return self.visit_If(nodes.If(first.test, first.body, others, node.else_, lineno=first.lineno))

    def visit_For(self, node: nodes.For) -> nodes.Node | list[nodes.Node]:  # noqa: N802
        """Goes through a list of literals now."""
        found = _fixed(node.iter)
        named = [one.name for one in inlined.targets_of(node.target)]
        inside = [one.name for two in node.body for one in two.find_all(nodes.Name)]
        if found is None or node.else_ or node.test or "loop" in inside or inlined.sets(node.body):
            return self.generic_visit(node)
        written: list[nodes.Node] = []
        for value in found.value:
            values = value if isinstance(node.target, nodes.Tuple) else (value,)
            known = {
                name: nodes.Const(one, lineno=node.lineno) for name, one in zip(named, values, strict=True)
            }
            written += [made for one in inlined.copied(node.body, known) for made in self.visit_list(one)]
        return written

    def visit_CondExpr(self, node: nodes.CondExpr) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        found = _fixed(node.test)
        if found is None or (not found.value and node.expr2 is None):
            return node
        return node.expr1 if found.value else node.expr2  # type: ignore[return-value]


def _join(node: nodes.Node) -> None:
    """Make one piece of those that stand side by side."""
    for name in node.fields:
        body = getattr(node, name)
        if isinstance(body, list) and any(isinstance(one, nodes.Output) for one in body):
            joined: list[nodes.Node] = []
            for one in body:
                last = joined[-1] if joined else None
                if isinstance(one, nodes.Output) and isinstance(last, nodes.Output):
                    last.nodes += one.nodes
                else:
                    joined.append(one)
            body[:] = joined
    for child in node.iter_child_nodes():
        _join(child)
