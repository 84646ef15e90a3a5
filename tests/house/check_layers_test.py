"""check_layers passes the tree as it is, and notices each thing that it is there for."""

import check_layers
import pytest
import tree


def test_the_tree_keeps_its_layers():
    found = check_layers.violations(tree.ROOT)
    assert not found, "\n".join(found)


def test_a_clean_small_tree_passes(small_tree):
    assert check_layers.violations(small_tree.root) == []


@pytest.mark.parametrize(
    ("path", "text", "complaint"),
    [
        ("src/base/log.h", '#include "tensor/shape.h"\n', "base comes before tensor"),
        ("src/tensor/view.h", '#include "shape.h"\n', "write the path from there"),
        ("src/tensor/view.h", '#  include "../base/error.h"\n', "write the path from src"),
        ("src/tensor/view.h", '#include "/usr/include/zlib.h"\n', "write the path from src"),
        ("src/tensor/view.h", "#include <base/error.h>\n", "included with quotes"),
        ("src/tensor/view.h", '#include "base/missing.h"\n', "no such file"),
        ("src/novel/thing.h", "// A layer nobody knows.\n", "not inside a layer"),
        ("src/thing.cpp", "int main() {}\n", "not inside a layer"),
        ("include/hearth/hearth.h", '#include "base/error.h"\n', "a public header includes only"),
        ("tests/base/error_test.cpp", '#include "tensor/shape.h"\n', "base comes before tensor"),
        ("src/tensor/CMakeLists.txt", "hearth_layer(tensor)\n", "base is included but not in USES"),
        ("src/tensor/CMakeLists.txt", "hearth_layer(shapes USES base)\n", "should be named tensor"),
        ("src/base/CMakeLists.txt", "hearth_layer(base USES tensor)\n", "in USES but never included"),
        ("src/base/CMakeLists.txt", "# hearth_layer(base)\n", "no CMakeLists.txt with hearth_layer"),
        ("src/tensor/CMakeLists.txt", "target_link_libraries(hearth PRIVATE fmt::fmt)\n", "base is included but not"),
        ("src/CMakeLists.txt", "foreach(layer tensor base)\nendforeach()\n", "not in the order"),
    ],
)
def test_a_violation_is_noticed(small_tree, path, text, complaint):
    small_tree.write(path, text)
    found = check_layers.violations(small_tree.root)
    assert any(complaint in line and line.startswith(path.rsplit("/CMakeLists.txt")[0]) for line in found), found
