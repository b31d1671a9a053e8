#pragma once
// A PAM session, from before a kernel starts until it has ended: pam(3).

#include <memory>
#include <string>

#include "proc/spawn/policy.hpp"
#include "protocol/kernelspec.hpp"

namespace kmux::spawn {

/// Opened and closed by the same process, as PAM wants it, and not the kernel's.
class pam_session {
public:
  /// Asks for the account (expired, locked out by time) and opens a session. No password: whoever
  /// may ask kmux-spawn has seen to that.
  static result<std::unique_ptr<pam_session>> open(const std::string& service, const account&);
  ~pam_session();

  environment variables() const;

private:
  struct handle;
  explicit pam_session(std::unique_ptr<handle>);
  std::unique_ptr<handle> pam_;
};

}  // namespace kmux::spawn
