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
  spec_store store({{at("one")}, "Zebra", true, {}, {}});
  store.refresh_now();
  store.refresh_now();
  EXPECT_EQ(store.default_name(), "zebra");
  EXPECT_EQ(store.find("ZEBRA")->name, "zebra");
  EXPECT_EQ(store.find("echo")->host, launch_spec::kind::echo);
  EXPECT_EQ(store.find("bad").error().code, errc::bad_field);
  const auto missing = store.find("nothing");
  EXPECT_EQ(missing.error().code, errc::not_found);
  EXPECT_NE(missing.error().detail.find("zebra"), std::string::npos);
  const auto text = log.text();
  const auto first = text.find("spec=bad");
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(text.find("spec=bad", first + 1), std::string::npos);
}

TEST_F(specs, our_python_is_python3_unless_somebody_has_installed_one) {
  const python_host ours{"/lib/kmux_child", "python3.11"};
  spec_store alone({{at("none")}, "python3", false, ours, {}});
  alone.refresh_now();
  // A machine's own kernelspecs are looked at too: one of the two names it is.
  const auto named = alone.find("kmux-python");
  const auto it = named ? *named : *alone.find("python3");
  EXPECT_EQ(it.host, launch_spec::kind::native);
  EXPECT_EQ(it.spec.argv,
            (std::vector<std::string>{"python3.11", "/lib/kmux_child", "-f", "{connection_file}"}));

  install("one/python3", "theirs");
  spec_store both({{at("one")}, "python3", false, ours, {}});
  both.refresh_now();
  EXPECT_EQ(both.find("python3")->spec.display_name, "theirs");
  EXPECT_EQ(both.find("kmux-python")->host, launch_spec::kind::native);

  spec_store without({{at("one")}, "python3", false, {}, {}});
  without.refresh_now();
  EXPECT_FALSE(without.find("kmux-python"));
}

TEST_F(specs, an_installed_ipykernel_is_hosted_natively_where_that_is_wanted) {
  write("one/theirs/kernel.json",
        R"({"argv": ["/env/bin/python", "-X", "dev", "-m", "ipykernel_launcher", "-f",)"
        R"( "{connection_file}", "--matplotlib"], "language": "python", "display_name": "T"})");
  install("one/other", "no python at all");
  captured_log log;
  spec_store store({{at("one")}, "", false, {"/lib/kmux_child", "python3"}, {"Theirs", "other"}});
  store.refresh_now();
  const auto theirs = *store.find("theirs");
  EXPECT_EQ(theirs.host, launch_spec::kind::native);
  EXPECT_EQ(theirs.spec.argv,
            (std::vector<std::string>{"/env/bin/python", "-X", "dev", "/lib/kmux_child", "-f",
                                      "{connection_file}", "--matplotlib"}));
  EXPECT_EQ(store.find("other")->host, launch_spec::kind::relay);
  EXPECT_NE(log.text().find("spec=other"), std::string::npos);
}

}  // namespace
}  // namespace kmux::daemon
