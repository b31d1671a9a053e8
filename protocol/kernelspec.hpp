#pragma once
// kernel.json, and what it says to run.
// https://jupyter-client.readthedocs.io/en/stable/kernels.html#kernel-specs

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/error.hpp"

namespace kmux {

using environment = std::map<std::string, std::string, std::less<>>;

struct kernelspec {
  std::vector<std::string> argv;  ///< templates unresolved
  std::string display_name;
  std::string language;
  std::string interrupt_mode = "signal";  ///< "signal" or "message"
  environment env;
  std::string metadata = "{}";  ///< JSON as written
  std::string kernel_protocol_version;
};

/// The detail names the member and what it should be.
result<kernelspec> parse_kernelspec(std::string_view json);

/// Kernelspec names: letters, digits, '.', '_', '-'. Compared without regard to case.
bool is_valid_kernelspec_name(std::string_view) noexcept;

struct template_values {
  std::string connection_file, resource_dir, prefix;
};

/// {connection_file}, {resource_dir} and {prefix} are replaced; other braces stay as they are.
std::vector<std::string> expand_argv(const std::vector<std::string>& argv, const template_values&);

/// `base` overlaid with `spec`, where $VAR and ${VAR} in spec's values come from `base` (an unknown
/// variable stays as written, as jupyter_client does); "$$" is a dollar sign.
environment expand_env(const environment& base, const environment& spec);

}  // namespace kmux
