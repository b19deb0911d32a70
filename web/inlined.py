"""How are a template, those it includes and the macros it calls made one? Before it is compiled, each where it is used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

Parsed = Callable[[str], nodes.Template]
"""A template as it was written, by its name."""


def include(template: nodes.Template, parsed: Parsed) -> None:
    """Write included templates in, with variables of their own."""
    _Including(parsed).visit(template)


def open_macros(template: nodes.Template, parsed: Parsed) -> None:
    """Write macros in where they are called, with what they are called with. Raises TypeError for a call that does not fit.

    A file of macros alone keeps them: others import it.
    """
    library = all(isinstance(one, nodes.Macro) or _blank(one) for one in template.body)
    _Opening(template, parsed).visit(template)
    if not library:
        _drop_unused(template)


def name_of(node: nodes.Node) -> str:
    """What is called: `t` and `t.has` as text; empty for anything else."""
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        return f"{node.node.name}.{node.attr}"
    return node.name if isinstance(node, nodes.Name) else ""


def targets_of(node: nodes.Node) -> list[nodes.Name]:
    return [node] if isinstance(node, nodes.Name) else list(node.find_all(nodes.Name))


def copied(body: Iterable[nodes.Node], names: Mapping[str, nodes.Expr]) -> list[nodes.Node]:
    """The same statements, with these values in the place of these names."""
    return [_copy(one, names) for one in body]


def _copy(node: Any, names: Mapping[str, nodes.Expr]) -> Any:
    if isinstance(node, list):
        return [_copy(one, names) for one in node]
    if not isinstance(node, nodes.Node):
        return node
    if isinstance(node, nodes.Name) and node.ctx == "load" and node.name in names:
        return _copy(names[node.name], {})
    fields = [_copy(getattr(node, name), _seen(node, name, names)) for name in node.fields]
    return type(node)(*fields, lineno=node.lineno, environment=node.environment)


def _seen(node: nodes.Node, field: str, names: Mapping[str, nodes.Expr]) -> Mapping[str, nodes.Expr]:
    """The names that mean the same in a part of a statement; within its body its own come first."""
    if not isinstance(node, nodes.For | nodes.With) or field in ("iter", "values", "else_"):
        return names
    targets = node.targets if isinstance(node, nodes.With) else [node.target]
    own = {one.name for target in targets for one in targets_of(target)}
    return {name: value for name, value in names.items() if name not in own}


def sets(body: Iterable[nodes.Node]) -> bool:
    """Whether anything there sets a name."""
    return any(isinstance(one, nodes.Assign) or one.find(nodes.Assign) for one in body)


class _Including(NodeTransformer):
    def __init__(self, parsed: Parsed) -> None:
        self._parsed = parsed

    def visit_Include(self, node: nodes.Include) -> nodes.Node:  # noqa: N802
        if not isinstance(node.template, nodes.Const) or node.ignore_missing or not node.with_context:
            return node
        return self.visit(  # type: ignore[no-any-return]
            nodes.With([], [], self._parsed(node.template.value).body, lineno=node.lineno)
        )


class _Known:
    """A macro as it was written, which it stays, and in how many scopes."""

    def __init__(self, macro: nodes.Macro, depth: int = 0) -> None:
        self.macro = macro
        self.depth = depth

    @cached_property
    def own(self) -> set[str]:
        """Names that mean something of its own within it."""
        return {one.name for one in self.macro.args} | _names(self.macro.body, "store")

    @cached_property
    def free(self) -> set[str]:
        """Names that mean what they mean where it is written."""
        return _names(self.macro.body, "load") - self.own


class _Opening(NodeTransformer):
    """A macro stays one where a name of its surroundings would mean something else where it is called."""

    def __init__(self, template: nodes.Template, parsed: Parsed) -> None:
        self._macros: dict[str, _Known] = {}
        self._scopes: list[set[str]] = []
        """Names of the template itself, and of each scope within it that is being gone through."""
        self._callers: list[list[nodes.Node]] = []
        imported = [one for one in template.find_all(nodes.Import) if isinstance(one.template, nodes.Const)]
        for one in imported:
            self._macros |= {
                f"{one.target}.{macro.name}": _Known(macro)
                for macro in parsed(one.template.value).find_all(nodes.Macro)  # type: ignore[attr-defined]
            }
        self._root = {one.target for one in imported}

    def visit_Template(self, node: nodes.Template) -> nodes.Node:  # noqa: N802
        return self._within(node, self._root | _set_by(node.body))

    def visit_Block(self, node: nodes.Block) -> nodes.Node:  # noqa: N802
        return self._within(node, _set_by(node.body))

    def visit_With(self, node: nodes.With) -> nodes.Node:  # noqa: N802
        return self._within(node, _names(node.targets, "store") | _set_by(node.body))

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        return self._within(node, _names([node.target], "store") | _set_by(node.body) | {"loop"})

    def visit_Macro(self, node: nodes.Macro) -> nodes.Node:  # noqa: N802
        known = _Known(_copy(node, {}), len(self._scopes))
        self._within(node, known.own)
        self._macros[node.name] = known
        return node

    def _within(self, node: nodes.Node, names: set[str]) -> nodes.Node:
        macros = dict(self._macros)
        self._scopes.append(names)
        try:
            return self.generic_visit(node)
        finally:
            self._scopes.pop()
            self._macros = macros

    def _known(self, call: nodes.Call) -> _Known | None:
        """The macro that is called, if it may be written in here."""
        found = self._macros.get(name_of(call.node))
        if found is None or any(found.free & names for names in self._scopes[found.depth :]):
            return None
        return found

    def visit_Output(self, node: nodes.Output) -> list[nodes.Node]:  # noqa: N802
        written: list[nodes.Node] = []
        for child in node.nodes:
            written += self._opened(child) or [nodes.Output([child], lineno=node.lineno)]
        return written

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.Node | list[nodes.Node]:  # noqa: N802
        known = self._known(node.call)
        if known is None or node.args or known.own & _names(node.body, "load"):
            return self.generic_visit(node)
        body = self._written(known, node.call, caller=node.body)
        return (
            self.generic_visit(node) if "caller" in _names(body, "load") else body
        )  # it was not only written there

    def _opened(self, child: nodes.Expr) -> list[nodes.Node] | None:
        """The statements that an expression stands for; None: it is only an expression."""
        if isinstance(child, nodes.CondExpr):
            branches = [self._opened(one) if one else [] for one in (child.expr1, child.expr2)]
            if branches in ([None, None], [None, []]):
                return None
            then, other = (
                found if found is not None else [nodes.Output([one], lineno=child.lineno)]
                for found, one in zip(branches, (child.expr1, child.expr2), strict=True)
            )
            return [nodes.If(child.test, then, [], other, lineno=child.lineno)]
        if not isinstance(child, nodes.Call):
            return None
        if name_of(child.node) == "caller" and self._callers:
            body = self._callers.pop()
            try:
                return self._all(copied(body, {}))
            finally:
                self._callers.append(body)
        known = self._known(child)
        return None if known is None else self._written(known, child)

    def _written(
        self, known: _Known, call: nodes.Call, *, caller: list[nodes.Node] | None = None
    ) -> list[nodes.Node]:
        macro = known.macro
        given = _arguments(macro, call)
        direct = {name: value for name, value in given.items() if isinstance(value, nodes.Const | nodes.Name)}
        kept = {name: value for name, value in given.items() if name not in direct}
        for name, value in list(direct.items()):
            if (
                isinstance(value, nodes.Name) and value.name != name and value.name in known.own
            ):  # it means another thing there
                kept[name] = direct.pop(name)
        if caller is not None:
            self._callers.append(caller)
        try:
            self._scopes.append(set(kept))
            body = self._all(copied(macro.body, direct))
        finally:
            self._scopes.pop()
            if caller is not None:
                self._callers.pop()
        if not kept and not sets(body):
            return body
        targets: list[nodes.Expr] = [nodes.Name(name, "param", lineno=call.lineno) for name in kept]
        return [nodes.With(targets, list(kept.values()), body, lineno=call.lineno)]

    def _all(self, body: Iterable[nodes.Node]) -> list[nodes.Node]:
        return [made for one in body for made in self.visit_list(one)]


def _names(body: Iterable[nodes.Node], use: str) -> set[str]:
    """Names that are read ("load") or given ("store", for which "param" stands in some statements) there."""
    found = [two for one in body for two in (one, *one.find_all(nodes.Name)) if isinstance(two, nodes.Name)]
    return {one.name for one in found if (one.ctx == "load") == (use == "load")}


def _set_by(body: Iterable[nodes.Node]) -> set[str]:
    """Names that statements give to their own scope."""
    sets = [
        two for one in body for two in (one, *one.find_all(nodes.Assign)) if isinstance(two, nodes.Assign)
    ]
    return {name for one in sets for name in _names([one.target], "store")}


def _arguments(macro: nodes.Macro, call: nodes.Call) -> dict[str, nodes.Expr]:
    """Each parameter's value. Raises TypeError for a call that does not fit."""
    names = [one.name for one in macro.args]
    given = dict(zip(names[len(names) - len(macro.defaults) :], macro.defaults, strict=True))
    given |= dict(zip(names, call.args, strict=False)) | {one.key: one.value for one in call.kwargs}
    if len(call.args) > len(names) or set(given) != set(names) or call.dyn_args or call.dyn_kwargs:
        message = f"line {call.lineno}: {macro.name} takes {', '.join(names) or 'nothing'}"
        raise TypeError(message)
    return given


def _blank(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Output) and all(
        isinstance(one, nodes.TemplateData) and not one.data.strip() for one in node.nodes
    )


def _drop_unused(template: nodes.Template) -> None:
    """Macros that were written in everywhere are not needed any more, nor is where they came from."""
    used = {one.name for one in template.find_all(nodes.Name) if one.ctx == "load"}

    def needed(node: nodes.Node) -> bool:
        if isinstance(node, nodes.Macro):
            return node.name in used
        return not isinstance(node, nodes.Import) or node.target in used

    bodies = [template.body]
    bodies += [one.body for one in template.find_all(nodes.Block)] + [
        one.body for one in template.find_all(nodes.With)
    ]
    for body in bodies:
        body[:] = [one for one in body if needed(one)]
