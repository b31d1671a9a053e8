#pragma once
// Jupyter sessions: which document uses which kernel.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/kernels/kernel_manager.hpp"

namespace kmux::daemon {

struct session {
  std::string id;
  std::string path;
  std::string name;
  std::string type = "notebook";
  std::string kernel_id;
  std::string owner;
};

/// In memory, and in RUNTIME/sessions.json so that the next daemon knows them too. A session whose
/// kernel is gone is dropped when it is next looked for. Loop thread only.
class session_store {
public:
  session_store(kernel_manager& kernels, std::string file);

  /// Reads what an earlier daemon left; a file that cannot be read is logged and replaced.
  void load();

  std::vector<session> list(const identity& who);
  std::optional<session> find(const std::string& id, const identity& who);
  std::optional<session> find_path(const std::string& path, const identity& who);
  void put(const session&);
  void remove(const std::string& id);

private:
  void drop_stale();
  void save() const;

  kernel_manager& kernels_;
  std::string file_;
  std::map<std::string, session> sessions_;
};

}  // namespace kmux::daemon
