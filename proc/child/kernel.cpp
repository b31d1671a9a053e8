#include <cstdio>
#include <exception>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "proc/child/connection.hpp"
#include "proc/child/control_loop.hpp"
#include "proc/child/kernel_host.hpp"
#include "proc/child/options.hpp"
#include <kmux/child/kernel.hpp>

namespace kmux::child {

struct kernel::impl {
  impl(connection_info connection, interpreter& language)
      : where(std::move(connection)), host(where, language) {}

  connection_info where;
  kernel_host host;
};

kernel::kernel(const std::string& connection_file, interpreter& language) {
  block_signals();
  const startup_file file = read_startup(connection_file);
  impl_ = std::make_unique<impl>(file.asked, language);
  keep_connection(file, impl_->where);
}

kernel::~kernel() = default;

void kernel::run() {
  impl_->host.run();
}

void kernel::stop() {
  impl_->host.stop();
}

void kernel::interrupt() noexcept {
  impl_->host.interrupt();
}

int run_kernel(int argc, char** argv, interpreter& language) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::string file = option_value(arguments, "f");
  if (file.empty()) {
    fmt::print(stderr, "usage: {} -f CONNECTION_FILE\n", argc > 0 ? argv[0] : "kernel");
    return 2;
  }
  try {
    kernel(file, language).run();
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}: {}\n", argv[0], e.what());
    return 1;
  }
}

}  // namespace kmux::child
