// Any bytes as the body of a request for embeddings or a ranking: read or refused with an Error that has a
// 400 status.
#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "fuzz/use_bytes.h"
#include "server/api/encoding_request.h"

using namespace hearth::server;

namespace {

template <typename Work>
void must_read_or_refuse(Work&& work) {
  try {
    work();
  } catch (const hearth::Error& error) {
    if (error.info().http_status != 400) __builtin_trap();
    hearth::fuzz::use_text(error.what());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  must_read_or_refuse([&] {
    const EmbeddingRequest request = parse_embedding_request(body);
    if (request.inputs.empty() || request.inputs.size() > kMostTexts) __builtin_trap();
    if (request.dimensions && *request.dimensions < 1) __builtin_trap();
    hearth::fuzz::use_text(ignored_header(request.ignored));
  });
  must_read_or_refuse([&] {
    const RerankRequest request = parse_rerank_request(body);
    if (request.documents.empty() || request.documents.size() > kMostTexts) __builtin_trap();
    if (request.most_results < 1 || request.most_results > request.documents.size()) __builtin_trap();
    for (const std::string& document : request.documents) hearth::fuzz::use_text(document);
  });
  return 0;
}
