"""The map of the house, held: who may import whom, and how long a file may grow."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "doorctl"
ADAPTERS = {"camera", "vision", "enrol", "gpio", "store", "models"}
LEVELS = [
    {"errors"},
    {"core"},
    ADAPTERS,
    {"daemon"},
    {"app", "config", "sections", "clashes", "setting_types", "pin_sections", "access_section"},
    {"bench", "demo", "evaluation", "report"},
    {"cli"},
    {"__main__"},
]
IMPURE = {"cv2", "logging", "os", "pathlib", "random", "secrets", "socket", "sqlite3", "threading", "time"}


CONFIGURATION = tuple(f"doorctl.{name}" for name in ("config", "sections", "pin_sections", "access_section"))


def imports(file: Path) -> set[str]:
    """Every module that the file imports, wherever in it, by dotted name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def part(module: str) -> str:
    """'doorctl.vision.mesh.Mesh' -> 'vision'."""
    return module.split(".")[1] if "." in module else ""


def level(name: str) -> int:
    return next((i for i, names in enumerate(LEVELS) if name in names), -1)


def test_imports_run_downward_only() -> None:
    """No part imports one above it, and the adapter packages do not know one another."""
    wrong = []
    for file in PACKAGE.rglob("*.py"):
        own = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for module in imports(file):
            if not module.startswith("doorctl.") or part(module) in {own, "__version__", "paths"}:
                continue
            beside = own in ADAPTERS and part(module) in ADAPTERS
            if level(part(module)) > level(own) or beside:
                wrong.append(f"{file.relative_to(PACKAGE)} imports {module}")
    assert wrong == []


def test_only_app_and_cli_know_the_configuration() -> None:
    """Everyone else is handed plain values."""
    knowing = {
        file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for file in PACKAGE.rglob("*.py")
        if any(module.startswith(CONFIGURATION) for module in imports(file))
    }
    assert knowing <= {"app", "cli", "evaluation", "config", "sections", "clashes"}


def test_the_core_is_pure() -> None:
    """The core imports no clock, file, thread, network, cv2 or logging."""
    impure = {
        f"{file.name} imports {module}"
        for file in (PACKAGE / "core").glob("*.py")
        for module in imports(file)
        if module.split(".")[0] in IMPURE and not module.startswith("pathlib.Path")
    }
    assert impure == set()


def test_files_stay_short() -> None:
    """A file above 300 lines holds two things."""
    long = [file.name for file in PACKAGE.rglob("*.py") if len(file.read_text().splitlines()) > 300]
    assert long == []
