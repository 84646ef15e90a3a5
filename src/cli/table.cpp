#include "cli/table.h"

#include <fmt/format.h>

#include <algorithm>

namespace hearth::cli {

void print_table(const std::vector<TableRow>& rows) {
  std::vector<std::size_t> widths(rows.at(0).size());
  for (const TableRow& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  for (const TableRow& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += i + 1 == row.size() ? row[i] : fmt::format("{:<{}}  ", row[i], widths[i]);
    while (line.ends_with(' ')) line.pop_back();
    fmt::print("{}\n", line);
  }
}

}  // namespace hearth::cli
