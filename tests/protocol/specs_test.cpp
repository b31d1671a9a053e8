#include <gtest/gtest.h>

#include "protocol/connection_file.hpp"
#include "protocol/kernelspec.hpp"

namespace kmux {
namespace {

TEST(connection_file, is_read_as_it_was_written) {
  auto info = ipc_connection("/run/k", secret("secret"), "python3");
  info.curve_publickey = std::string(40, 'x');
  info.curve_secretkey = secret(std::string(40, 'x'));
  const auto back = parse_connection_file(write_connection_file(info));
  ASSERT_TRUE(back.has_value()) << back.error().detail;
  EXPECT_EQ(*back, info);
  EXPECT_EQ(back->shell(), "ipc:///run/k-1");
}

TEST(connection_file, ports_may_be_text_and_strangers_are_ignored) {
  const auto c = parse_connection_file(
      R"({"shell_port": "1", "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5, "new": []})");
  ASSERT_TRUE(c.has_value()) << c.error().detail;
  EXPECT_EQ(c->shell(), "tcp://127.0.0.1:1");
}

TEST(connection_file, errors_name_the_member) {
  const std::string ports = R"("iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5)";
  const std::pair<std::string, std::string> cases[] = {
      {"{" + ports + "}", "shell_port"},
      {R"({"shell_port": 70000, )" + ports + "}", "shell_port"},
      {R"({"shell_port": "1x", )" + ports + "}", "shell_port"},
      {R"({"shell_port": 1, "transport": "udp", )" + ports + "}", "transport"},
      {R"({"shell_port": 1, "key": 5, )" + ports + "}", "key"},
      {R"({"shell_port": 1, "signature_scheme": "hmac-md5", )" + ports + "}", "signature_scheme"},
      {"[]", "object"},
      {"{", "JSON"},
  };
  for (const auto& [text, name] : cases) {
    const auto c = parse_connection_file(text);
    ASSERT_FALSE(c.has_value()) << text;
    EXPECT_NE(c.error().detail.find(name), std::string::npos) << c.error().detail;
  }
}

TEST(kernelspec, is_read) {
  const auto s =
      parse_kernelspec(R"({"argv": ["a", "{connection_file}"], "display_name": "A", "language": "l",
    "interrupt_mode": "message", "env": {"X": "${Y}"}, "metadata": {"debugger": true}, "more": 1})");
  ASSERT_TRUE(s.has_value()) << s.error().detail;
  EXPECT_EQ(s->argv.size(), 2U);
  EXPECT_EQ(s->interrupt_mode, "message");
  EXPECT_EQ(s->metadata, R"({"debugger":true})");
}

TEST(kernelspec, errors_name_the_member) {
  for (const auto& [text, name] :
       {std::pair{R"({})", "argv"},
        {R"({"argv": []})", "argv"},
        {R"({"argv": "x"})", "argv"},
        {R"({"argv": [5]})", "argv"},
        {R"({"argv": ["x"], "interrupt_mode": "shout"})", "interrupt_mode"},
        {R"({"argv": ["x"], "env": {"A": 5}})", "env"},
        {R"({"argv": ["x"], "metadata": 5})", "metadata"}}) {
    const auto s = parse_kernelspec(text);
    ASSERT_FALSE(s.has_value()) << text;
    EXPECT_NE(s.error().detail.find(name), std::string::npos) << s.error().detail;
  }
}

TEST(kernelspec, templates) {
  EXPECT_EQ(expand_argv({"{prefix}/bin/x", "--f={connection_file}", "{resource_dir}{other}"},
                        {"C", "R", "P"}),
            (std::vector<std::string>{"P/bin/x", "--f=C", "R{other}"}));
  const auto env =
      expand_env({{"HOME", "/h"}, {"A", "a"}},
                 {{"A", "$A:${HOME}/x"}, {"B", "$$A ${NONE} $ ${ $1"}, {"C", "plain"}});
  EXPECT_EQ(env.at("A"), "a:/h/x");
  EXPECT_EQ(env.at("B"), "$A ${NONE} $ ${ $1");
  EXPECT_EQ(env.at("HOME"), "/h");
}

TEST(kernelspec, names) {
  for (const auto* good : {"python3", "ir-4.2", "a_b.c"})
    EXPECT_TRUE(is_valid_kernelspec_name(good));
  for (const auto* bad : {"", ".", "..", "a/b", "a b", "é"})
    EXPECT_FALSE(is_valid_kernelspec_name(bad));
}

}  // namespace
}  // namespace kmux
