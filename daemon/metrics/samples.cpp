#include "daemon/metrics/samples.hpp"

#include <iterator>

#include <fmt/format.h>

namespace kmux::daemon {

namespace {

void append_quoted(std::string& out, std::string_view value) {
  out += '"';
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  out += '"';
}

template <class Value>
void append_value(std::string& out, Value value) {
  fmt::format_to(std::back_inserter(out), " {}\n", value);
}

}  // namespace

void samples::begin() {
  if (std::exchange(begun_, true)) return;
  for (const auto& [what, text] : {std::pair("HELP", help_), std::pair("TYPE", type_)}) {
    fmt::format_to(std::back_inserter(out_), "# {} {} {}\n", what, name_, text);
  }
}

void samples::write_name(std::string_view suffix, labels all) {
  begin();
  out_ += name_;
  out_ += suffix;
  if (all.size() == 0) return;
  char before = '{';
  for (const auto& [name, value] : all) {
    out_ += std::exchange(before, ',');
    out_ += name;
    out_ += '=';
    append_quoted(out_, value);
  }
  out_ += '}';
}

void samples::add(labels all, std::uint64_t value) {
  write_name("", all);
  append_value(out_, value);
}

void samples::add(labels all, double value) {
  write_name("", all);
  append_value(out_, value);
}

void samples::add(const histogram& h) {
  std::uint64_t so_far = 0;
  for (std::size_t i = 0; i < h.counts().size(); ++i) {
    so_far += h.counts()[i];
    const auto bound = i < histogram::bounds.size() ? fmt::to_string(histogram::bounds[i]) : "+Inf";
    write_name("_bucket", {{"le", bound}});
    append_value(out_, so_far);
  }
  write_name("_sum", {});
  append_value(out_, h.sum());
  write_name("_count", {});
  append_value(out_, so_far);
}

}  // namespace kmux::daemon
