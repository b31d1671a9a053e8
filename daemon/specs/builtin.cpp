#include "daemon/specs/builtin.hpp"

#include <algorithm>
#include <filesystem>

namespace kmux::daemon {

namespace fs = std::filesystem;

installed_spec echo_spec() {
  installed_spec out;
  out.name = "echo";
  out.host = launch_spec::kind::echo;
  out.spec.argv = {"kmux-child", "echo", "-f", "{connection_file}"};
  out.spec.display_name = "Echo (kmux)";
  out.spec.language = "echo";
  out.spec.kernel_protocol_version = "5.5";
  return out;
}

installed_spec python_spec(const python_host& where, std::string name) {
  installed_spec out;
  out.name = std::move(name);
  out.host = launch_spec::kind::native;
  out.spec.argv = {where.program, where.package, "-f", "{connection_file}"};
  out.spec.display_name = "Python 3 (kmux)";
  out.spec.language = "python";
  out.spec.metadata = R"({"debugger": true, "supported_encryption": ["curve"]})";
  out.spec.kernel_protocol_version = "5.5";
  return out;
}

bool host_natively(installed_spec& installed, const python_host& where) {
  auto& argv = installed.spec.argv;
  const auto module = std::find(argv.begin(), argv.end(), "-m");
  if (module == argv.end() || module + 1 == argv.end() || where.package.empty()) return false;
  if (module[1] != "ipykernel_launcher" && module[1] != "ipykernel") return false;
  *module = where.package;
  argv.erase(module + 1);
  installed.host = launch_spec::kind::native;
  return true;
}

std::string find_python_package() {
  std::error_code ec;
  const fs::path program = fs::read_symlink("/proc/self/exe", ec);
  if (ec) return {};
  const fs::path package =
      program.parent_path().parent_path() / "lib" / "kmux" / "python" / "kmux_child";
  return fs::exists(package / "__main__.py", ec) ? package.string() : std::string();
}

}  // namespace kmux::daemon
