#include "daemon/api/body.hpp"

#include <gtest/gtest.h>

namespace kmux::daemon {
namespace {

result<rapidjson::Document> parsed(std::string body) {
  http_request r;
  r.body = std::move(body);
  return body_object(r);
}

/// An object that is known to be one.
rapidjson::Document object(const std::string& text) {
  auto document = json::parse_object(text, "the test's own");
  EXPECT_TRUE(document.has_value()) << text;
  return std::move(*document);
}

TEST(body, an_object_or_nothing) {
  for (const auto* none : {"", " \t\r\n", "null", " null\n", "{}"}) {
    const auto document = parsed(none);
    ASSERT_TRUE(document.has_value()) << none;
    EXPECT_TRUE(document->IsObject()) << none;
    EXPECT_EQ(document->MemberCount(), 0U) << none;
  }
  const auto document = parsed(" {\"name\": \"\\u00e9\"}\n");
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(json::string_at(*document, "name"), "é");
}

TEST(body, texts_are_bounded) {
  std::string out;
  const auto most = object("{\"a\": \"" + std::string(4096, 'x') + "\"}");
  EXPECT_TRUE(read_string(most, "a", out).has_value());
  EXPECT_EQ(out.size(), 4096U);
  const auto more = object("{\"a\": \"" + std::string(4097, 'x') + "\"}");
  EXPECT_EQ(read_string(more, "a", out).error().code, errc::too_large);
}

TEST(body, other_json_is_not_an_object) {
  for (const auto* text : {"[]", "5", "true", "\"{}\"", "[{}]"}) {
    const auto document = parsed(text);
    ASSERT_FALSE(document.has_value()) << text;
    EXPECT_EQ(document.error().code, errc::not_an_object) << text;
  }
}

TEST(body, what_is_no_json_is_said_with_its_place) {
  for (const auto* text : {"{", "}", "{} {}", "{}x", "{'a': 1}", "{\"a\": 1,}", "{\"a\": NaN}",
                           "{\"a\": 01}", "name=python3", "{\"a\": \"\xff\"}",
                           "{\"a\": \"\\ud800\"}", "{\"a\": \"\n\"}", "nul", "{\"a\" 1}"}) {
    const auto document = parsed(text);
    ASSERT_FALSE(document.has_value()) << text;
    EXPECT_EQ(document.error().code, errc::bad_json) << text;
    EXPECT_TRUE(document.error().detail.starts_with("the request's body is not JSON: "))
        << document.error().detail;
  }
  const auto document = parsed("{\"a\": x}");
  ASSERT_FALSE(document.has_value());
  EXPECT_NE(document.error().detail.find("(at byte 6)"), std::string::npos)
      << document.error().detail;
}

TEST(body, deep_nesting_is_refused) {
  const auto nested = [](int levels) {
    std::string text = "{\"a\": ";
    text.append(static_cast<std::size_t>(levels), '[')
        .append(static_cast<std::size_t>(levels), ']');
    return parsed(text + "}");
  };
  EXPECT_TRUE(nested(199).has_value());
  EXPECT_FALSE(nested(200).has_value());
  const auto deep = nested(1'000'000);
  ASSERT_FALSE(deep.has_value());
  EXPECT_NE(deep.error().detail.find("nested"), std::string::npos) << deep.error().detail;
}

TEST(body, strings) {
  std::string out = "before";
  for (const auto* absent : {"{}", R"({"name": null})", R"({"Name": "x"})"}) {
    EXPECT_TRUE(read_string(object(absent), "name", out).has_value()) << absent;
    EXPECT_EQ(out, "before") << absent;
  }
  EXPECT_TRUE(read_string(object(R"({"name": "\u00e9 x"})"), "name", out).has_value());
  EXPECT_EQ(out, "é x");
  EXPECT_TRUE(read_string(object(R"({"name": ""})"), "name", out).has_value());
  EXPECT_EQ(out, "");
}

TEST(body, another_type_than_string_is_an_error_that_names_it) {
  for (const auto* bad : {"5", "true", "[]", "{}", "[\"x\"]", R"("a\u0000b")"}) {
    std::string out = "before";
    const auto read = read_string(object("{\"name\": " + std::string(bad) + "}"), "name", out);
    ASSERT_FALSE(read.has_value()) << bad;
    EXPECT_EQ(read.error().code, errc::bad_field) << bad;
    EXPECT_NE(read.error().detail.find("\"name\""), std::string::npos) << read.error().detail;
    EXPECT_EQ(out, "before") << bad;
  }
}

errc env_error(const std::string& env) {
  environment out;
  const auto read = read_environment(object("{\"env\": " + env + "}"), out);
  return read ? errc::ok : read.error().code;
}

environment env_of(const std::string& env) {
  environment out = {{"KEPT", "1"}, {"A", "0"}};
  const auto read = read_environment(object("{\"env\": " + env + "}"), out);
  EXPECT_TRUE(read.has_value()) << env;
  return out;
}

TEST(body_env, adds_to_what_there_is) {
  const environment before = {{"KEPT", "1"}, {"A", "0"}};
  EXPECT_EQ(env_of("null"), before);
  EXPECT_EQ(env_of("{}"), before);
  EXPECT_EQ(env_of(R"({"A": "=a b\n", "_b9": ""})"),
            (environment{{"KEPT", "1"}, {"A", "=a b\n"}, {"_b9", ""}}));
  EXPECT_EQ(env_of(R"({"A": null, "B": null})"), before) << "null is absent, here as elsewhere";
}

TEST(body_env, the_last_of_two_values_counts) {
  // As in most parsers (RFC 8259 section 4); and each is looked at.
  EXPECT_EQ(env_of(R"({"A": "1", "A": "2"})").at("A"), "2");
  EXPECT_EQ(env_of(R"({"B": null, "B": "2"})").at("B"), "2");
  EXPECT_EQ(env_error(R"({"A": "1", "A": 2})"), errc::bad_field);
}

TEST(body_env, names_and_values_that_no_shell_would_take) {
  for (const auto* bad :
       {"[]", "\"A=1\"", "5", R"({"A": 1})", R"({"A": ["x"]})", R"({"A": "a\u0000b"})",
        R"({"": "x"})", R"({"9A": "x"})", R"({"A=B": "x"})", R"({"A B": "x"})",
        R"({"A\u0000": ""})", R"({"a-b": "x"})", R"({"é": "x"})", R"({"A\n": "x"})"}) {
    EXPECT_EQ(env_error(bad), errc::bad_field) << bad;
  }
  const auto named = [](std::size_t length) {
    return "{\"" + std::string(length, 'A') + "\": \"x\"}";
  };
  EXPECT_EQ(env_error(named(256)), errc::ok);
  EXPECT_EQ(env_error(named(257)), errc::bad_field);
}

TEST(body_env, is_bounded) {
  const auto many = [](int variables, std::size_t value) {
    std::string out;
    for (int i = 0; i < variables; ++i)
      out += (i == 0 ? "{\"A" : ", \"A") + std::to_string(i) + "\": \"" + std::string(value, 'x') +
             "\"";
    return out + "}";
  };
  EXPECT_EQ(env_error(many(1000, 1)), errc::ok);
  EXPECT_EQ(env_error(many(1001, 1)), errc::too_many);
  // execve takes no longer string, and would only say so once the kernel is to start: "A0=x…" with
  // its final NUL.
  EXPECT_EQ(env_error(many(1, (128 << 10) - 4)), errc::ok);
  EXPECT_EQ(env_error(many(1, (128 << 10) - 3)), errc::too_large);
  // All together: just below a MiB, names included, and just above it.
  EXPECT_EQ(env_error(many(16, (64 << 10) - 3)), errc::ok);
  EXPECT_EQ(env_error(many(16, (64 << 10) - 2)), errc::too_large);
}

TEST(body, a_kernel_request_takes_its_members_and_no_others) {
  const auto all = read_kernel_request(object(
      R"({"name": "n", "path": "p", "kernel_id": "k", "env": {"A": "1"}, "id": "x", "x": 5})"));
  ASSERT_TRUE(all.has_value());
  EXPECT_EQ(all->name, "n");
  EXPECT_EQ(all->path, "p");
  EXPECT_EQ(all->id, "k");
  EXPECT_EQ(all->env, (environment{{"A", "1"}}));

  const auto none = read_kernel_request(object("{}"));
  ASSERT_TRUE(none.has_value());
  EXPECT_TRUE(none->name.empty() && none->path.empty() && none->id.empty() && none->env.empty());
}

TEST(body, a_kernel_request_passes_each_members_error_on) {
  for (const auto* bad : {"name", "path", "kernel_id", "env"}) {
    const auto read = read_kernel_request(object("{\"" + std::string(bad) + "\": 5}"));
    ASSERT_FALSE(read.has_value()) << bad;
    EXPECT_NE(read.error().detail.find('"' + std::string(bad) + '"'), std::string::npos)
        << read.error().detail;
  }
}

}  // namespace
}  // namespace kmux::daemon
