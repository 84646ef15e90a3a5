# Writes OUTPUT, a C++ file with FUNCTION, declared in HEADER: each of FILES as bytes with its name and the first digits of its SHA-256.
set(arrays "")
set(rows "")
set(index 0)
foreach(path ${FILES})
  file(READ ${path} hex HEX)
  file(SHA256 ${path} digest)
  string(SUBSTRING ${digest} 0 16 digest)
  get_filename_component(name ${path} NAME)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND arrays "constexpr unsigned char kBytes${index}[] = {${bytes}};\n")
  string(APPEND rows "    {\"${name}\", \"${digest}\", {reinterpret_cast<const char*>(kBytes${index}), sizeof(kBytes${index})}},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE ${OUTPUT} "// Made by embed_files.cmake.
#include \"${HEADER}\"

namespace hearth::server {
namespace {
${arrays}}  // namespace

std::span<const WebFile> ${FUNCTION}() {
  static const WebFile kFiles[] = {
${rows}  };
  return kFiles;
}

}  // namespace hearth::server
")
