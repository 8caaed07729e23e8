"""The stubs say what the module has, and every public name says what it is."""

import ast
import inspect
from pathlib import Path

import asma
from asma import _asma

PACKAGE = Path(asma.__file__).parent


def test_the_stubs_name_what_the_module_has():
    stubs = ast.parse((PACKAGE / "_asma.pyi").read_text())
    named = {}
    for node in stubs.body:
        if isinstance(node, ast.ClassDef):
            named[node.name] = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
        elif isinstance(node, ast.FunctionDef):
            named[node.name] = set()
    found = {
        name: {part for part in vars(value) if not part.startswith("__") or part == "__new__"}
        if inspect.isclass(value)
        else set()
        for name, value in vars(_asma).items()
        if not name.startswith("__") and name != "Options"
    }
    for name, parts in found.items():
        assert named[name] - {"__new__"} == parts - {"__new__"}, name
    assert set(named) == set(found)


def test_every_public_name_is_documented():
    for name in asma.__all__:
        value = getattr(asma, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, name
        if inspect.isfunction(value):
            assert "return" in inspect.get_annotations(value), name
    assert (PACKAGE / "py.typed").exists()
