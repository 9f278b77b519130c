"""What is in a cell's code: names that it binds and uses, and notebook syntax that is not Python."""

from __future__ import annotations

import ast
import re
import symtable

_HIDDEN = re.compile(r"(?ms)^[ \t]*### BEGIN HIDDEN TESTS.*?(?:^[ \t]*### END HIDDEN TESTS[^\n]*\n?|\Z)")
_MAGIC = re.compile(r"(?m)^\s*[%!?]|\?\s*$|^\s*\w+\s*=\s*[%!]")


def plain_python(source: str) -> str:
    """Turn IPython's line syntax (``%matplotlib inline``, ``!ls``, ``name?``) into calls, as IPython does."""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        if not _MAGIC.search(source):
            return source
        from IPython.core.inputtransformer2 import TransformerManager

        return TransformerManager().transform_cell(source)
    return source


def without_hidden_tests(source: str) -> str:
    """Leave out what nbgrader leaves out of a release."""
    return _HIDDEN.sub("", source)


def has_hidden_tests(source: str) -> bool:
    """Say whether part of a cell is not released."""
    return _HIDDEN.search(source) is not None


def bound_names(source: str) -> set[str]:
    """Names that a cell binds at its top level, not counting those that it only imports.

    Raises
    ------
    SyntaxError
        If the source is not Python.
    """
    table = symtable.symtable(source, "<cell>", "exec")
    symbols = table.get_symbols()
    names = {s.get_name() for s in symbols if s.is_assigned() and not s.is_imported()}
    for inner in _inner(table):
        names |= {s.get_name() for s in inner.get_symbols() if s.is_declared_global() and s.is_assigned()}
    return names


def imported_names(source: str) -> set[str]:
    """Names that a cell imports at its top level."""
    table = symtable.symtable(source, "<cell>", "exec")
    return {symbol.get_name() for symbol in table.get_symbols() if symbol.is_imported()}


def used_names(source: str) -> set[str]:
    """Global names that a cell reads, in the functions that it defines too."""
    table = symtable.symtable(source, "<cell>", "exec")
    names = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    for inner in _inner(table):
        names |= {s.get_name() for s in inner.get_symbols() if s.is_global() and s.is_referenced()}
    return names


def imports(source: str) -> str:
    """Give only the import statements at a cell's top level."""
    statements = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return "\n".join(map(ast.unparse, statements))


def dotted_names(source: str) -> set[str]:
    """Give the dotted names that a cell uses, e.g. ``np.testing.assert_allclose``, and plain ones."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        parts = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if isinstance(node, ast.Name):
            found.add(".".join([node.id, *reversed(parts)]))
    return found


def last_expression(source: str) -> ast.Expression | None:
    """Give a cell's last statement if it is an expression, whose value a notebook would show."""
    body = ast.parse(source).body
    return ast.Expression(body[-1].value) if body and isinstance(body[-1], ast.Expr) else None


def _inner(table: symtable.SymbolTable) -> list[symtable.SymbolTable]:
    """All tables below one, except itself."""
    found = []
    for child in table.get_children():
        found += [child, *_inner(child)]
    return found
