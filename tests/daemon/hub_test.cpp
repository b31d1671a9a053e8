#include "daemon/hub/hub.hpp"

#include <gtest/gtest.h>

namespace kmux::daemon {
namespace {

TEST(hub_scopes, a_wider_one_covers_a_narrower_one) {
  EXPECT_TRUE(scope_covers("access:services", "access:services"));
  EXPECT_TRUE(scope_covers("access:services", "access:services!service=kmux"));
  EXPECT_TRUE(scope_covers("access:services!service=kmux", "access:services!service=kmux"));
  EXPECT_FALSE(scope_covers("access:services!service=other", "access:services!service=kmux"));
  EXPECT_FALSE(scope_covers("access:services!service=kmux", "access:services"));
  EXPECT_FALSE(scope_covers("access:servers", "access:services!service=kmux"));
  EXPECT_FALSE(scope_covers("access", "access:services!service=kmux"));
  EXPECT_FALSE(scope_covers("", "access:services"));
}

}  // namespace
}  // namespace kmux::daemon
