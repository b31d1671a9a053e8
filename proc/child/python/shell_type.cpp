#include "proc/child/python/boxed.hpp"
#include "proc/child/python/types.hpp"

namespace kmux::python {

namespace {

/// The loop is the runtime's, and outlives its thread's use of this.
struct shell_handle {
  child::shell& it;
};
using shell_box = boxed<shell_handle>;

child::shell& self_of(PyObject* self) {
  return shell_box::of(self).it;
}

PyObject* fd(PyObject* self, PyObject*) {
  return PyLong_FromLong(self_of(self).fd());
}
PyObject* turn(PyObject* self, PyObject*) {
  return guard([&] {
    const bool served = self_of(self).turn();
    // What went wrong in a call was shown; it must not go on as an exception of this one.
    PyErr_Clear();
    return PyBool_FromLong(served);
  });
}
PyObject* stopped(PyObject* self, PyObject*) {
  return PyBool_FromLong(self_of(self).stopped());
}
PyObject* id(PyObject* self, void*) {
  return to_str(self_of(self).id()).release();
}

PyMethodDef methods[] = {
    {"fileno", fd, METH_NOARGS, "Readable while turn() may have something to do."},
    {"turn", turn, METH_NOARGS, "Serves one request; False where there is none."},
    {"stopped", stopped, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr}};
PyGetSetDef members[] = {{"id", id, nullptr, "\"\" is the kernel's own", nullptr},
                         {nullptr, nullptr, nullptr, nullptr, nullptr}};
}  // namespace

object make_shell(child::shell& it) {
  return shell_box::make(std::unique_ptr<shell_handle>(new shell_handle{it}));
}

bool add_shell_type(PyObject* module) {
  return shell_box::add(module, "kmux_child._kmux.Shell", methods, members);
}

}  // namespace kmux::python
