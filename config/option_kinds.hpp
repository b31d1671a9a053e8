#pragma once
// How an option of each kind is read and shown; for the option table alone.

#include <algorithm>
#include <charconv>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "config/options.hpp"
#include "config/units.hpp"

namespace kmux::config::kinds {

using words = std::vector<std::string>;
using kind = option::kind;
using check = std::function<std::string(const std::string&)>;

inline std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

/// A function from config to the member that an option means.
template <class T>
using access = T& (*)(config&);

template <class T>
const T& read(access<T> member, const config& c) {
  return member(const_cast<config&>(c));  // the accessor itself changes nothing
}

inline option text(std::string key, bool reload, access<std::string> member, std::string help,
                   check valid = {}) {
  return {std::move(key),
          kind::text,
          reload,
          std::move(help),
          [member, valid](config& c, const words& w) {
            if (const auto wrong = valid ? valid(w.front()) : ""; !wrong.empty()) return wrong;
            member(c) = w.front();
            return std::string();
          },
          [member](const config& c) { return quoted(read(member, c)); }};
}

/// The only values that a text may have.
struct one_of {
  words allowed;

  std::string operator()(const std::string& value) const {
    if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return {};
    std::string out = "write one of:";
    for (const auto& each : allowed)
      out += " " + each;
    return out;
  }
};

inline option text(std::string key, bool reload, access<std::string> member, std::string help,
                   one_of valid) {
  option out = text(std::move(key), reload, member, std::move(help), check(valid));
  out.choices = std::move(valid.allowed);
  return out;
}

inline option list(std::string key, bool reload, access<words> member, std::string help,
                   check valid = {}) {
  return {std::move(key),
          kind::list,
          reload,
          std::move(help),
          [member, valid](config& c, const words& w) {
            for (const auto& each : w) {
              if (const auto wrong = valid ? valid(each) : ""; !wrong.empty()) {
                return quoted(each) + ": " + wrong;
              }
            }
            member(c) = w;
            return std::string();
          },
          [member](const config& c) {
            std::string out;
            for (const auto& each : read(member, c))
              out += (out.empty() ? "" : ", ") + quoted(each);
            return "[" + out + "]";
          }};
}

inline option boolean(std::string key, bool reload, access<bool> member, std::string help) {
  return {std::move(key),
          kind::boolean,
          reload,
          std::move(help),
          [member](config& c, const words& w) {
            if (w.front() != "true" && w.front() != "false")
              return std::string("write true or false");
            member(c) = w.front() == "true";
            return std::string();
          },
          [member](const config& c) { return std::string(read(member, c) ? "true" : "false"); },
          {"true", "false"}};
}

template <class T>
option number(std::string key, bool reload, access<T> member, T most, std::string help) {
  return {
      std::move(key),
      kind::number,
      reload,
      std::move(help),
      [member, most](config& c, const words& w) {
        unsigned long long value = 0;
        const char* const end = w.front().data() + w.front().size();
        const auto [stop, failed] = std::from_chars(w.front().data(), end, value);
        if (failed != std::errc{} || stop != end || value > static_cast<unsigned long long>(most)) {
          return "write a whole number from 0 to " + std::to_string(most);
        }
        member(c) = static_cast<T>(value);
        return std::string();
      },
      [member](const config& c) { return std::to_string(read(member, c)); }};
}

inline option bytes(std::string key, access<std::size_t> member, std::size_t least,
                    std::string help) {
  return {std::move(key),
          kind::size,
          true,
          std::move(help),
          [member, least](config& c, const words& w) {
            const auto value = parse_size(w.front());
            if (!value) return std::string("write a size such as 512KiB or 64MiB");
            if (*value < least) return "it must be at least " + show_size(least);
            member(c) = *value;
            return std::string();
          },
          [member](const config& c) { return quoted(show_size(read(member, c))); }};
}

inline option duration(std::string key, access<milliseconds> member, milliseconds least,
                       std::string help) {
  return {std::move(key),
          kind::duration,
          true,
          std::move(help),
          [member, least](config& c, const words& w) {
            const auto value = parse_duration(w.front());
            if (!value) return std::string("write a time such as 250ms, 30s or 1.5h");
            if (*value < least) return "it must be at least " + show_duration(least);
            member(c) = *value;
            return std::string();
          },
          [member](const config& c) { return quoted(show_duration(read(member, c))); }};
}

}  // namespace kmux::config::kinds
