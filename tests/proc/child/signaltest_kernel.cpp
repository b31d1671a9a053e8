// jupyter_client's SignalTestKernel on kmux::child: what a launcher may do to a kernel with
// signals.
//
//   start   a child, `bash -i -c "sleep 30"`, in our process group; tells its pid
//   check   how each of them ended: null, or minus the signal's number
//   env     the variable TEST_VARS
//   sleep   ten seconds; tells whether it was interrupted
//
// NO_SIGTERM_REPLY=1: SIGTERM is ignored. FAIL_ON_START=1: it does not get as far as its sockets.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <vector>

#include <fmt/format.h>

#include "proc/child/connection.hpp"
#include "proc/child/kernel_host.hpp"
#include "proc/child/options.hpp"

namespace {

using namespace kmux::child;

bool is_set(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr && std::string_view(value) == "1";
}

class signaltest : public interpreter {
public:
  std::string kernel_info() const override {
    return R"({"implementation": "signaltest", "implementation_version": "0", "banner": "",
               "language_info": {"name": "test", "version": "0", "mimetype": "text/plain",
                                 "file_extension": ".test"}})";
  }

  execute_result execute(const execute_request& cell, execution& world) override {
    execute_result done;
    if (cell.code == "start") {
      done.user_expressions = fmt::format(R"({{"pid": {}}})", start_child());
    } else if (cell.code == "check") {
      done.user_expressions = fmt::format(R"({{"poll": [{}]}})", check());
    } else if (cell.code == "env") {
      const char* const value = std::getenv("TEST_VARS");
      done.user_expressions =
          fmt::format(R"({{"env": {}}})", quoted(value == nullptr ? "" : value));
    } else if (cell.code == "sleep") {
      const bool slept = world.sleep(std::chrono::seconds(10));
      done.user_expressions = fmt::format(R"({{"interrupted": {}}})", !slept);
    } else {
      return {false, "Error", cell.code, {"no such command: " + cell.code}};
    }
    return done;
  }

private:
  struct child {
    pid_t pid;
    std::string ended = "null";
  };

  pid_t start_child() {
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    sigset_t none;
    ::sigemptyset(&none);  // ours are blocked
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    char bash[] = "bash", interactive[] = "-i", command[] = "-c", sleep[] = "sleep 30";
    char* const argv[] = {bash, interactive, command, sleep, nullptr};
    pid_t pid = -1;
    if (::posix_spawnp(&pid, bash, nullptr, &attributes, argv, environ) != 0) pid = -1;
    ::posix_spawnattr_destroy(&attributes);
    children_.push_back({pid});
    return pid;
  }

  std::string check() {
    std::string out;
    for (auto& each : children_) {
      int status = 0;
      if (each.ended == "null" && ::waitpid(each.pid, &status, WNOHANG) == each.pid) {
        each.ended = std::to_string(WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
      }
      out += (out.empty() ? "" : ", ") + each.ended;
    }
    return out;
  }

  std::vector<child> children_;
};

}  // namespace

int main(int argc, char** argv) {
  if (is_set("FAIL_ON_START")) return 1;
  block_signals();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  signaltest language;
  auto where = read_connection(option_value(arguments, "f"));
  kernel_host host(where, language);
  if (is_set("NO_SIGTERM_REPLY")) {
    // The control loop reads what is pending; what is ignored never is.
    ::signal(SIGTERM, SIG_IGN);
  }
  host.run();
}
