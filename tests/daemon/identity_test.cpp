#include "daemon/auth/identity.hpp"

#include <gtest/gtest.h>

namespace kmux::daemon {
namespace {

using enum access;

identity asking(identity who, access what) {
  who.doing = what;
  return who;
}

TEST(scopes, permit_so_much_and_no_more) {
  struct row {
    scope_set scopes;
    bool look, read, use, admin;
  };
  for (const auto& [scopes, looks, reads, uses, admins] : {
           row{scope_set(), false, false, false, false},
           row{scope::observe, true, false, false, false},
           row{scope::read, true, true, false, false},
           row{scope::use, true, true, true, false},
           row{scope::act_for, true, true, true, false},
           row{scope::admin, true, true, true, true},
           row{scope_set(scope::observe) | scope::read, true, true, false, false},
       }) {
    EXPECT_EQ(scopes.permits(look), looks) << to_string(scopes);
    EXPECT_EQ(scopes.permits(read), reads) << to_string(scopes);
    EXPECT_EQ(scopes.permits(use), uses) << to_string(scopes);
    EXPECT_EQ(scopes.permits(access::admin), admins) << to_string(scopes);
    EXPECT_TRUE(scopes.permits(open));
  }
}

TEST(scopes, are_written_and_read) {
  for (const auto* text : {"observe", "read", "use", "act-for", "admin", "observe,read",
                           "observe,read,use,act-for,admin"}) {
    const auto parsed = parse_scopes(text);
    ASSERT_TRUE(parsed.has_value()) << text;
    EXPECT_EQ(to_string(*parsed), text);
  }
  for (const auto* text : {"", "all", "use,", ",use", "use admin", "Use", "use,use2"})
    EXPECT_FALSE(parse_scopes(text).has_value()) << text;
}

TEST(scopes, cover_what_they_permit_and_nothing_more) {
  const scope_set all[] = {scope::observe, scope::read, scope::use, scope::act_for, scope::admin};
  const bool covered[5][5] = {
      // observe read  use  act-for admin: what is covered, in each row by
      {true, false, false, false, false},  // observe
      {false, true, false, false, false},  // read
      {false, true, true, false, false},   // use
      {true, true, true, true, false},     // act-for
      {true, true, true, true, true},      // admin
  };
  for (int by = 0; by < 5; ++by) {
    for (int what = 0; what < 5; ++what)
      EXPECT_EQ(all[by].covers(all[what]), covered[by][what])
          << to_string(all[by]) << " over " << to_string(all[what]);
  }
}

TEST(identity, sees_its_own_or_all) {
  for (const auto what : {look, read, use}) {
    EXPECT_TRUE(asking(identity("ann"), what).may_see("ann"));
    EXPECT_FALSE(asking(identity("ann"), what).may_see("bob"));
    EXPECT_FALSE(asking(identity("ann"), what).may_see(""));
    EXPECT_TRUE(asking(identity("adm", scope::admin), what).may_see("bob"));
    EXPECT_TRUE(asking(identity("front", scope::act_for), what).may_see("bob"));
  }
}

TEST(identity, observers_see_that_something_is_there_and_not_what_it_says) {
  EXPECT_TRUE(asking(identity("mon", scope::observe), look).may_see("bob"));
  EXPECT_FALSE(asking(identity("mon", scope::observe), read).may_see("bob"));
  EXPECT_FALSE(asking(identity("mon", scope::observe), read).may_see("mon"));
  const identity both("mon", scope_set(scope::observe) | scope::use);
  EXPECT_FALSE(asking(both, use).may_see("bob"));
  EXPECT_TRUE(asking(both, use).may_see("mon"));
}

TEST(identity, owners_have_names) {
  for (const auto* good : {"ann", "uid:4000000001", "service:x", "jörg", "a@b.example"})
    EXPECT_TRUE(is_owner_name(good)) << good;
  for (const auto& bad :
       {std::string(), std::string("a b"), std::string("a\nb"), std::string("\x7f"),
        std::string("\xff"), std::string(256, 'a'), std::string("a\0b", 3)})
    EXPECT_FALSE(is_owner_name(bad)) << bad;
}

}  // namespace
}  // namespace kmux::daemon
