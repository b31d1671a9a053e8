#include "proc/spawn/pam_session.hpp"

#include <cstdlib>
#include <security/pam_appl.h>
#include <string_view>

namespace kmux::spawn {
namespace {

/// There is nobody to talk to: what is said is left, what is asked for fails.
int converse(int count, const pam_message** messages, pam_response** answers, void*) {
  for (int i = 0; i < count; ++i) {
    const int style = messages[i]->msg_style;
    if (style != PAM_TEXT_INFO && style != PAM_ERROR_MSG) return PAM_CONV_ERR;
  }
  // The caller frees it.
  *answers = static_cast<pam_response*>(
      std::calloc(static_cast<std::size_t>(count), sizeof(pam_response)));
  return *answers != nullptr ? PAM_SUCCESS : PAM_BUF_ERR;
}

}  // namespace

struct pam_session::handle {
  pam_conv talk{converse, nullptr};
  pam_handle_t* pam = nullptr;
  int last = PAM_SUCCESS;
  bool established = false, opened = false;

  ~handle() {
    if (opened) last = ::pam_close_session(pam, PAM_SILENT);
    if (established) last = ::pam_setcred(pam, PAM_DELETE_CRED | PAM_SILENT);
    if (pam != nullptr) ::pam_end(pam, last);
  }
  bool open(const std::string& service, const account& who) {
    last = ::pam_start(service.c_str(), who.name.c_str(), &talk, &pam);
    if (last == PAM_SUCCESS) last = ::pam_acct_mgmt(pam, PAM_SILENT);
    if (last == PAM_SUCCESS) last = ::pam_setcred(pam, PAM_ESTABLISH_CRED | PAM_SILENT);
    established = last == PAM_SUCCESS;
    if (established) last = ::pam_open_session(pam, PAM_SILENT);
    return opened = last == PAM_SUCCESS;
  }
};

pam_session::pam_session(std::unique_ptr<handle> pam) : pam_(std::move(pam)) {
}

pam_session::~pam_session() = default;

result<std::unique_ptr<pam_session>> pam_session::open(const std::string& service,
                                                       const account& who) {
  auto pam = std::make_unique<handle>();
  if (pam->open(service, who)) {
    return std::unique_ptr<pam_session>(new pam_session(std::move(pam)));
  }
  return error{errc::refused, "PAM (" + service + ") refuses a session for " + who.name + ": " +
                                  ::pam_strerror(pam->pam, pam->last)};
}

environment pam_session::variables() const {
  environment out;
  char** const all = ::pam_getenvlist(pam_->pam);
  for (char** each = all; each != nullptr && *each != nullptr; ++each) {
    const std::string_view text(*each);
    if (const auto equals = text.find('='); equals != std::string_view::npos && equals > 0) {
      out.insert_or_assign(std::string(text.substr(0, equals)),
                           std::string(text.substr(equals + 1)));
    }
    std::free(*each);
  }
  std::free(all);
  return out;
}

}  // namespace kmux::spawn
