#include "daemon/http/receive_budget.hpp"

namespace kmux::daemon {

void receive_budget::count(share& of, std::size_t bytes) {
  if (of.held_ > 0) shares_.erase({of.held_, &of});
  used_ += bytes - of.held_;
  of.held_ = bytes;
  if (bytes > 0) shares_.emplace(bytes, &of);
}

bool receive_budget::share::hold(std::size_t bytes) {
  const std::size_t counted = bytes > free ? bytes : 0;
  if (counted == held_) return true;
  from_.count(*this, counted);
  while (counted > 0 && from_.used_ > from_.most_) {
    share& greediest = *from_.shares_.rbegin()->second;
    from_.count(greediest, 0);
    if (&greediest == this) return false;
    greediest.drop_();
  }
  return true;
}

}  // namespace kmux::daemon
