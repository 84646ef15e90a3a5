#!/usr/bin/env python3
"""Holds the layers: an include against their order fails, and so does a CMake file that says otherwise.

- A file under src/LAYER, and a test under tests/LAYER, includes its own layer and those before it.
- Includes are written by path from src (or include, or tests), never relative to the file.
- The public headers under include/hearth include each other and the standard library alone.
- `hearth_layer(NAME USES ...)` lists exactly the layers that the folder includes; so does the program of src/cli,
  in `target_link_libraries(hearth ...)`.
- src/CMakeLists.txt and tests/CMakeLists.txt go through the layers in their order.
"""

import re
import sys

import tree

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
SOURCES = (".h", ".cpp", ".inc")


def includes(text):
    """(line number, quoted?, path) of every include."""
    for match in INCLUDE.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match[1] == '"', match[2]


def check_include(root, path, line, quoted, target):
    """The layer that is included, or None, and a complaint or None."""
    here = f"{path}:{line}: #include \"{target}\""
    top, first = path.parts[0], target.split("/")[0]
    owner = path.parts[1] if len(path.parts) > 2 else ""
    if not quoted:
        if (root / "src" / target).is_file() or (root / "include" / target).is_file():
            return None, f"{here}: our own headers are included with quotes"
        return None, None
    if ".." in target.split("/") or target.startswith("/"):
        return None, f"{here}: write the path from src"
    if top == "include":
        if first != "hearth" or not (root / "include" / target).is_file():
            return None, f"{here}: a public header includes only public headers and the standard library"
        return None, None
    homes = ["src", "include"] + (["tests"] if top == "tests" else [])
    if not any((root / home / target).is_file() for home in homes):
        return None, f"{here}: no such file under {', '.join(homes)}: write the path from there"
    if not (root / "src" / target).is_file():
        return None, None
    if first not in tree.LAYERS:
        return None, f"{here}: src/{first} is no layer of the list"
    if owner in tree.LAYERS and tree.LAYERS.index(first) > tree.LAYERS.index(owner):
        return first, f"{here}: {owner} comes before {first} and may not use it"
    return first, None


def cmake_call(text, function):
    """The words of the first call of a CMake function in the text, comments left out; None where there is none."""
    text = re.sub(r"#.*", "", text)
    match = re.search(rf"\b{function}\s*\(([^)]*)\)", text)
    return match[1].split() if match else None


def section(words, name, names=("USES", "LIBRARIES")):
    """The words after `name` up to the next keyword."""
    found, inside = [], False
    for word in words:
        if word in names:
            inside = word == name
        elif inside:
            found.append(word)
    return found


def declared(layer, path):
    """The name and the layers that a layer's CMakeLists.txt states; None where it states nothing."""
    text = path.read_text() if path.is_file() else ""
    if words := cmake_call(text, "hearth_layer"):
        return words[0], set(section(words, "USES"))
    if words := cmake_call(text, "target_link_libraries"):
        return layer, {word.removeprefix("hearth_") for word in words if word.startswith("hearth_")}
    return None


def check_cmake(root, used):
    """Complaints about the CMake files, given the layers that each layer's files include."""
    found = []
    for layer, layers in sorted(used.items()):
        path = root / "src" / layer / "CMakeLists.txt"
        stated = declared(layer, path)
        if stated is None:
            found.append(f"src/{layer}: no CMakeLists.txt with hearth_layer({layer} ...)")
            continue
        name, uses = stated
        if name != layer:
            found.append(f"src/{layer}/CMakeLists.txt: hearth_layer({name} ...) should be named {layer}")
        for name in sorted(layers - uses):
            found.append(f"src/{layer}/CMakeLists.txt: {name} is included but not in USES")
        for name in sorted(uses - layers):
            found.append(f"src/{layer}/CMakeLists.txt: {name} is in USES but never included")
    for path in ("src/CMakeLists.txt", "tests/CMakeLists.txt"):
        text = (root / path).read_text() if (root / path).is_file() else ""
        match = re.search(r"foreach\s*\(\s*layer\s+([^)]*)\)", text)
        listed = [name for name in match[1].split() if name in tree.LAYERS] if match else []
        if listed != sorted(listed, key=tree.LAYERS.index):
            found.append(f"{path}: the layers are not in the order of tests/house/tree.py")
    return found


def violations(root):
    found, used = [], {}
    for path in tree.files(root, *SOURCES, under=("src", "include", "tests")):
        layer = path.parts[1] if path.parts[0] == "src" and len(path.parts) > 2 else None
        if path.parts[0] == "src" and layer not in tree.LAYERS:
            found.append(f"{path}: not inside a layer of the list ({' '.join(tree.LAYERS)})")
            continue
        if layer:
            used.setdefault(layer, set())
        for line, quoted, target in includes(tree.read(root, path)):
            included, complaint = check_include(root, path, line, quoted, target)
            if complaint:
                found.append(complaint)
            if layer and included and included != layer:
                used[layer].add(included)
    return found + check_cmake(root, used)


if __name__ == "__main__":
    sys.exit(tree.main(violations))
