// Which kernelspecs are found, and what may be read of them.
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

#include "captured_log.hpp"
#include "daemon/specs/spec_store.hpp"

namespace kmux::daemon {
namespace {

namespace fs = std::filesystem;

class specs : public testing::Test {
protected:
  specs() {
    std::string pattern = (fs::temp_directory_path() / "kmux-specs-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~specs() override { fs::remove_all(root_); }

  void write(const std::string& file, const std::string& text) {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text;
  }
  void install(const std::string& directory, const std::string& shown) {
    write(directory + "/kernel.json",
          R"({"argv": ["x"], "language": "x", "display_name": ")" + shown + "\"}");
  }
  std::string at(const std::string& name) const { return (root_ / name).string(); }

  fs::path root_;
};

TEST_F(specs, the_first_directory_that_has_a_name_wins_whatever_its_case) {
  install("one/Python", "first");
  install("two/python", "second");
  install("two/other", "other");
  const auto found = scan_specs({at("none"), at("one"), at("two")});
  ASSERT_EQ(found.good.size(), 2U);
  EXPECT_EQ(found.good.at("python").name, "Python");
  EXPECT_EQ(found.good.at("python").spec.display_name, "first");
  EXPECT_EQ(found.good.at("python").resource_dir, at("one/Python"));
  EXPECT_TRUE(found.broken.empty());
}

TEST_F(specs, what_is_broken_is_told_unless_a_good_one_has_the_name) {
  write("one/bad/kernel.json", "{");
  write("one/mended/kernel.json", "[]");
  write("one/no spec/kernel.json", "{}");  // a name that none may have
  write("one/empty/readme", "");
  install("two/mended", "good");
  const auto found = scan_specs({at("one"), at("two")});
  EXPECT_EQ(found.good.size(), 1U);
  ASSERT_EQ(found.broken.size(), 1U);
  EXPECT_NE(found.broken.at("bad").find(at("one/bad")), std::string::npos);
}

TEST_F(specs, resources_are_logos_and_the_two_files_of_old) {
  install("one/k", "k");
  for (const auto* file :
       {"logo-32x32.png", "logo-svg.svg", "kernel.js", "kernel.css", "other.png"})
    write("one/k/" + std::string(file), "x");
  const std::map<std::string, std::string> wanted = {{"logo-32x32", "logo-32x32.png"},
                                                     {"logo-svg", "logo-svg.svg"},
                                                     {"kernel.js", "kernel.js"},
                                                     {"kernel.css", "kernel.css"}};
  EXPECT_EQ(scan_specs({at("one")}).good.at("k").resources, wanted);
}

TEST_F(specs, only_files_of_the_directory_can_be_read) {
  write("secret", "secret");
  write("k/logo.png", "picture");
  write("k/sub/file", "deeper");
  fs::create_symlink(root_ / "secret", root_ / "k/link");
  fs::create_symlink(root_ / "k/logo.png", root_ / "k/inside");
  EXPECT_EQ(*read_resource(at("k"), "logo.png"), "picture");
  EXPECT_EQ(*read_resource(at("k"), "sub/file"), "deeper");
  EXPECT_EQ(*read_resource(at("k"), "inside"), "picture");
  for (const auto* bad :
       {"../secret", "link", "sub/../../secret", "/etc/passwd", "sub", "none", ""})
    EXPECT_FALSE(read_resource(at("k"), bad)) << bad;
  EXPECT_FALSE(read_resource("", "logo.png"));
}

TEST_F(specs, a_store_answers_by_name_and_logs_what_is_broken_once) {
  install("one/zebra", "z");
  write("one/bad/kernel.json", "{");
  captured_log log;
  spec_store store({{at("one")}, "Zebra", true});
  store.refresh_now();
  store.refresh_now();
  EXPECT_EQ(store.default_name(), "zebra");
  EXPECT_EQ(store.find("ZEBRA")->name, "zebra");
  EXPECT_TRUE(store.find("echo")->builtin_echo);
  EXPECT_EQ(store.find("bad").error().code, errc::bad_field);
  const auto missing = store.find("nothing");
  EXPECT_EQ(missing.error().code, errc::not_found);
  EXPECT_NE(missing.error().detail.find("zebra"), std::string::npos);
  const auto text = log.text();
  const auto first = text.find("spec=bad");
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(text.find("spec=bad", first + 1), std::string::npos);
}

}  // namespace
}  // namespace kmux::daemon
