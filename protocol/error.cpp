#include "protocol/error.hpp"

#include <cerrno>

namespace kmux {

errc errc_of(int number) noexcept {
  switch (number) {
    case ENOENT:
    case ESRCH:
      return errc::not_found;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return errc::exhausted;
    default:
      return errc::io;
  }
}

std::string_view to_string(errc e) noexcept {
  switch (e) {
    case errc::ok:
      return "ok";
    case errc::truncated:
      return "truncated";
    case errc::no_delimiter:
      return "no <IDS|MSG> delimiter";
    case errc::bad_signature:
      return "bad signature";
    case errc::replayed:
      return "replayed signature";
    case errc::too_many:
      return "too many parts";
    case errc::too_large:
      return "too large";
    case errc::bad_json:
      return "not JSON";
    case errc::bad_utf8:
      return "not UTF-8";
    case errc::not_an_object:
      return "not a JSON object";
    case errc::missing_field:
      return "a field is missing";
    case errc::bad_field:
      return "a field has the wrong type or value";
    case errc::bad_offset:
      return "an offset is wrong";
    case errc::unknown_channel:
      return "unknown channel";
    case errc::not_found:
      return "not found";
    case errc::io:
      return "input/output error";
    case errc::exhausted:
      return "out of descriptors or memory";
    case errc::refused:
      return "refused";
  }
  return "unknown error";
}

void throw_exception_from_error(const error& e, const boost::source_location&) {
  throw std::logic_error("unchecked error: " + e.detail);
}

}  // namespace kmux
