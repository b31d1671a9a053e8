#pragma once
// One metric's lines in Prometheus' text format.
// https://prometheus.io/docs/instrumenting/exposition_formats/

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/metrics/histogram.hpp"

namespace kmux::daemon {

/// Appends to a text; what a metric is, is said before its first value, and not at all where it has
/// none. Written by hand: of prometheus-cpp it would be the serializer alone, which takes a
/// microsecond for a line.
class samples {
public:
  using labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  samples(std::string& out, std::string_view name, std::string_view type, std::string_view help)
      : out_(out), name_(name), type_(type), help_(help) {}

  void add(labels, std::uint64_t value);
  void add(labels, double value);
  void add(std::uint64_t value) { add({}, value); }
  void add(double value) { add({}, value); }
  void add(const histogram&);

private:
  void begin();
  void write_name(std::string_view suffix, labels);

  std::string& out_;
  std::string_view name_, type_, help_;
  bool begun_ = false;
};

}  // namespace kmux::daemon
