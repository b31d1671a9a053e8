#include "daemon/kernels/environment_rules.hpp"

#include <gtest/gtest.h>

#include "config/config.hpp"

namespace kmux::daemon {
namespace {

TEST(environment_rules, names_and_beginnings_of_names) {
  EXPECT_TRUE(is_named({"A", "LD_*"}, "LD_PRELOAD"));
  EXPECT_TRUE(is_named({"A", "LD_*"}, "LD_"));
  EXPECT_TRUE(is_named({"A", "LD_*"}, "A"));
  EXPECT_FALSE(is_named({"A", "LD_*"}, "AB"));
  EXPECT_FALSE(is_named({"A", "LD_*"}, "ld_preload")) << "names are what they are, to the letter";
  EXPECT_FALSE(is_named({"A", "LD_*"}, "OLD_PATH"));
  EXPECT_TRUE(is_named({"*"}, "X"));
  EXPECT_FALSE(is_named({}, "X"));
}

TEST(environment_rules, what_is_allowed_wins) {
  const environment_rules rules{{"P*", "X"}, {"PYTHONPATH"}};
  EXPECT_EQ(rules.refused({{"A", ""}, {"PYTHONPATH", ""}}), nullptr);
  ASSERT_NE(rules.refused({{"A", ""}, {"PYTHONHOME", ""}, {"X", ""}}), nullptr);
  EXPECT_EQ(*rules.refused({{"A", ""}, {"PYTHONHOME", ""}, {"X", ""}}), "PYTHONHOME");
}

TEST(environment_rules, by_default_hooks_into_loaders_and_the_daemons_own_are_refused) {
  const environment_rules rules{config::kernels_config().env_deny, {}};
  for (const auto* const each : {"LD_PRELOAD",
                                 "LD_LIBRARY_PATH",
                                 "LD_AUDIT",
                                 "GCONV_PATH",
                                 "PATH",
                                 "PYTHONPATH",
                                 "PYTHONSTARTUP",
                                 "BASH_ENV",
                                 "ENV",
                                 "IFS",
                                 "NODE_OPTIONS",
                                 "PERL5LIB",
                                 "PERL5OPT",
                                 "RUBYOPT",
                                 "OPENSSL_CONF",
                                 "JUPYTERHUB_API_TOKEN",
                                 "KMUX_AUTH_TOKEN",
                                 "KMUX_KERNEL_DIR",
                                 "JPY_PARENT_PID",
                                 "LISTEN_FDS",
                                 "NOTIFY_SOCKET"}) {
    EXPECT_NE(rules.refused({{each, "x"}}), nullptr) << each;
  }
  // What gateway clients send, and what people set.
  for (const auto* const each :
       {"KERNEL_USERNAME", "KERNEL_LAUNCH_TIMEOUT", "KERNEL_WORKING_DIR", "KERNEL_ID",
        "KERNEL_PATH", "JPY_SESSION_NAME", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "MY_PATH",
        "JULIA_NUM_THREADS", "TZ", "LANG", "HOME", "NODE_ENV", "DISPLAY"}) {
    EXPECT_EQ(rules.refused({{each, "x"}}), nullptr) << each;
  }
}

}  // namespace
}  // namespace kmux::daemon
