#include "protocol/kernelspec.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "protocol/json_document.hpp"

namespace kmux {

namespace {

constexpr std::size_t most_arguments = 1000;

error bad(std::string_view member, std::string_view should) {
  return {errc::bad_field, fmt::format("kernel.json: \"{}\" must be {}", member, should)};
}

constexpr bool is_name_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

void replace_all(std::string& in, std::string_view what, const std::string& with) {
  for (auto at = in.find(what); at != std::string::npos; at = in.find(what, at + with.size())) {
    in.replace(at, what.size(), with);
  }
}

std::string substitute(std::string_view text, const environment& variables) {
  std::string out;
  while (!text.empty()) {
    const auto dollar = text.find('$');
    out += text.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    text.remove_prefix(dollar);
    if (text.starts_with("$$")) {
      out += '$';
      text.remove_prefix(2);
      continue;
    }
    const bool braced = text.starts_with("${");
    const auto rest = text.substr(braced ? 2 : 1);
    const auto end = std::find_if_not(rest.begin(), rest.end(), is_name_char);
    const auto name = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
    const bool closed = !braced || (end != rest.end() && *end == '}');
    const std::size_t length = name.size() + (braced ? 3 : 1);
    const auto found = closed && !name.empty() ? variables.find(name) : variables.end();
    if (found == variables.end()) {
      out += '$';
      text.remove_prefix(1);
    } else {
      out += found->second;
      text.remove_prefix(length);
    }
  }
  return out;
}

}  // namespace

result<kernelspec> parse_kernelspec(std::string_view text) {
  const auto document = json::parse_object(text, "kernel.json");
  if (!document) return document.error();
  kernelspec out;
  const auto* const argv = json::find(*document, "argv");
  if (argv == nullptr || !argv->IsArray() || argv->Empty() || argv->Size() > most_arguments) {
    return bad("argv", "a list of strings, the program first");
  }
  for (const auto& word : argv->GetArray()) {
    if (!word.IsString()) return bad("argv", "a list of strings, the program first");
    out.argv.emplace_back(word.GetString(), word.GetStringLength());
  }
  for (const auto& [name, target] :
       {std::pair{"display_name", &out.display_name}, std::pair{"language", &out.language},
        std::pair{"interrupt_mode", &out.interrupt_mode},
        std::pair{"kernel_protocol_version", &out.kernel_protocol_version}}) {
    const auto* const member = json::find(*document, name);
    if (member == nullptr) continue;
    if (!member->IsString()) return bad(name, "a string");
    target->assign(member->GetString(), member->GetStringLength());
  }
  if (out.interrupt_mode != "signal" && out.interrupt_mode != "message") {
    return bad("interrupt_mode", "\"signal\" or \"message\"");
  }
  if (const auto* const env = json::find(*document, "env")) {
    if (!env->IsObject()) return bad("env", "an object of strings");
    for (const auto& member : env->GetObject()) {
      if (!member.value.IsString()) return bad("env", "an object of strings");
      out.env.insert_or_assign(
          std::string(member.name.GetString(), member.name.GetStringLength()),
          std::string(member.value.GetString(), member.value.GetStringLength()));
    }
  }
  if (const auto* const metadata = json::find(*document, "metadata")) {
    if (!metadata->IsObject()) return bad("metadata", "an object");
    out.metadata = json::dump(*metadata);
  }
  return out;
}

bool is_valid_kernelspec_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_name_char(c) || c == '.' || c == '-'; });
}

std::vector<std::string> expand_argv(const std::vector<std::string>& argv,
                                     const template_values& values) {
  std::vector<std::string> out = argv;
  for (auto& word : out) {
    replace_all(word, "{connection_file}", values.connection_file);
    replace_all(word, "{resource_dir}", values.resource_dir);
    replace_all(word, "{prefix}", values.prefix);
  }
  return out;
}

environment expand_env(const environment& base, const environment& spec) {
  environment out = base;
  for (const auto& [name, value] : spec)
    out[name] = substitute(value, base);
  return out;
}

}  // namespace kmux
