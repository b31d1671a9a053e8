#include "daemon/auth/token_list.hpp"

#include <gtest/gtest.h>

namespace kmux::daemon {
namespace {

using namespace std::string_literals;

const std::string zeros(64, '0');

named_token some(const std::string& name) {
  named_token out;
  out.name = name;
  out.owner = "ann";
  out.hash = digest_of(name);
  out.scopes = scope_set(scope::read) | scope::observe;
  out.expires = *parse_time("2031-02-03T04:05:06Z");
  return out;
}

TEST(token_list, what_is_written_is_read) {
  token_list list;
  list.add(some("one"));
  list.add(some("two"));
  const auto again = token_list::parse(list.text());
  ASSERT_TRUE(again.has_value()) << again.error().detail;
  EXPECT_EQ(again->text(), list.text());
  const auto* const found = again->find(digest_of("two"));
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->name, "two");
  EXPECT_EQ(found->scopes, some("two").scopes);
  EXPECT_EQ(found->expires, some("two").expires);
  EXPECT_EQ(again->find(digest_of("three")), nullptr);
}

TEST(token_list, what_people_wrote_stays_where_it_is) {
  const auto text = "# ours\n\na ann sha256:" + zeros + " # of the laptop\n  # end\n";
  auto list = token_list::parse(text);
  ASSERT_TRUE(list.has_value()) << list.error().detail;
  list->add(some("new"));
  EXPECT_TRUE(list->text().starts_with("# ours\n\na ann sha256:" + zeros)) << list->text();
  EXPECT_NE(list->text().find("\n  # end\nnew ann "), std::string::npos) << list->text();
  EXPECT_TRUE(list->remove("a", "ann"));
  EXPECT_FALSE(list->remove("a", "ann"));
  EXPECT_FALSE(list->remove("new", "bob"));
  EXPECT_EQ(list->all().size(), 1U);
}

TEST(token_list, the_shortest_line_is_of_one_who_uses_and_never_expires) {
  const auto list = token_list::parse("a ann sha256:" + zeros);
  ASSERT_TRUE(list.has_value()) << list.error().detail;
  const auto token = list->all().at(0);
  EXPECT_EQ(token.scopes, scope_set(scope::use));
  EXPECT_FALSE(token.expires.has_value());
  EXPECT_EQ(token.bearer().owner, "ann");
  EXPECT_EQ(token.bearer().credentials, "token a");
}

TEST(token_list, a_malformed_line_is_told_by_its_number) {
  for (const auto& line :
       {"a"s, "a ann"s, "a ann secret-one"s, "a ann secret-one admin"s, "a ann md5:" + zeros,
        "a ann sha256:" + zeros + "0", "a ann sha256:" + std::string(64, 'A'),
        "a ann sha256:" + zeros + " everything", "a ann sha256:" + zeros + " use tomorrow",
        "a ann sha256:" + zeros + " use never never more", "b bob sha256:" + zeros}) {
    const auto list = token_list::parse("\nb bob sha256:" + zeros + "\n" + line + "\n");
    ASSERT_FALSE(list.has_value()) << line;
    EXPECT_EQ(list.error().code, errc::bad_field);
    EXPECT_TRUE(list.error().detail.starts_with("3: ")) << list.error().detail;
    EXPECT_EQ(list.error().detail.find("secret"), std::string::npos) << list.error().detail;
  }
}

TEST(token_list, tokens_expire) {
  const auto end = some("x").expires.value();
  EXPECT_FALSE(some("x").expired(end - std::chrono::seconds(1)));
  EXPECT_TRUE(some("x").expired(end));
}

TEST(token_list, times_are_written_and_read) {
  for (const auto* text : {"1970-01-01T00:00:00Z", "2026-02-28T23:59:59Z", "2400-02-29T12:00:00Z"})
    EXPECT_EQ(show_time(parse_time(text).value()), text);
  for (const auto* text :
       {"", "never", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00Z "})
    EXPECT_FALSE(parse_time(text).has_value()) << text;
}

}  // namespace
}  // namespace kmux::daemon
