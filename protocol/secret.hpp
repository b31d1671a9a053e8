#pragma once
// A token, a key, a password: what no log, error or command line may have in it.

#include <string>
#include <utility>

namespace kmux {

/// Has no operator<<, no formatter and no conversion, so that whoever would print it by mistake
/// does not compile. Equality is for tests: what an outsider presents is compared elsewhere, in
/// constant time.
class secret {
public:
  secret() = default;
  explicit secret(std::string value) : value_(std::move(value)) {}

  bool empty() const noexcept { return value_.empty(); }
  /// For who must know it: to sign, to show it to a peer, to write it into a file of mode 0600.
  const std::string& reveal() const noexcept { return value_; }

  friend bool operator==(const secret&, const secret&) = default;

private:
  std::string value_;
};

}  // namespace kmux
