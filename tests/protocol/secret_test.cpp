#include "protocol/secret.hpp"

#include <ostream>
#include <string_view>
#include <type_traits>

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <gtest/gtest.h>

namespace kmux {
namespace {

template <class T>
concept streamable = requires(std::ostream& out, const T& value) { out << value; };

static_assert(fmt::is_formattable<std::string>::value && streamable<std::string>);
static_assert(!fmt::is_formattable<secret>::value && !streamable<secret>);
static_assert(!std::is_convertible_v<secret, std::string_view>);
static_assert(!std::is_convertible_v<std::string, secret>);

TEST(secret, is_known_to_who_asks_for_it) {
  const secret one("a-token");
  EXPECT_EQ(one.reveal(), "a-token");
  EXPECT_FALSE(one.empty());
  EXPECT_TRUE(secret().empty());
  EXPECT_TRUE(one == secret("a-token") && one != secret("another"));
}

}  // namespace
}  // namespace kmux
