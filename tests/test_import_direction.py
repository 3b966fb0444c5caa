"""The house's one-way street: a module imports from its own folder or a lower floor, never upwards."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "esrgan_tf"
FLOORS = {
    "description": 0,
    "errors": 0,
    "files": 0,
    "recipes": 0,
    "images": 0,
    "codecs": 0,
    "panels": 0,
    "reading": 0,
    "resize": 0,
    "models": 1,
    "losses": 1,
    "metrics": 1,
    "niqe": 1,
    "colors": 2,
    "comparison": 2,
    "data": 2,
    "weights": 2,
    "training": 3,
    "inference": 3,
    "evaluation": 4,
    "exporting": 4,
    "serving": 4,
    "commands": 5,
    "__main__": 5,
}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_every_room_has_a_floor():
    assert {room(path) for path in MODULES} == set(FLOORS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_imports_only_its_own_room_and_lower_floors(path):
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "esrgan_tf" and len(parts) > 1 and parts[1] in FLOORS:
            here, other = room(path), parts[1]
            ground = FLOORS[here] == FLOORS[other] == 0  # its files may build on each other
            assert here == other or FLOORS[other] < FLOORS[here] or ground, f"{path.name} imports {name}"


@pytest.mark.parametrize(
    "path", [p for p in MODULES if room(p) in ("models", "losses")], ids=lambda path: str(path.relative_to(PACKAGE))
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
