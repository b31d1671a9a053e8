#include "protocol/signer.hpp"

#include <gtest/gtest.h>

#include "protocol/ids.hpp"

namespace kmux {
namespace {

TEST(signer, rfc_4231_test_case_2) {
  signer s("Jefe");
  signer::signature storage;
  const message_view m{"what do ya ", "want ", "for ", "nothing?", {"not signed"}};
  EXPECT_EQ(s.sign(m, storage), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(s.sign(m, storage), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(signer, verifies_its_own_and_nothing_else) {
  signer s("key");
  signer::signature storage;
  const message_view m{"{}", "{}", "{}", "{}", {}};
  std::string good(s.sign(m, storage));
  EXPECT_TRUE(s.verify(m, good));
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = bad[i] == '0' ? '1' : '0';
    EXPECT_FALSE(s.verify(m, bad));
  }
  EXPECT_FALSE(s.verify(m, ""));
  EXPECT_FALSE(s.verify({"{}", "{}", "{}", "{} ", {}}, good));
}

TEST(signer, an_empty_key_means_unsigned) {
  signer s("");
  signer::signature storage;
  EXPECT_FALSE(s.enabled());
  EXPECT_EQ(s.sign({"{}", "{}", "{}", "{}", {}}, storage), "");
  EXPECT_TRUE(s.verify({}, ""));
  EXPECT_FALSE(s.verify({}, "5bdcc146"));
}

TEST(replay_guard, refuses_what_it_has_seen) {
  replay_guard guard(1000);
  std::vector<std::string> all;
  for (int i = 0; i < 5000; ++i) {
    all.push_back(random_hex(32));
    EXPECT_TRUE(guard.admit(all.back()));
    EXPECT_FALSE(guard.admit(all.back()));
  }
  for (std::size_t i = all.size() - 1000; i < all.size(); ++i)
    EXPECT_FALSE(guard.admit(all[i]));
  EXPECT_TRUE(guard.admit(""));
  EXPECT_TRUE(guard.admit(""));
}

}  // namespace
}  // namespace kmux
