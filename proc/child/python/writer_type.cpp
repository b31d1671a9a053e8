// What sys.stdout and sys.stderr write to. A million prints are two million calls of this.
#include <unistd.h>

#include "proc/child/python/boxed.hpp"
#include "proc/child/python/process.hpp"
#include "proc/child/python/types.hpp"

namespace kmux::python {

namespace {

using child::outbox;
using clock = std::chrono::steady_clock;

/// Who prints again so soon has not run another program in between.
constexpr auto no_other_program = std::chrono::microseconds(200);

constexpr std::size_t longest_line = 4096;

struct writer_state {
  child::kernel_host& host;
  std::string name;
  object get;
  int fd;            ///< where a forked child writes
  std::string line;  ///< of a forked child: lines go out whole, as those of a terminal do
  clock::time_point last{};
  std::string kept{};       ///< a copy of what was written since keep()
  std::size_t to_keep = 0;  ///< its bound
};

using writer_box = boxed<writer_state>;

bool write_raw(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0) {
      PyErr_SetFromErrno(PyExc_OSError);
      return false;
    }
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool write_line(writer_state& it) {
  const std::string line = std::exchange(it.line, {});
  return write_raw(it.fd, line);
}

/// What is written is on its way, but for a forked child's; a line's end is not waited for any
/// more.
PyObject* flush(PyObject* self, PyObject*) {
  writer_state& it = writer_box::of(self);
  if (forked()) {
    if (!write_line(it)) return nullptr;
  } else {
    it.host.out().settle();
  }
  Py_RETURN_NONE;
}

/// keep(bytes): from now on a copy of that much; returns what was kept before.
PyObject* keep(PyObject* self, PyObject* argument) {
  writer_state& it = writer_box::of(self);
  const std::size_t bytes = PyLong_AsSize_t(argument);
  if (PyErr_Occurred() != nullptr) return nullptr;
  const std::string before = std::exchange(it.kept, {});
  it.to_keep = bytes;
  return to_str(before).release();
}

PyObject* write(PyObject* self, PyObject* argument) {
  writer_state& it = writer_box::of(self);
  if (!PyUnicode_Check(argument)) {
    PyErr_Format(PyExc_TypeError, "write() argument must be str, not %R", Py_TYPE(argument));
    return nullptr;
  }
  std::string_view text;
  object keep;
  if (!text_of(argument, text, keep)) return nullptr;
  if (forked()) {
    it.line += text;
    const bool ends = text.find('\n') != std::string_view::npos || it.line.size() > longest_line;
    if (ends && !write_line(it)) return nullptr;
    return PyLong_FromSsize_t(PyUnicode_GetLength(argument));
  }
  const object who(PyObject_CallObject(it.get.get(), nullptr));
  if (!who) return nullptr;
  const auto* const execution = execution_of(who.get());
  const auto& parent = execution == nullptr ? latest_request() : (*execution)->asked();
  const auto now = clock::now();
  if (now - it.last > no_other_program && it.host.capture() != nullptr) it.host.capture()->drain();
  it.last = now;
  if (it.kept.size() < it.to_keep) it.kept += text.substr(0, it.to_keep - it.kept.size());
  auto written = it.host.out().try_write(parent, it.name, text);
  for (; written == outbox::written::no_room;
       written = it.host.out().try_write(parent, it.name, text)) {
    if (!wait_for_room(it.host.out())) return nullptr;
  }
  if (written == outbox::written::settle) settle_output_soon();
  return PyLong_FromSsize_t(PyUnicode_GetLength(argument));
}

PyMethodDef methods[] = {
    {"write", write, METH_O, "write(text) -> int"},
    {"keep", keep, METH_O, "keep(bytes) -> str, what was kept before"},
    {"flush", flush, METH_NOARGS, "What was written goes out, a line without an end too."},
    {nullptr, nullptr, 0, nullptr}};
}  // namespace

std::shared_ptr<const child::request>& latest_request() noexcept {
  static std::shared_ptr<const child::request> it;
  return it;
}

object make_writer(child::kernel_host& host, std::string name, object get) {
  const int fd = name == "stdout" ? STDOUT_FILENO : STDERR_FILENO;
  return writer_box::make(std::unique_ptr<writer_state>(
      new writer_state{host, std::move(name), std::move(get), fd, {}, {}, {}, 0}));
}

bool add_writer_type(PyObject* module) {
  return writer_box::add(module, "kmux_child._kmux.Writer", methods);
}

}  // namespace kmux::python
