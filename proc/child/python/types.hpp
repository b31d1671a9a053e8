#pragma once
// The classes of the extension module kmux_child._kmux, for each other.

#include <memory>
#include <string_view>
#include <vector>

#include "proc/child/kernel_host.hpp"
#include "proc/child/python/object.hpp"
#include "proc/child/served_request.hpp"

namespace kmux::python {

/// Execution: what the code of one request may do. Keeps the request alive.
object make_execution(std::shared_ptr<child::served_request>);
/// nullptr where it is no Execution; no exception is set.
std::shared_ptr<child::served_request>* execution_of(PyObject*);

/// A sequence of bytes-like objects as views, which live as long as `kept`; nullptr and None are
/// none. False with an exception set.
bool views_of(PyObject* buffers, std::vector<object>& kept, std::vector<std::string_view>& views);

/// Shell: a shell loop, for the thread that runs it. Valid as long as the loop.
object make_shell(child::shell&);

/// Each adds its classes to the module; false with an exception set.
bool add_execution_type(PyObject* module);
bool add_shell_type(PyObject* module);
bool add_kernel_type(PyObject* module);
bool add_writer_type(PyObject* module);

/// Writer: a text sink. write(text) sends text of the stream `name` to the request that get()
/// returns, an Execution; where that is None to the latest.
object make_writer(child::kernel_host&, std::string name, object get);

/// The cell that began last: whose the output of threads is that nobody knows of. With the GIL.
std::shared_ptr<const child::request>& latest_request() noexcept;

/// Asker: asks the client of the request that get() returns. Its methods are input() and
/// getpass() for Python's own: in C, because a frame of ours would be in the user's traceback.
object make_asker(object get, object not_implemented);
bool add_asker_type(PyObject* module);

/// Waits until the outbox has room, with the GIL free, so that a signal can end it: false then,
/// with the exception set.
bool wait_for_room(child::outbox&);

/// Turns what C++ throws into a Python exception; the call's result or nullptr.
template <class F>
PyObject* guard(F&& f) noexcept {
  try {
    return f();
  } catch (const std::exception& e) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_RuntimeError, e.what());
    return nullptr;
  }
}

}  // namespace kmux::python
