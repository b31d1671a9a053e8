#include "proc/spawn/settings.hpp"

#include <charconv>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "config/toml_source.hpp"

namespace kmux::spawn {
namespace {

using config::file_value;

// What should be written instead; empty where it was taken.

const char* take(std::vector<std::string>& to, const file_value& value) {
  to = value.words;
  return "";
}

const char* take(std::string& to, const file_value& value) {
  if (value.is_list) return "write one string";
  to = value.words.front();
  return "";
}

const char* take(bool& to, const file_value& value) {
  const bool yes = !value.is_list && value.words.front() == "true";
  if (!yes && (value.is_list || value.words.front() != "false")) return "write true or false";
  to = yes;
  return "";
}

const char* take(uid_t& to, const file_value& value) {
  if (value.is_list) return "write the number of a user";
  const std::string& word = value.words.front();
  const auto [stop, failed] = std::from_chars(word.data(), word.data() + word.size(), to);
  const bool good = failed == std::errc{} && stop == word.data() + word.size();
  return good ? "" : "write the number of a user";
}

std::string take(settings& to, const file_value& value) {
  std::string problem = "there is no such option";
  const auto option = [&](std::string_view name, auto& member) {
    if (value.key == name) problem = take(member, value);
  };
  option("peer", to.peer);
  option("first_uid", to.first_uid);
  option("last_uid", to.last_uid);
  option("users", to.users);
  option("groups", to.groups);
  option("allow_root", to.allow_root);
  option("pam", to.pam);
  option("scopes", to.scopes);
  option("slice", to.slice);
  option("private_tmp", to.private_tmp);
  option("hide_proc", to.hide_proc);
  option("child", to.child);
  return problem;
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
    if (const auto wrong = take(out, each); !wrong.empty()) {
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
