#include "daemon/auth/authenticator.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

namespace kmux::daemon {
namespace {

using namespace std::string_literals;

constexpr uid_t nobody_has_it = 4'000'000'001;

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
  std::string problem;
  const auto found = a.authenticate(r, problem);
  EXPECT_EQ(found.has_value(), problem.empty()) << problem;
  return found ? found->owner + (found->admin ? " (admin)" : "") : "";
}

class tokens : public testing::Test {
protected:
  tokens() {
    EXPECT_TRUE(one_.add("secret-one", {"ann", false}).has_value());
    EXPECT_TRUE(one_.add("secret-two", {"bob", true}).has_value());
    EXPECT_TRUE(one_.add("secret-three", {"cid", false}).has_value());
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

TEST_F(tokens, the_problem_tells_wrong_from_missing_and_no_token) {
  std::string problem;
  EXPECT_FALSE(one_.authenticate(with_header("token wrong-wrong"), problem));
  EXPECT_NE(problem.find("not one of"), std::string::npos) << problem;
  EXPECT_EQ(problem.find("wrong-wrong"), std::string::npos) << problem;
  EXPECT_FALSE(one_.authenticate({}, problem));
  EXPECT_NE(problem.find("missing"), std::string::npos) << problem;
}

TEST_F(tokens, unix_peers_are_who_the_system_says) {
  http_request r;
  r.peer.uid = nobody_has_it;
  EXPECT_EQ(who(one_, r), "uid:4000000001");
  r.peer.uid = 0;
  EXPECT_EQ(who(one_, r), user_name(::geteuid()) + " (admin)");
  r.peer.uid = ::geteuid();
  EXPECT_EQ(who(one_, r), user_name(::geteuid()) + " (admin)");
  // A token says more precisely who asks; and a wrong one is somebody's mistake to be told.
  r.headers = {{"Authorization", "token secret-one"}};
  EXPECT_EQ(who(one_, r), "ann");
  r.headers = {{"Authorization", "token wrong"}};
  EXPECT_EQ(who(one_, r), "");
}

TEST(identity, sees_its_own_or_all) {
  const identity ann{"ann", false};
  const identity admin{"adm", true};
  EXPECT_TRUE(ann.may_see("ann"));
  EXPECT_FALSE(ann.may_see("bob"));
  EXPECT_FALSE(ann.may_see(""));
  EXPECT_TRUE(admin.may_see("bob"));
}

TEST(token, has_8_to_4096_visible_characters) {
  authenticator a;
  for (const auto& good : {"12345678"s, "!#~\"\\{}%"s, std::string(4096, 'x')})
    EXPECT_TRUE(a.add(good, {"ann", false}).has_value()) << good.substr(0, 30);
  EXPECT_FALSE(a.empty());
  authenticator none;
  for (const auto& bad : {""s, "1234567"s, std::string(4097, 'x'), "1234 5678"s, "12345678\n"s,
                          "12345678\0"s, "12345678\x7f"s, "1234567é"s}) {
    const auto added = none.add(bad, {"ann", false});
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
    EXPECT_EQ(one.error().code, errc::io) << path;
    const auto named = a.add_named_tokens(path);
    ASSERT_FALSE(named.has_value()) << path;
    EXPECT_EQ(named.error().code, errc::io) << path;
    EXPECT_NE(named.error().detail.find(path), std::string::npos) << named.error().detail;
  }
}

TEST_F(token_files, named_tokens_with_their_owners) {
  authenticator a;
  const auto added =
      a.add_named_tokens(file("# who may come in\n"
                              "\n"
                              "laptop ann secret-one\n"
                              "  desk\tann   secret-two   # the same owner\r\n"
                              "ops bob secret-three admin\n"
                              "   # nothing\n"
                              "last cid secret-four"));
  ASSERT_TRUE(added.has_value()) << added.error().detail;
  EXPECT_EQ(who(a, with_argument("secret-one")), "ann");
  EXPECT_EQ(who(a, with_argument("secret-two")), "ann");
  EXPECT_EQ(who(a, with_argument("secret-three")), "bob (admin)");
  EXPECT_EQ(who(a, with_argument("secret-four")), "cid");
  for (const auto* no_token : {"laptop", "ann", "admin", "nothing", "desk ann secret-two"})
    EXPECT_EQ(who(a, with_argument(no_token)), "") << no_token;
}

TEST_F(token_files, an_empty_list_has_no_tokens) {
  authenticator a;
  EXPECT_TRUE(a.add_named_tokens(file("")).has_value());
  EXPECT_TRUE(a.add_named_tokens(file("# none yet\n\n")).has_value());
  EXPECT_TRUE(a.empty());
}

TEST_F(token_files, a_malformed_line_is_told_by_its_number) {
  for (const auto* line :
       {"a", "a b", "a b # c-c-c-c-c", "a b secret-one Admin", "a b secret-one user",
        "a b secret-one admin x", "a b secret", "a b secret-onÉ"}) {
    authenticator a;
    const auto path = file("\nx y 12345678\n"s + line + "\nx y 87654321\n");
    const auto added = a.add_named_tokens(path);
    ASSERT_FALSE(added.has_value()) << line;
    EXPECT_EQ(added.error().code, errc::bad_field) << line;
    EXPECT_TRUE(added.error().detail.starts_with(path + ":3: ")) << added.error().detail;
    EXPECT_EQ(added.error().detail.find("secret"), std::string::npos) << added.error().detail;
  }
}

TEST_F(token_files, a_list_is_read_whole_or_not_at_all) {
  // Cut anywhere, a token's beginning would be a token, and those after it would be missing.
  const auto content = std::string((1 << 20) - 20, '#') + "\na b secret-that-is-long\n";
  authenticator a;
  EXPECT_FALSE(a.add_named_tokens(file(content)).has_value());
  EXPECT_TRUE(a.empty());
}

}  // namespace
}  // namespace kmux::daemon
