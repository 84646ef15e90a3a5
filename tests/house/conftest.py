"""A small tree of files that a test can spoil, to see that the check notices."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))


class SmallTree:
    def __init__(self, root):
        self.root = root

    def write(self, path, text):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target


@pytest.fixture
def small_tree(tmp_path):
    """Two layers and a public header that keep every rule."""
    tree = SmallTree(tmp_path)
    tree.write("src/CMakeLists.txt", "foreach(layer base tensor kernels)\nendforeach()\n")
    tree.write("tests/CMakeLists.txt", "foreach(layer base tensor kernels house)\nendforeach()\n")
    tree.write("src/base/CMakeLists.txt", "hearth_layer(base LIBRARIES fmt::fmt)\n")
    tree.write("src/base/error.h", "// Errors.\n#pragma once\n\n#include <string>\n")
    tree.write("src/tensor/CMakeLists.txt", "# Shapes.\nhearth_layer(tensor USES base LIBRARIES fmt::fmt)\n")
    tree.write("src/tensor/shape.h", '// Shapes.\n#pragma once\n\n#include "base/error.h"\n')
    tree.write("include/hearth/hearth.h", "// The public API.\n#pragma once\n\n#include <memory>\n")
    tree.write("tests/tensor/shape_test.cpp", '#include "tensor/shape.h"\n')
    return tree
