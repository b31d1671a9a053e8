#pragma once
// Strings as execve(2) and posix_spawn(3) want them.

#include <string>
#include <vector>

#include "protocol/kernelspec.hpp"

namespace kmux {

/// Owns the strings, and the array of pointers to them that ends with a null pointer. Made before a
/// fork: after one, nothing may be allocated.
class exec_strings {
public:
  explicit exec_strings(std::vector<std::string> strings) : strings_(std::move(strings)) {
    pointers_.reserve(strings_.size() + 1);
    for (auto& each : strings_)
      pointers_.push_back(each.data());
    pointers_.push_back(nullptr);
  }
  exec_strings(exec_strings&&) = delete;
  exec_strings& operator=(exec_strings&&) = delete;

  char* const* get() const noexcept { return pointers_.data(); }

private:
  std::vector<std::string> strings_;
  std::vector<char*> pointers_;
};

/// NAME=VALUE each.
inline std::vector<std::string> assignments(const environment& env) {
  std::vector<std::string> out;
  out.reserve(env.size());
  for (const auto& [name, value] : env)
    out.push_back(name + "=" + value);
  return out;
}

}  // namespace kmux
