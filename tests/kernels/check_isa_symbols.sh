#!/bin/sh
# Fails where a file compiled for an instruction set defines a symbol that the linker may merge with another
# file's (weak, unique or common), or exports anything but its own kernel table.
# Usage: check_isa_symbols.sh NM LIBRARY
set -eu
nm=$1
library=$2
found=0
status=0
for isa in baseline avx2 avxvnni avx512 avx512bf16 amx; do
  symbols=$("$nm" --defined-only "$library" 2>/dev/null |
    awk -v member="kernels_$isa.cpp.o:" '/:$/ { inside = ($0 == member); next } inside && NF == 3')
  [ -n "$symbols" ] || { echo "no symbols of kernels_$isa.cpp in $library"; exit 1; }
  found=$((found + 1))
  # Lower-case letters are local to the file; of the others only the table is wanted.
  leaked=$(echo "$symbols" | awk '$2 ~ /[A-Zuvw]/ && tolower($3) !~ /k(baseline|avx2|avxvnni|avx512|avx512bf16|amx)kernels/')
  if [ -n "$leaked" ]; then
    echo "kernels_$isa.cpp shares symbols with other files:"
    echo "$leaked"
    status=1
  fi
done
echo "$found files looked at"
exit $status
