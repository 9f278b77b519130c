"""JavaScript and data that the rendered book and the tests need but that is not ours.

MathJax, RequireJS and the widget manager make formulas and interactive figures work in a page opened
from disk; axe-core checks the pages for accessibility; the British dictionary checks the spelling.
None of them is committed. They come from the npm registry once, at exactly the versions below, and are
kept (with their licences) in ``.cache/vendor``; after that no network is needed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path


class VendorError(RuntimeError):
    """A package could not be fetched or does not hold what it should."""


@dataclass(frozen=True)
class Package:
    """One npm package and the part of it that is kept.

    Parameters
    ----------
    name, version : str
        What npm calls it. The version is exact.
    keep : tuple of str
        Files or folders inside the package; ``*`` stands for any name. Licence files are always kept as well.
    on_pages : bool
        Whether the rendered book needs it; otherwise only the tests do.
    """

    name: str
    version: str
    keep: tuple[str, ...]
    on_pages: bool = True


PACKAGES = (
    # The SVG output needs no web fonts, which some browsers refuse to load from disk.
    Package("mathjax", "3.2.2", ("es5/tex-svg.js", "es5/input/tex/extensions")),
    Package("requirejs", "2.3.7", ("require.js",)),
    # Its fonts are icons of buttons; the stylesheet inside embed-amd.js asks for them.
    Package("@jupyter-widgets/html-manager", "1.0.14", ("dist/embed-amd.js", "dist/*.woff2", "dist/*.woff")),
    Package("axe-core", "4.10.3", ("axe.min.js",), on_pages=False),
    Package("dictionary-en-gb", "2.4.0", ("index.dic", "index.aff"), on_pages=False),
)


def fetch(root: Path, *, tests: bool = False) -> Path:
    """Make sure that the packages are in the cache; fetch with npm only what is missing.

    Parameters
    ----------
    root : Path
        The course's folder; the cache is ``root/.cache/vendor``.
    tests : bool
        Also fetch what only the tests use.

    Returns
    -------
    Path
        The cache folder. Its ``static`` folder is what the book copies into ``_static``.

    Raises
    ------
    VendorError
        When a package is neither in the cache nor to be had from the registry.
    """
    cache = root / ".cache" / "vendor"
    for package in PACKAGES:
        target = folder_of(package, cache)
        if (package.on_pages or tests) and _version_in(target) != package.version:
            _fetch_one(package, target)
    return cache


def folder_of(package: Package, cache: Path) -> Path:
    """Where a package lies in the cache; what pages need is in ``static/vendor``."""
    base = cache / "static" / "vendor" if package.on_pages else cache
    return base / package.name


def _version_in(folder: Path) -> str | None:
    """Version of the package kept in a folder, or None where there is none."""
    about = folder / "package.json"
    return json.loads(about.read_text(encoding="utf-8"))["version"] if about.is_file() else None


def _npm() -> str:
    """Path of npm: the virtual environment's own, else the one on the PATH."""
    here = Path(sys.executable).parent
    found = shutil.which("npm", path=f"{here}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        raise VendorError(
            "npm is missing, and the book's JavaScript comes from it. Install the book's packages: "
            "pip install -c constraints.txt -e '.[book]'"
        )
    return found


def _fetch_one(package: Package, target: Path) -> None:
    """Download one package, keep what is wanted, and move it into place in one step."""
    spec = f"{package.name}@{package.version}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as scratch:
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(
            [_npm(), "pack", "--silent", "--pack-destination", scratch, spec],
            cwd=scratch,
            env=environment,
            capture_output=True,
            text=True,
        )
        archives = list(Path(scratch).glob("*.tgz"))
        if done.returncode or len(archives) != 1:
            raise VendorError(
                f"could not fetch {spec} from the npm registry, and {target} does not hold it. "
                "Connect to the network once and run the command again (a registry of your own is set with "
                "`npm config set registry ADDRESS`); afterwards everything works offline. "
                f"npm said: {done.stderr.strip() or 'nothing'}"
            )
        unpacked = Path(scratch) / "kept"
        with tarfile.open(archives[0]) as archive:
            wanted = [m for m in archive.getmembers() if m.isfile() and _is_kept(package, m.name)]
            for member in wanted:
                member.name = member.name.split("/", 1)[1]
                archive.extract(member, unpacked, filter="data")
        missing = [name for name in package.keep if not any(unpacked.glob(name))]
        if missing:
            raise VendorError(f"{spec} does not hold {', '.join(missing)}; check PACKAGES in {__file__}")
        shutil.rmtree(target, ignore_errors=True)
        try:
            unpacked.rename(target)
        except OSError:
            # Another process may have been quicker; its copy is as good as ours.
            if _version_in(target) != package.version:
                raise


def _is_kept(package: Package, path: str) -> bool:
    """Whether a file of the archive (``package/...``) is kept."""
    inside = path.split("/", 1)[1]
    is_licence = "/" not in inside and "licen" in inside.lower()
    is_about = inside == "package.json"  # holds the version; requirejs states its licence only there
    return (
        is_licence
        or is_about
        or any(fnmatch(inside, name) or inside.startswith(f"{name}/") for name in package.keep)
    )
