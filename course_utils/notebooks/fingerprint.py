"""What a notebook was made from: hashes of its script, the modules it imports and the files it reads."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

PACKAGE = "course_utils"
#: Name of the constant that numbers the versions of Pocket-10's pictures.
DATA_VERSION = "GENERATOR_VERSION"


def file_hash(path: Path) -> str:
    """Short SHA-256 of a file, the same for both kinds of line ends."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()[:16]


def fingerprint(root: Path, script: Path, files: Iterable[str] = ()) -> dict[str, Any]:
    """Collect what an executed notebook depends on.

    Parameters
    ----------
    root : Path
        The course's folder: ``course_utils`` and ``book/results`` lie in it.
    script : Path
        The chapter's percent script.
    files : iterable of str
        Files that the chapter opened when it ran (recorded results, weights), as paths below `root`.

    Returns
    -------
    dict
        ``source`` (hash), ``modules`` (module name → hash, every module of `PACKAGE` that the script imports,
        directly or through others, also inside functions), ``files`` (path → hash, or None where there is no
        such file any more), ``data`` (version of Pocket-10, or None).
    """
    modules = imported_modules(root, script)
    paths = {name: root / name for name in sorted(files)}
    return {
        "source": file_hash(script),
        "modules": {name: file_hash(path) for name, path in sorted(modules.items())},
        "files": {name: file_hash(path) if path.is_file() else None for name, path in paths.items()},
        "data": _data_version(modules.values()),
    }


def imported_modules(root: Path, script: Path) -> dict[str, Path]:
    """Find every module of `PACKAGE` that a script needs, by reading and not by running it.

    A module counts when it is imported anywhere, also inside a function, and when its full name stands in
    a string (as in tables of names for lazy imports).
    """
    found: dict[str, Path] = {}
    queue = _named_modules(root, script, "")
    while queue:
        name = queue.pop()
        path = _module_file(root, name)
        if path is not None and name not in found:
            found[name] = path
            queue |= _named_modules(root, path, name)
    return found


def _named_modules(root: Path, path: Path, module: str) -> set[str]:
    """Name every module of the package that one file mentions, with the packages around it."""
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    names = {text for text in _strings(tree) if text.startswith(f"{PACKAGE}.")}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".") + (["__init__"] if path.name == "__init__.py" else [])
                base = ".".join([*parts[: -node.level], *([node.module] if node.module else [])])
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    inside = {name for name in names if name.split(".")[0] == PACKAGE}
    around = {name.rsplit(".", n)[0] for name in inside for n in range(name.count(".") + 1)}
    return {name for name in around if _module_file(root, name) is not None}


def _module_file(root: Path, name: str) -> Path | None:
    base = root.joinpath(*name.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def _strings(tree: ast.AST) -> set[str]:
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _data_version(paths: Iterable[Path]) -> Any:
    """Value of the constant `DATA_VERSION`, read from the module that sets it."""
    for path in paths:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            if any(isinstance(target, ast.Name) and target.id == DATA_VERSION for target in targets):
                value = getattr(node, "value", None)
                return value.value if isinstance(value, ast.Constant) else None
    return None


def outputs_hash(notebook: NotebookNode) -> str:
    """Hash all that was computed: outputs with their pictures, execution counts, the widgets' state."""
    cells = [
        [cell.get("execution_count"), cell.outputs] for cell in notebook.cells if cell.cell_type == "code"
    ]
    text = json.dumps([cells, notebook.metadata.get("widgets", {})], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def differences(recorded: dict[str, Any], current: dict[str, Any]) -> list[str]:
    """Say what changed between two fingerprints, one line each."""
    found = []
    if recorded.get("source") != current["source"]:
        found.append("the script changed since the notebook was executed")
    for part, word in (("modules", "module"), ("files", "file")):
        before, now = recorded.get(part, {}), current[part]
        for name in sorted(before.keys() | now.keys()):
            if before.get(name) != now.get(name):
                how = "changed" if name in before and name in now else "added" if name in now else "removed"
                found.append(f"{word} {name} {how} since the notebook was executed")
    if recorded.get("data") != current["data"]:
        found.append(f"Pocket-10 is version {current['data']}, the notebook shows {recorded.get('data')}")
    return found
