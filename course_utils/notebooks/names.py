"""Which names a cell takes from other cells: what it reads, without what is its own."""

from __future__ import annotations

import ast
from collections.abc import Iterable

Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def reads(tree: ast.Module) -> set[str]:
    """Names that a cell reads and has not itself assigned before.

    Local names of functions, lambdas and comprehensions don't count. A name that a function of the cell reads
    counts even if the cell assigns it, since the call may come first.

    Parameters
    ----------
    tree : ast.Module
        The cell.

    Returns
    -------
    set of str
        The names; built-in ones among them.
    """
    found: set[str] = set()
    _statements(tree.body, set(), found)
    return found


def _statements(body: Iterable[ast.stmt], known: set[str], found: set[str]) -> None:
    """Go through statements in order; `known` gains what they are sure to assign, `found` what they read."""
    for statement in body:
        if isinstance(statement, ast.For):
            found |= _loads(statement.iter) - known
            inside = known | _stores(statement.target)
            found |= _loads(statement.target) - inside
            _statements(statement.body, inside, found)
            _statements(statement.orelse, set(known), found)
        elif isinstance(statement, ast.If | ast.While):
            found |= _loads(statement.test) - known
            _statements(statement.body, set(known), found)
            _statements(statement.orelse, set(known), found)
        elif isinstance(statement, ast.With):
            for item in statement.items:
                found |= _loads(item) - known
                known |= _stores(item)
            _statements(statement.body, known, found)
        else:
            found |= _loads(statement) - (set() if isinstance(statement, ast.FunctionDef) else known)
            if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
                found |= {statement.target.id} - known
            if isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.FunctionDef):
                known |= _stores(statement)


def _stores(node: ast.AST) -> set[str]:
    """Names that a statement or a target assigns in its own scope."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, Scope | Comprehension):
        return set()
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Store) else set()
    return set().union(*map(_stores, ast.iter_child_nodes(node)))


def _loads(node: ast.AST) -> set[str]:
    """Names that are read somewhere in a node, but for those local to a function or comprehension in it."""
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Load) else set()
    read = set().union(*map(_loads, ast.iter_child_nodes(node)))
    if isinstance(node, Scope):
        arguments = node.args
        given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        given += [extra for extra in (arguments.vararg, arguments.kwarg) if extra is not None]
        defaults = [value for value in [*arguments.defaults, *arguments.kw_defaults] if value is not None]
        body = node.body if isinstance(node.body, list) else []
        declared = [inner.names for inner in ast.walk(node) if isinstance(inner, ast.Global)]
        local = {argument.arg for argument in given}.union(*map(_stores, body))
        return read - local.difference(*declared) | set().union(*map(_loads, defaults))
    if isinstance(node, Comprehension):
        local = set().union(*(_stores(part.target) for part in node.generators))
        return read - local | _loads(node.generators[0].iter)
    return read
