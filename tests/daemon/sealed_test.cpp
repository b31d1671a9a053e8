#include "daemon/hub/sealed.hpp"

#include <gtest/gtest.h>

namespace kmux::daemon {
namespace {

using namespace std::string_literals;

TEST(sealed, opens_with_the_same_secret_for_the_same_purpose) {
  const sealer one("secret"), two("secret"), other("Secret");
  for (const auto& text : {""s, "x"s, "a token"s, "\0\xff"s, std::string(10'000, 'x')}) {
    const auto sealed = one.seal(text, "token");
    EXPECT_EQ(two.open(sealed, "token"), text);
    EXPECT_FALSE(other.open(sealed, "token").has_value());
    EXPECT_FALSE(one.open(sealed, "login").has_value());
    EXPECT_NE(one.seal(text, "token"), sealed) << "never the same twice";
  }
}

TEST(sealed, any_change_is_noticed) {
  const sealer one("secret");
  const auto sealed = one.seal("a token", "token");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    auto changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    // The last character has bits that stand for nothing.
    if (i + 1 < sealed.size()) {
      EXPECT_FALSE(one.open(changed, "token").has_value()) << i;
    }
    EXPECT_FALSE(one.open(sealed.substr(0, i), "token").has_value()) << i;
  }
  for (const auto* bad : {"", "x", "not base64!", "=", "AAAA"})
    EXPECT_FALSE(one.open(bad, "token").has_value()) << bad;
}

TEST(sealed, marks_depend_on_secret_text_and_purpose) {
  const sealer one("secret"), other("Secret");
  EXPECT_EQ(one.mark("a", "x"), one.mark("a", "x"));
  EXPECT_NE(one.mark("a", "x"), one.mark("b", "x"));
  EXPECT_NE(one.mark("a", "x"), one.mark("a", "y"));
  EXPECT_NE(one.mark("a", "x"), other.mark("a", "x"));
}

TEST(base64url, as_rfc_4648_has_it) {
  for (const auto& [plain, encoded] : {std::pair{""s, ""s},
                                       {"f"s, "Zg"s},
                                       {"fo"s, "Zm8"s},
                                       {"foo"s, "Zm9v"s},
                                       {"foobar"s, "Zm9vYmFy"s},
                                       {"\xfb\xff"s, "-_8"s}}) {
    EXPECT_EQ(base64url(plain), encoded);
    EXPECT_EQ(from_base64url(encoded), plain);
  }
}

TEST(base64url, the_challenge_of_rfc_7636) {
  EXPECT_EQ(base64url(sha256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

}  // namespace
}  // namespace kmux::daemon
