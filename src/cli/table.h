// Rows of text in columns, as verbs print them.
#pragma once

#include <string>
#include <vector>

namespace hearth::cli {

using TableRow = std::vector<std::string>;

// To stdout: columns as wide as their widest cell; the last one is free. REQUIRES: all rows are as long.
void print_table(const std::vector<TableRow>& rows);

}  // namespace hearth::cli
