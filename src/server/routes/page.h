// The web page: files embedded in the program, each with a strict policy that lets it load nothing from
// elsewhere. Thread-safety: constant data and free functions.
#pragma once

#include <span>
#include <string_view>

#include "server/routes/router.h"

namespace hearth::server {

struct WebFile {
  std::string_view name, digest, content;
};
std::span<const WebFile> embedded_web_files();

// `GET /`: the chat.
void add_chat_page_route(Router& router);
// `GET /live`: what the server does now; and `GET /web/NAME`.
void add_live_page_routes(Router& router);

}  // namespace hearth::server
