"""Outputs that are the same on every machine: no addresses, no private paths, no random widget ids."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from nbformat import NotebookNode

STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"

#: Replaced in committed outputs: (name, pattern, replacement).
RULES = (
    ("address", r"\b0x[0-9a-fA-F]{6,16}\b", "0x…"),
    ("cell", r"(?<![\w./])/[^\s'\"<>]*/ipykernel_\d+/\d+\.py", "<cell>"),
    ("temporary", r"(?<![\w./])/(?:private/)?(?:tmp|var/folders/\w+/\w+/T)/[\w./-]*", "<tmp>"),
    (
        "path",
        r"(?<![…\w./])(?:/[\w.+-]+)+/(site-packages|lib/python3\.\d+|course_utils|notebooks|book)/",
        r"…/\1/",
    ),
)
#: Left in committed outputs, but no reason for nbval to complain.
COMPARED_RULES = (*RULES, ("version", r"\b\d+\.\d+\.\d+(?:\.?(?:post|dev|rc|a|b)\d+)?(?:\+\w+)?\b", "X.Y.Z"))


def clean_text(text: str) -> str:
    """Apply `RULES` to a text."""
    for _, pattern, replacement in RULES:
        text = re.sub(pattern, replacement, text)
    return text


def nbval_rules() -> str:
    """Write `COMPARED_RULES` in the format of nbval's ``--nbval-sanitize-with``."""
    return "\n".join(
        f"[{name}]\nregex: {pattern}\nreplace: {replacement}\n"
        for name, pattern, replacement in COMPARED_RULES
    )


def clean_outputs(notebook: NotebookNode) -> None:
    """Sanitise all outputs in place, join pieces of one stream, drop the metadata of the run."""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.metadata.pop("execution", None)
        outputs: list[Any] = []
        for output in cell.outputs:
            last = outputs[-1] if outputs else None
            if output.output_type == "stream" and last is not None and last.get("name") == output.name:
                last["text"] += output.text
            else:
                outputs.append(output)
        for output in outputs:
            if output.output_type == "stream":
                output["text"] = clean_text(output.text)
            for kind, content in output.get("data", {}).items():
                if kind.startswith("text/") and isinstance(content, str):
                    output["data"][kind] = clean_text(content)
        cell.outputs = outputs


def widget_state(notebook: NotebookNode) -> dict[str, Any]:
    """State of the widgets (model id → model), empty where there is none."""
    state: dict[str, Any] = notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    return state


def shown_widgets(notebook: NotebookNode) -> list[str]:
    """Model ids of the widgets in the outputs, in order."""
    return [
        output["data"][VIEW]["model_id"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if VIEW in output.get("data", {})
    ]


def renumber_widgets(notebook: NotebookNode, stem: str) -> None:
    """Replace the random ids of widget models by ones that follow from their order; drop what is not shown.

    Parameters
    ----------
    notebook : NotebookNode
        Executed, with the widgets' state; changed in place.
    stem : str
        Of the chapter: with it, ids differ between chapters.
    """
    state = widget_state(notebook)
    if not state:
        notebook.metadata.pop("widgets", None)
        return
    order = _reachable(state, shown_widgets(notebook))
    names = {old: hashlib.sha256(f"{stem}/{i}".encode()).hexdigest()[:32] for i, old in enumerate(order)}
    text = json.dumps({names[old]: state[old] for old in order})
    for old, new in names.items():
        text = text.replace(f'"IPY_MODEL_{old}"', f'"IPY_MODEL_{new}"')
    stored = notebook.metadata["widgets"][STATE]
    stored["state"] = json.loads(text)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if VIEW in output.get("data", {}):
                view = output["data"][VIEW]
                view["model_id"] = names.get(view["model_id"], view["model_id"])


def _reachable(state: dict[str, Any], shown: list[str]) -> list[str]:
    """Ids of all models behind the shown ones, depth first, and the links among them."""
    order: list[str] = []
    seen: set[str] = set()

    def visit(identity: str) -> None:
        if identity in seen or identity not in state:
            return
        seen.add(identity)
        order.append(identity)
        for other in _references(state[identity]):
            visit(other)

    for identity in shown:
        visit(identity)
    for identity, model in state.items():
        if model["model_name"] in ("LinkModel", "DirectionalLinkModel") and set(_references(model)) <= seen:
            order.append(identity)
    return order


def _references(model: Any) -> list[str]:
    return re.findall(r'"IPY_MODEL_([0-9a-f]+)"', json.dumps(model["state"], sort_keys=True))
