#include "protocol/registration.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace kmux {
namespace {

/// A registration file with one member changed; an empty value leaves it out.
std::string file_with(const std::string& name = "", const std::string& value = "") {
  std::string out = "{\"more\": []";
  const std::pair<std::string, std::string> members[] = {
      {"kernel_id", R"("k-1")"},      {"registration_ip", R"("10.0.0.1")"},
      {"registration_port", "50160"}, {"transport", R"("tcp")"},
      {"key", R"("secret")"},         {"signature_scheme", R"("hmac-sha256")"}};
  for (const auto& [each, usual] : members) {
    const std::string& said = each == name ? value : usual;
    if (!said.empty()) out += ", \"" + each + "\": " + said;
  }
  for (const std::string extra : {"ip", "curve_publickey", "kernel_name"}) {
    if (extra == name) out += ", \"" + extra + "\": " + value;
  }
  return out + "}";
}

connection_info bound() {
  connection_info out;
  out.shell_port = 1;
  out.iopub_port = 2;
  out.stdin_port = 3;
  out.control_port = 4;
  out.hb_port = 5;
  return out;
}

constexpr std::string_view dictionary =
    R"({"kernel_id": "k\"1", "shell_port": "1", "iopub_port": "2", "stdin_port": "3", )"
    R"("control_port": "4", "hb_port": "5"})";

std::vector<std::string_view> frames_of(const handshake_message& message) {
  const auto frames = message.frames();
  return {frames.begin(), frames.end()};
}

TEST(registration, the_file_is_read) {
  const auto it = parse_registration_file(file_with());
  ASSERT_TRUE(it.has_value()) << it.error().detail;
  EXPECT_EQ(it->kernel_id, "k-1");
  EXPECT_EQ(it->endpoint(), "tcp://10.0.0.1:50160");
  EXPECT_EQ(it->kernel.key.reveal(), "secret");
  EXPECT_EQ(it->kernel.ip, "127.0.0.1");
  EXPECT_EQ(it->kernel.shell_port, 0);
  EXPECT_EQ(parse_registration_file(file_with("ip", R"("10.0.0.2")"))->kernel.ip, "10.0.0.2");
  EXPECT_EQ(parse_registration_file(file_with("key", R"("")"))->kernel.key.reveal(), "");
}

TEST(registration, the_port_may_be_a_number_or_digits) {
  for (const auto* const port : {"50160", R"("50160")"}) {
    const auto it = parse_registration_file(file_with("registration_port", port));
    ASSERT_TRUE(it.has_value()) << it.error().detail;
    EXPECT_EQ(it->registration_port, 50160);
  }
  for (const auto* const port : {"0", "-1", "65536", "1e3", "1.5", "true", "[]", R"("")", R"("1x")",
                                 R"(" 1")", R"("99999999999999999999")"}) {
    const auto it = parse_registration_file(file_with("registration_port", port));
    ASSERT_FALSE(it.has_value()) << port;
    EXPECT_NE(it.error().detail.find("registration_port"), std::string::npos) << it.error().detail;
  }
}

TEST(registration, errors_name_the_member) {
  for (const std::string name : {"kernel_id", "registration_ip", "registration_port", "key"}) {
    for (const std::string value : {"", "null", "{}", "true"}) {
      const auto it = parse_registration_file(file_with(name, value));
      ASSERT_FALSE(it.has_value()) << name << value;
      EXPECT_NE(it.error().detail.find('"' + name + '"'), std::string::npos) << it.error().detail;
    }
  }
  const std::string huge = '"' + std::string(5000, 'x') + '"';
  const std::pair<std::string, std::string> cases[] = {{"kernel_id", R"("")"},
                                                       {"kernel_id", huge},
                                                       {"registration_ip", R"("")"},
                                                       {"transport", R"("udp")"},
                                                       {"signature_scheme", "5"},
                                                       {"signature_scheme", R"("hmac-md5")"},
                                                       {"ip", R"("")"},
                                                       {"curve_publickey", R"("x")"}};
  for (const auto& [name, value] : cases) {
    const auto it = parse_registration_file(file_with(name, value));
    ASSERT_FALSE(it.has_value()) << name << value;
    EXPECT_NE(it.error().detail.find('"' + name + '"'), std::string::npos) << it.error().detail;
  }
  const auto ipc = parse_registration_file(file_with("transport", R"("ipc")"));
  ASSERT_FALSE(ipc.has_value());
  EXPECT_NE(ipc.error().detail.find("\"ip\""), std::string::npos) << ipc.error().detail;
  EXPECT_EQ(parse_registration_file(std::string(70000, ' ') + file_with()).error().code,
            errc::too_large);
  EXPECT_EQ(parse_registration_file("[]").error().code, errc::not_an_object);
}

TEST(registration, a_connection_file_is_none) {
  EXPECT_TRUE(is_registration_file(file_with()));
  EXPECT_TRUE(is_registration_file(file_with("kernel_id", "")));
  EXPECT_FALSE(is_registration_file(write_connection_file(bound())));
  for (const auto* const text : {"", "{", "[]", "5"})
    EXPECT_FALSE(is_registration_file(text));
}

TEST(registration, the_message_is_one_signed_dictionary) {
  const std::string content = make_registration("k\"1", bound());
  EXPECT_EQ(content, dictionary);
  const handshake_message message("key", content);
  const auto frames = frames_of(message);
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[0], "<IDS|MSG>");
  // printf '%s' DICTIONARY | openssl dgst -sha256 -hmac key
  EXPECT_EQ(frames[1], "5957852cb44ca08de7bc82dfd853f836eb0808945cb9cc0a541f101242803341");
  EXPECT_EQ(frames[2], content);
  EXPECT_EQ(handshake_message("", content).frames()[1], "");
}

TEST(registration, an_acknowledgement_is_anything_with_a_good_signature) {
  const std::string sent = make_registration("k", bound());
  for (const auto* const content : {"{}", R"({"status": "ok"})", "ACK"}) {
    const handshake_message message("key", content);
    auto frames = frames_of(message);
    EXPECT_EQ(check_acknowledgement(frames, "key", sent), errc::ok);
    EXPECT_EQ(check_acknowledgement(frames, "other", sent), errc::bad_signature);
    EXPECT_EQ(check_acknowledgement(frames, "", sent), errc::bad_signature);
    frames.insert(frames.begin(), "");  // as a REQ's envelope has it
    EXPECT_EQ(check_acknowledgement(frames, "key", sent), errc::ok);
  }
  const std::vector<std::string_view> unsigned_one = {"<IDS|MSG>", "", "{}"};
  EXPECT_EQ(check_acknowledgement(unsigned_one, "", sent), errc::ok);
  EXPECT_EQ(check_acknowledgement(unsigned_one, "key", sent), errc::bad_signature);
}

TEST(registration, what_is_no_acknowledgement_is_refused) {
  const std::string sent = make_registration("k", bound());
  const handshake_message own("key", sent), good("key", "{}");
  EXPECT_EQ(check_acknowledgement(frames_of(own), "key", sent), errc::replayed);
  auto frames = frames_of(good);
  EXPECT_EQ(check_acknowledgement(std::span(frames).first(2), "key", sent), errc::truncated);
  EXPECT_EQ(check_acknowledgement(std::span(frames).subspan(1), "key", sent), errc::no_delimiter);
  frames.emplace_back("{}");
  EXPECT_EQ(check_acknowledgement(frames, "key", sent), errc::too_many);
  frames.pop_back();
  frames.insert(frames.begin(), 17, "x");
  EXPECT_EQ(check_acknowledgement(frames, "key", sent), errc::too_many);
  const std::string huge(70000, ' ');
  const handshake_message large("key", huge);
  EXPECT_EQ(check_acknowledgement(frames_of(large), "key", sent), errc::too_large);
  EXPECT_EQ(check_acknowledgement({}, "key", sent), errc::no_delimiter);
}

}  // namespace
}  // namespace kmux
