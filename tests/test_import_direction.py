"""The house's one-way street: a module imports from its own room or a lower floor, never upwards nor in a circle."""

import ast
import graphlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from support.paths import ROOT

PACKAGE = ROOT / "esrgan_tf"
FLOORS = {
    "errors": 0,
    "compat": 0,
    "cpu": 0,
    "cache": 0,
    "log": 0,
    "atomic": 1,
    "digest": 1,
    "lock": 1,
    "metadata": 1,
    "recipes": 1,
    "image": 2,
    "metrics": 3,
    "losses": 4,
    "models": 4,
    "data": 5,
    "zoo": 5,
    "formats": 6,
    "training": 7,
    "export": 7,
    "inference": 8,
    "evaluation": 9,
    "serving_client": 9,
    "bulk": 9,
    "video": 9,
    "demo": 9,
    "commands": 10,
    "__main__": 10,
}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file."""
    return imported_by(ast.walk(ast.parse(path.read_text())), path)


def imports_at_once(path: Path) -> set[str]:
    """Every module that is imported when the file is: not those of its functions, nor for type checkers alone."""
    return imported_by(run_at_once(ast.parse(path.read_text())), path)


def imported_by(nodes: Iterable[ast.AST], path: Path) -> set[str]:
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def run_at_once(node: ast.AST) -> Iterator[ast.AST]:
    """A node and the nodes in it that run with it."""
    yield node
    for child in ast.iter_child_nodes(node):
        for_type_checkers = isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING")
        if not for_type_checkers and not isinstance(child, ast.FunctionDef | ast.Lambda):
            yield from run_at_once(child)


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def circle(files: Iterable[Path]) -> list[str]:
    """The names of modules that import each other in a circle; empty where none do."""
    graph = {module_name(path): imports_at_once(path) - {module_name(path)} for path in files}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def test_every_room_has_a_floor():
    assert {room(path) for path in MODULES} == set(FLOORS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_imports_only_its_own_room_and_lower_floors(path):
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "esrgan_tf" and len(parts) > 1 and parts[1] in FLOORS:
            here, other = room(path), parts[1]
            assert here == other or FLOORS[other] < FLOORS[here], f"{path.name} imports {name}"


@pytest.mark.parametrize(
    "path",
    [p for p in MODULES if room(p) in ("models", "losses") or p.stem == "ms_ssim"],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_models_and_losses_run_on_every_keras_backend(path):
    assert not {name for name in imports(path) if name.split(".")[0] in ("tensorflow", "jax", "torch")}


@pytest.mark.parametrize("path", [p for p in MODULES if room(p) == "recipes"], ids=lambda path: path.name)
def test_recipes_need_no_array_library(path):
    assert not {name for name in imports(path) if name.split(".")[0] in ("tensorflow", "keras", "numpy")}


@pytest.mark.parametrize(
    "path", [p for p in MODULES if room(p) != "commands"], ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_flags_never_leave_the_commands(path):
    assert not {name for name in imports(path) if name.split(".")[0] == "absl"}


def test_no_modules_import_each_other_in_a_circle():
    assert circle(PACKAGE.rglob("*.py")) == []


@pytest.mark.parametrize(
    ("last", "found"),
    [
        ("from esrgan_tf.data import first", True),
        ("from esrgan_tf.data.first import something", True),
        ("class C:\n    import esrgan_tf.data.first", True),
        ("def f():\n    from esrgan_tf.data import first", False),
        ("if TYPE_CHECKING:\n    from esrgan_tf.data import first", False),
        ("import esrgan_tf.data.third", False),
    ],
)
def test_a_circle_inside_a_room_is_seen(tmp_path, monkeypatch, last, found):
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path / "esrgan_tf")
    texts = {"first": "import esrgan_tf.data.second", "second": "from esrgan_tf.data import third", "third": last}
    (tmp_path / "esrgan_tf/data").mkdir(parents=True)
    for name, text in texts.items():
        (tmp_path / f"esrgan_tf/data/{name}.py").write_text(text)
    names = {f"esrgan_tf.data.{name}" for name in texts}
    assert set(circle((tmp_path / "esrgan_tf").rglob("*.py"))) == (names if found else set())
