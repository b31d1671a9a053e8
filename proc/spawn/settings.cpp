#include "proc/spawn/settings.hpp"

#include <charconv>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <variant>

#include <systemd/sd-daemon.h>

#include "config/toml_source.hpp"

namespace kmux::spawn {
namespace {

using words = std::vector<std::string>;
using member =
    std::variant<std::string settings::*, words settings::*, bool settings::*, uid_t settings::*>;

const std::pair<std::string_view, member> members[] = {
    {"peer", &settings::peer},
    {"first_uid", &settings::first_uid},
    {"last_uid", &settings::last_uid},
    {"users", &settings::users},
    {"groups", &settings::groups},
    {"allow_root", &settings::allow_root},
    {"pam", &settings::pam},
    {"scopes", &settings::scopes},
    {"slice", &settings::slice},
    {"private_tmp", &settings::private_tmp},
    {"hide_proc", &settings::hide_proc},
    {"child", &settings::child},
};

/// What should be written instead; empty where it was taken.
struct taker {
  settings& to;
  const config::file_value& value;

  const std::string& word() const { return value.words.front(); }
  const char* operator()(words settings::*list) const {
    to.*list = value.words;
    return "";
  }
  const char* operator()(std::string settings::*text) const {
    if (value.is_list) return "write one string";
    to.*text = word();
    return "";
  }
  const char* operator()(bool settings::*truth) const {
    if (value.is_list || (word() != "true" && word() != "false")) return "write true or false";
    to.*truth = word() == "true";
    return "";
  }
  const char* operator()(uid_t settings::*number) const {
    if (value.is_list) return "write a number";
    const char* const end = word().data() + word().size();
    const auto [stop, failed] = std::from_chars(word().data(), end, to.*number);
    return failed == std::errc{} && stop == end ? "" : "write the number of a user";
  }
};

std::string problem_with(const config::file_value& value, settings& to) {
  for (const auto& [name, where] : members) {
    if (value.key == name) return std::visit(taker{to, value}, where);
  }
  return "there is no such option";
}

}  // namespace

result<settings> load_settings(const std::string& file) {
  struct stat about {};
  if (::stat(file.c_str(), &about) != 0) {
    return error{errc::not_found, "cannot open " + file + ": it says who may do what"};
  }
  if ((about.st_uid != 0 && about.st_uid != ::geteuid()) ||
      (about.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return error{errc::refused, file + " must be root's, and writable by nobody else"};
  }
  std::vector<config::problem> problems;
  const auto values = config::read_toml(file, problems);
  settings out;
  out.scopes = ::sd_booted() > 0;
  for (const auto& each : values) {
    if (const auto wrong = problem_with(each, out); !wrong.empty()) {
      problems.push_back({each.key, each.origin, wrong});
    }
  }
  if (!problems.empty()) {
    const auto& first = problems.front();
    return error{errc::bad_field, first.origin + ": " + first.key + ": " + first.message};
  }
  if (out.child.empty()) {
    std::error_code unknown;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", unknown);
    out.child = (self.parent_path() / "kmux-child").string();
  }
  return out;
}

}  // namespace kmux::spawn
