#pragma once
// Errors of everything that parses what came from outside. They are values: nothing that a client
// or a kernel sends is an exception.

#include <stdexcept>
#include <string>
#include <string_view>

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>

namespace kmux {

/// What was wrong, without allocation: the hot path returns this alone.
enum class errc {
  ok = 0,
  truncated,        ///< ends before it should
  no_delimiter,     ///< no <IDS|MSG> frame
  bad_signature,    ///< HMAC does not match
  replayed,         ///< a signature that was seen before
  too_many,         ///< more frames, buffers or identities than the limit
  too_large,        ///< longer than the limit
  bad_json,         ///< not JSON, or nested beyond reason
  bad_utf8,         ///< text that is not UTF-8
  not_an_object,    ///< JSON, but not an object
  missing_field,    ///< a field that must be there is not
  bad_field,        ///< a field has the wrong type or value
  bad_offset,       ///< an offset points outside, or backwards
  unknown_channel,  ///< not shell, control, stdin or iopub
  not_found,        ///< no such file or name
  io,               ///< the operating system said no
  exhausted,        ///< it has no more descriptors or memory for us, now
  refused,          ///< not allowed to whoever asks
};

/// Of errno's values: not_found, exhausted or io.
errc errc_of(int number) noexcept;

/// One short English phrase, e.g. "bad signature".
std::string_view to_string(errc) noexcept;

/// A code with what a person needs to mend it. `detail` never holds keys, tokens or user code.
struct error {
  errc code = errc::ok;
  std::string detail;
};

[[noreturn]] void throw_exception_from_error(const error&, const boost::source_location&);

template <class T>
using result = boost::system::result<T, error>;

}  // namespace kmux
