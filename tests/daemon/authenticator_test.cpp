#include "daemon/auth/authenticator.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace kmux::daemon {
namespace {

using namespace std::string_literals;

std::string hex(const std::string& token) {
  std::string out;
  for (const unsigned char byte : digest_of(token))
    out += fmt::format("{:02x}", byte);
  return out;
}

http_request with_header(const std::string& authorization) {
  http_request r;
  r.headers = {{"authorization", authorization}};
  return r;
}

http_request with_argument(const std::string& token) {
  http_request r;
  r.query = {{"x", "y"}, {"token", token}};
  return r;
}

/// "owner", "owner (admin)", or "" with a problem that was told.
std::string who(const authenticator& a, const http_request& r) {
  const auto token = presented_token(r);
  if (!token) return "";
  std::string problem;
  const auto found = a.find(*token, std::chrono::system_clock::now(), problem);
  EXPECT_EQ(found.has_value(), problem.empty()) << problem;
  return found ? found->owner + (found->admin() ? " (admin)" : "") : "";
}

class tokens : public testing::Test {
protected:
  tokens() {
    EXPECT_TRUE(one_.add("secret-one", identity("ann")).has_value());
    EXPECT_TRUE(one_.add("secret-two", identity("bob", scope::admin)).has_value());
    EXPECT_TRUE(one_.add("secret-three", identity("cid")).has_value());
  }
  authenticator one_;
};

TEST_F(tokens, each_is_its_owners) {
  EXPECT_EQ(who(one_, with_header("token secret-one")), "ann");
  EXPECT_EQ(who(one_, with_header("token secret-two")), "bob (admin)");
  EXPECT_EQ(who(one_, with_header("token secret-three")), "cid");
}

TEST_F(tokens, schemes_have_no_case_and_tokens_do) {
  for (const auto* scheme : {"token", "Token", "TOKEN", "bearer", "Bearer", "BEARER", "bEaReR"})
    EXPECT_EQ(who(one_, with_header(scheme + " secret-one"s)), "ann") << scheme;
  EXPECT_EQ(who(one_, with_header("token    secret-one")), "ann");
  EXPECT_EQ(who(one_, with_header("token SECRET-ONE")), "");
}

TEST_F(tokens, what_is_nearly_a_token_is_none) {
  for (const auto& wrong :
       {"secret-on"s, "secret-one "s, "secret-onee"s, "secret-onf"s, "ecret-one"s, "secret-one\0"s,
        "x"s, "\xff\xfe"s, std::string(100'000, 'x'), "secret-one secret-one"s}) {
    EXPECT_EQ(who(one_, with_header("token " + wrong)), "") << wrong.substr(0, 30);
    EXPECT_EQ(who(one_, with_argument(wrong)), "") << wrong.substr(0, 30);
  }
  EXPECT_EQ(who(authenticator(), with_argument("secret-one")), "");
  EXPECT_EQ(who(authenticator(), with_argument("")), "");
}

TEST_F(tokens, no_part_of_a_digest_is_enough) {
  // Of so many some have a first, a last, or any one byte in common with a token's digest.
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_EQ(who(one_, with_argument("guess-" + std::to_string(i))), "") << i;
  }
}

TEST_F(tokens, other_schemes_carry_none) {
  for (const auto* header : {"", "token", "secret-one", "tokensecret-one", "token=secret-one",
                             "Basic secret-one", "token\tsecret-one"}) {
    EXPECT_EQ(who(one_, with_header(header)), "") << header;
  }
}

TEST_F(tokens, the_address_may_carry_it) {
  EXPECT_EQ(who(one_, with_argument("secret-one")), "ann");
  auto r = with_argument("secret-one");
  r.query.emplace_back("token", "secret-two");
  EXPECT_EQ(who(one_, r), "ann") << "the first one";
  r.query = {{"Token", "secret-one"}};
  EXPECT_EQ(who(one_, r), "");
}

TEST_F(tokens, the_header_comes_before_the_address) {
  auto r = with_argument("secret-one");
  r.headers = {{"Authorization", "Bearer secret-two"}};
  EXPECT_EQ(who(one_, r), "bob (admin)");
  r.headers = {{"Authorization", "Bearer wrong"}};
  EXPECT_EQ(who(one_, r), "") << "a wrong token is not made good by another";
  // A browser sends what another server on this host has asked for; that is no token.
  r.headers = {{"Authorization", "Basic eDp5"}};
  EXPECT_EQ(who(one_, r), "ann");
}

TEST_F(tokens, the_problem_has_no_token_in_it) {
  std::string problem;
  EXPECT_FALSE(one_.find("wrong-wrong", std::chrono::system_clock::now(), problem));
  EXPECT_NE(problem.find("not one of"), std::string::npos) << problem;
  EXPECT_EQ(problem.find("wrong-wrong"), std::string::npos) << problem;
}

TEST(token, has_8_to_4096_visible_characters) {
  authenticator a;
  for (const auto& good : {"12345678"s, "!#~\"\\{}%"s, std::string(4096, 'x')})
    EXPECT_TRUE(a.add(good, identity("ann")).has_value()) << good.substr(0, 30);
  EXPECT_FALSE(a.empty());
  authenticator none;
  for (const auto& bad : {""s, "1234567"s, std::string(4097, 'x'), "1234 5678"s, "12345678\n"s,
                          "12345678\0"s, "12345678\x7f"s, "1234567é"s}) {
    const auto added = none.add(bad, identity("ann"));
    ASSERT_FALSE(added.has_value()) << bad.substr(0, 30);
    EXPECT_EQ(added.error().code, errc::bad_field);
  }
  EXPECT_TRUE(none.empty());
}

class token_files : public testing::Test {
protected:
  token_files() {
    std::string pattern = (std::filesystem::temp_directory_path() / "kmux-auth-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~token_files() override { std::filesystem::remove_all(directory_); }

  std::string file(const std::string& content) {
    const auto path = directory_ + "/tokens";
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  std::string directory_;
};

TEST_F(token_files, one_token_of_an_administrator) {
  for (const auto* content : {"secret-one", "secret-one\n", "secret-one\r\n", "secret-one\n\n"}) {
    authenticator a;
    ASSERT_TRUE(a.add_token_file(file(content), "us").has_value()) << content;
    EXPECT_EQ(who(a, with_header("token secret-one")), "us (admin)") << content;
  }
}

TEST_F(token_files, one_token_or_an_error_with_the_files_name) {
  for (const auto& content :
       {""s, "\n"s, "short"s, "secret-one\nsecret-two\n"s, " secret-one"s, "secret-one \n"s,
        "\xef\xbb\xbfsecret-one"s, std::string(2 << 20, 'x')}) {
    authenticator a;
    const auto path = file(content);
    const auto added = a.add_token_file(path, "us");
    ASSERT_FALSE(added.has_value()) << content.substr(0, 30);
    EXPECT_NE(added.error().detail.find(path), std::string::npos) << added.error().detail;
    EXPECT_EQ(added.error().detail.find("secret"), std::string::npos) << added.error().detail;
    EXPECT_TRUE(a.empty());
  }
}

TEST_F(token_files, what_cannot_be_read_is_an_error) {
  for (const auto& path : {directory_ + "/missing", directory_}) {
    authenticator a;
    const auto one = a.add_token_file(path, "us");
    ASSERT_FALSE(one.has_value()) << path;
    EXPECT_EQ(one.error().code, path == directory_ ? errc::io : errc::not_found) << path;
  }
}

TEST_F(token_files, a_list_has_named_tokens_that_expire) {
  const auto in_use = R"(# who may come in
laptop ann sha256:)"s +
                      hex("secret-one") + "\nold ann sha256:" + hex("secret-two") +
                      " use 2020-01-01T00:00:00Z\nops bob sha256:" + hex("secret-three") +
                      " admin never\n";
  authenticator a;
  auto list = read_token_list(file(in_use));
  ASSERT_TRUE(list.has_value()) << list.error().detail;
  a.set_named(std::move(*list));
  EXPECT_EQ(who(a, with_argument("secret-one")), "ann");
  EXPECT_EQ(who(a, with_argument("secret-two")), "");
  EXPECT_EQ(who(a, with_argument("secret-three")), "bob (admin)");
  EXPECT_EQ(who(a, with_argument(hex("secret-one"))), "") << "what the file holds is no token";
}

TEST_F(token_files, no_list_has_no_tokens_and_a_directory_is_none) {
  ASSERT_TRUE(read_token_list(directory_ + "/missing").has_value());
  EXPECT_TRUE(read_token_list(directory_ + "/missing")->all().empty());
  const auto wrong = read_token_list(directory_);
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().code, errc::io);
}

TEST_F(token_files, a_malformed_line_is_told_by_file_and_number) {
  const auto path = file("\nx y sha256:" + hex("12345678") + "\na b secret-one admin\n");
  const auto list = read_token_list(path);
  ASSERT_FALSE(list.has_value());
  EXPECT_TRUE(list.error().detail.starts_with(path + ":3: ")) << list.error().detail;
  EXPECT_EQ(list.error().detail.find("secret"), std::string::npos) << list.error().detail;
}

TEST_F(token_files, a_list_is_read_whole_or_not_at_all) {
  EXPECT_FALSE(read_token_list(file(std::string(2 << 20, '#'))).has_value());
}

}  // namespace
}  // namespace kmux::daemon
