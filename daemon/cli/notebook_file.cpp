#include "daemon/cli/notebook_file.hpp"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/stat.h>

#include <fmt/format.h>
#include <rapidjson/prettywriter.h>

#include "daemon/cli/json_members.hpp"
#include "proc/supervise/files.hpp"

namespace kmux::cli {

struct notebook_file::document {
  rapidjson::Document json;
};

namespace {

failure bad(const std::string& path, const std::string& why) {
  return {exit_code::failed, path + ": " + why, "jupyter nbconvert --to notebook " + path};
}

/// A string, or a list of lines.
std::string source_of(const json::value& cell) {
  const auto* const source = json::find(cell, "source");
  if (source == nullptr) return {};
  if (source->IsString()) return {source->GetString(), source->GetStringLength()};
  std::string out;
  if (!source->IsArray()) return out;
  for (const auto& line : source->GetArray()) {
    if (line.IsString()) out.append(line.GetString(), line.GetStringLength());
  }
  return out;
}

void set_member(json::value& object, const char* name, json::value value,
                rapidjson::Document::AllocatorType& memory) {
  const auto found = object.FindMember(name);
  if (found != object.MemberEnd()) {
    found->value = value;
  } else {
    object.AddMember(rapidjson::StringRef(name), value, memory);
  }
}

}  // namespace

notebook_file::notebook_file(std::unique_ptr<document> it) : it_(std::move(it)) {
}
notebook_file::notebook_file(notebook_file&&) noexcept = default;
notebook_file::~notebook_file() = default;

outcome<notebook_file> notebook_file::read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return failure{exit_code::not_found, path + ": " + std::strerror(errno), "ls"};
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  auto parsed = json::parse_object(text, path);
  if (!parsed) return bad(path, parsed.error().detail);
  const auto* const cells = json::find(*parsed, "cells");
  if (integer_at(*parsed, "nbformat") != 4 || cells == nullptr || !cells->IsArray()) {
    return bad(path, "it is no notebook of nbformat 4.");
  }
  notebook_file out(std::make_unique<document>(document{std::move(*parsed)}));
  const auto& all = *json::find(out.it_->json, "cells");
  for (unsigned i = 0; i < all.Size(); ++i) {
    if (text_at(all[i], "cell_type") != "code") continue;
    out.sources_.push_back(source_of(all[i]));
    out.indices_.push_back(i);
  }
  return out;
}

void notebook_file::set_outputs(std::size_t cell, const std::string& outputs, std::int64_t count) {
  auto& memory = it_->json.GetAllocator();
  auto& target = it_->json.FindMember("cells")->value[indices_[cell]];
  auto parsed = json::parse(outputs, "outputs");
  json::value list(rapidjson::kArrayType);
  if (parsed) list.CopyFrom(*parsed, memory);
  set_member(target, "outputs", std::move(list), memory);
  set_member(target, "execution_count", count > 0 ? json::value(count) : json::value(), memory);
}

outcome<void> notebook_file::write(const std::string& path) const {
  rapidjson::StringBuffer buffer;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> writer(buffer);
  writer.SetIndent(' ', 1);
  it_->json.Accept(writer);
  const std::string text = std::string(buffer.GetString(), buffer.GetSize()) + "\n";
  std::error_code ec;
  const auto real = std::filesystem::weakly_canonical(path, ec);  // a link stays one
  const std::string target = ec ? path : real.string();
  struct stat before {};
  const bool there = ::stat(target.c_str(), &before) == 0;
  if (const auto done = supervise::write_file(target, text); !done) {
    return failure{exit_code::failed, done.error().detail, "kmux run … --to FILE"};
  }
  // The writer makes private files.
  const mode_t mask = ::umask(0);
  ::umask(mask);
  ::chmod(target.c_str(), there ? before.st_mode & 07777 : 0666 & ~mask);
  return {};
}

}  // namespace kmux::cli
