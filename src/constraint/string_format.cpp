#include "constraint/string_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>

namespace hearth::constraint {
namespace {

std::string whole(const std::string& pattern) { return fmt::format("^(?:{})$", pattern); }

std::map<std::string, std::string, std::less<>> make_patterns() {
  const std::string year = R"((?:[1-9]\d{3}|0[1-9]\d\d|00[1-9]\d|000[1-9]))";
  const std::string fours = "(?:0[48]|[2468][048]|[13579][26])";  // two digits, not 00
  const std::string leap_year = fmt::format(R"((?:\d\d{0}|{0}00))", fours);
  const std::string month_and_day =
      R"((?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8])))";
  const std::string date = fmt::format("(?:{}-{}|{}-02-29)", year, month_and_day, leap_year);
  const std::string clock = R"((?:[01]\d|2[0-3]):[0-5]\d)";
  const std::string time = fmt::format(R"({0}:[0-5]\d(?:\.\d{{1,6}})?(?:Z|[+-]{0}))", clock);
  const std::string label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
  const std::string hostname = fmt::format(R"({0}(?:\.{0}){{0,3}})", label);
  const std::string atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}";
  const std::string byte = R"((?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d))";
  const std::string ipv4 = fmt::format(R"({0}(?:\.{0}){{3}})", byte);
  const std::string group = "[0-9A-Fa-f]{1,4}";
  std::string ipv6 = fmt::format("(?:{0}:){{7}}{0}|::|(?:{0}:){{1,7}}:", group);
  // One gap behind `before` groups.
  for (int before = 0; before <= 6; ++before)
    ipv6 += before == 0 ? fmt::format("|:(?::{}){{1,7}}", group)
                        : fmt::format("|(?:{0}:){{{1}}}(?::{0}){{1,{2}}}", group, before, 7 - before);
  const std::string pointer = "(?:/(?:[^~/]|~[01])*)*";
  const std::string character = R"((?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2}))";
  const std::string path = fmt::format("(?:/{}*)*", character);
  const std::string rest = fmt::format(R"((?:\?(?:{0}|[/?])*)?(?:#(?:{0}|[/?])*)?)", character);
  const std::string scheme = "[A-Za-z][A-Za-z0-9+.-]{0,20}";
  const std::string authority = fmt::format(R"(//{}(?::\d{{1,5}})?{})", hostname, path);
  const std::string seconds = R"((?:\d{1,9}S))", minutes = fmt::format(R"((?:\d{{1,9}}M{}?))", seconds);
  const std::string clock_parts = fmt::format(R"((?:T(?:\d{{1,9}}H{0}?|{0}|{1})))", minutes, seconds);
  const std::string days = R"((?:\d{1,9}D))", months = fmt::format(R"((?:\d{{1,9}}M{}?))", days);
  const std::string calendar = fmt::format(R"((?:\d{{1,9}}Y{0}?|{0}|{1}))", months, days);
  const std::string email = fmt::format(R"({0}(?:\.{0}){{0,3}}@{1})", atom, hostname);
  const std::string uri = fmt::format("{}:(?:{}|/?(?:{}+{})?){}", scheme, authority, character, path, rest);
  const std::string uri_reference =
      fmt::format("(?:(?:{}:)?{}|(?:/{}+)*){}", scheme, authority, character, rest);
  return {
      {"date", whole(date)},
      {"time", whole(time)},
      {"date-time", whole(fmt::format("{}T{}", date, time))},
      {"duration", whole(fmt::format(R"(P(?:{0}{1}?|{1}|\d{{1,9}}W))", calendar, clock_parts))},
      {"email", whole(email)},
      {"hostname", whole(hostname)},
      {"ipv4", whole(ipv4)},
      {"ipv6", whole(ipv6)},
      {"uuid", whole("[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")},
      {"uri", whole(uri)},
      {"uri-reference", whole(uri_reference)},
      {"json-pointer", whole(pointer)},
      {"relative-json-pointer", whole(fmt::format("(?:0|[1-9]\\d{{0,8}})(?:#|{})", pointer))},
      {"idn-email", whole(email)},
      {"idn-hostname", whole(hostname)},
      {"iri", whole(uri)},
      {"iri-reference", whole(uri_reference)},
      {"uri-template", whole(R"((?:[A-Za-z0-9._~/:-]|\{[A-Za-z_][A-Za-z0-9_]*\})*)")},
      // What every dialect reads.
      {"regex", whole(R"(\^?(?:(?:[A-Za-z0-9 _,:;@#%&=~'"<>!/.-]|\\[dDsSwW.*+?\\/^$|()[\]{}])"
                      R"(|\[\^?(?:0-9|a-z|A-Z|[A-Za-z0-9_ .])+\])[*+?]?)*\$?)")},
  };
}

}  // namespace

std::string_view pattern_of_format(std::string_view format) {
  static const auto patterns = make_patterns();
  const auto found = patterns.find(format);
  return found == patterns.end() ? std::string_view{} : std::string_view(found->second);
}

}  // namespace hearth::constraint
