// What a browser or a client says of itself in headers: cookies, tokens, origins, sealed values.
#include <string>
#include <string_view>

#include "daemon/auth/authenticator.hpp"
#include "daemon/auth/browser_rules.hpp"
#include "daemon/http/strict.hpp"
#include "daemon/hub/sealed.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace kmux::daemon;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const sealer seal("secret");
  (void)seal.open(text, "token");
  auto verdict = judge_head(text, head_limits());
  if (verdict.status != 0) return 0;
  const auto& request = verdict.request;
  (void)presented_token(request);
  (void)cookie(request, "service-kmux");
  (void)foreign_host(request, {"kmux.example"});
  (void)cross_site(request, "", "mark");
  (void)is_navigation(request);
  return 0;
}
