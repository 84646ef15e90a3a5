#include "base/nearest_name.h"

#include <algorithm>

namespace hearth {
namespace {

// The distance of optimal string alignment (Boytsov 2011): Levenshtein's, and two neighbours swapped count
// one.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> rows(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        rows[i][j] = i + j;
        continue;
      }
      const std::size_t changed = rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      rows[i][j] = std::min({rows[i - 1][j] + 1, rows[i][j - 1] + 1, changed});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
    }
  }
  return rows[a.size()][b.size()];
}

}  // namespace

std::string nearest_name(std::string_view written, const std::vector<std::string>& names) {
  std::string nearest;
  std::size_t least = 0;
  for (const std::string& name : names) {
    if (written.size() > 2 * name.size()) continue;  // a hostile key is long
    const std::size_t changes = distance(written, name);
    if (2 * changes >= name.size() || (!nearest.empty() && changes >= least)) continue;
    nearest = name;
    least = changes;
  }
  return nearest;
}

}  // namespace hearth
