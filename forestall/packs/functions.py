"""A pack's Python: its tools, its resources, and the text that enters the digest."""

import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from contracts import digest
from forestall.packs.mistakes import Mistake, nearest, shown
from tools import Catalogue, Tool, WrongDeclaration

Resources = Callable[[Path], Mapping[str, Any]]


def no_resources(home: Path) -> Mapping[str, Any]:  # noqa: ARG001
    """What a pack without `resources(home)` gives its tools."""
    return {}


@dataclass(frozen=True, slots=True)
class Functions:
    """What `tools:` brought in. `sources` maps each Python file, relative to the first, to its text."""

    catalogue: Catalogue
    resources: Resources
    sources: Mapping[str, str]


NO_FUNCTIONS = Functions(Catalogue([]), no_resources, {})


class FunctionsFault(Exception):
    """The pack's Python cannot be used; `mistakes` says why."""

    def __init__(self, *mistakes: Mistake) -> None:
        super().__init__(*map(str, mistakes))
        self.mistakes = mistakes


def load_functions(where: str, folder: Path, declared: Mistake) -> Functions:
    """Import `where`: a file relative to the pack (it ends in `.py`), else a module that is installed.

    A file is imported under a private name, so that two packs may both have a `tools.py`. `declared` is a mistake at
    the line that names it, to be completed.

    Raises:
        FunctionsFault: it is not there, cannot be imported, or declares tools that contradict each other.
    """
    file = folder / where if where.endswith(".py") else _module_file(where, declared)
    if not file.is_file():
        raise FunctionsFault(_completed(declared, where, f"no such file in {folder}; correct the name or remove it"))
    module = _import_file(file) if where.endswith(".py") else _guarded(lambda: importlib.import_module(where), file)
    resources = getattr(module, "resources", no_resources)
    if not callable(resources):
        raise FunctionsFault(_at(file, "resources", "must be a function of the home folder; write def resources(home)"))
    return Functions(_catalogue(module, file), resources, _sources(file))


def _completed(declared: Mistake, value: str, rule: str) -> Mistake:
    return Mistake(declared.file, declared.line, declared.field, repr(value), rule)


def _at(file: Path, name: str, rule: str, line: int = 1) -> Mistake:
    return Mistake(file, line, name, "", rule)


def _module_file(name: str, declared: Mistake) -> Path:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None:
        rule = "no such module is installed; for a file of the pack write its name with .py"
        raise FunctionsFault(_completed(declared, name, rule))
    return Path(spec.origin)


def _import_file(file: Path) -> ModuleType:
    name = f"_forestall_pack_{digest(str(file.resolve()))[:12]}"
    for old in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
        del sys.modules[old]
    beside = [str(file.parent)] if file.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=beside)
    if spec is None or spec.loader is None:
        raise FunctionsFault(_at(file, "", "cannot be imported; it must be a Python file"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader = spec.loader

    def run() -> ModuleType:
        loader.exec_module(module)
        return module

    return _guarded(run, file)


def _guarded(load: Callable[[], ModuleType], file: Path) -> ModuleType:
    try:
        return load()
    except (Exception, SystemExit) as error:
        raise FunctionsFault(_import_fault(file, error)) from error


def _import_fault(file: Path, error: BaseException) -> Mistake:
    """The line of the pack's own code that failed, not of a library below it."""
    if isinstance(error, SyntaxError) and error.filename:
        return _at(_as_given(file, error.filename), "", f"{error.msg}; correct the Python", error.lineno or 1)
    folder = Path(os.path.abspath(file.parent))
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if folder in Path(frame.filename).parents]
    where, line = (_as_given(file, frames[-1].filename), frames[-1].lineno or 1) if frames else (file, 1)
    if isinstance(error, WrongDeclaration):
        return _declared_wrong(error, where, line)
    advice = "install it into the environment" if isinstance(error, ModuleNotFoundError) else "correct the Python"
    return _at(where, "", f"{type(error).__name__}: {error}; {advice}", line)


def _as_given(file: Path, name: str) -> Path:
    """A file of the pack, named as the pack was named; Python knows it by its absolute path."""
    folder, found = Path(os.path.abspath(file.parent)), Path(os.path.abspath(name))
    return file.parent / found.relative_to(folder) if found.is_relative_to(folder) else found


def _declared_wrong(error: WrongDeclaration, file: Path, line: int) -> Mistake:
    told = "" if error.value == "" else shown(error.value)
    rule = f"{error.rule}; {nearest(error.value, error.known)}" if error.known else error.rule
    return Mistake(file, line, error.field, told, rule)


def _catalogue(module: ModuleType, file: Path) -> Catalogue:
    found = {id(value): value for value in vars(module).values() if isinstance(value, Tool)}
    names: set[str] = set()
    for each in found.values():
        if each.name in names:
            raise FunctionsFault(_at(file, each.name, "two tools have this name; rename one"))
        names.add(each.name)
    try:
        return Catalogue(sorted(found.values(), key=lambda each: each.name))
    except WrongDeclaration as error:
        where = file if error.file is None else _as_given(file, error.file)
        raise FunctionsFault(_declared_wrong(error, where, error.line)) from error


def _sources(file: Path) -> Mapping[str, str]:
    """The file; for a package (`__init__.py`), every Python file in it."""
    files = sorted(file.parent.rglob("*.py")) if file.name == "__init__.py" else [file]
    return {each.relative_to(file.parent).as_posix(): each.read_text(encoding="utf-8") for each in files}
