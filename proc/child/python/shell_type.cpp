#include "proc/child/python/process.hpp"
#include "proc/child/python/types.hpp"

namespace kmux::python {

namespace {

PyTypeObject* type = nullptr;

struct shell_object {
  PyObject_HEAD child::shell* it;
};

child::shell& self_of(PyObject* self) {
  return *reinterpret_cast<shell_object*>(self)->it;
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
PyObject* running(PyObject* self, PyObject*) {
  return PyLong_FromUnsignedLongLong(self_of(self).running());
}
PyObject* id(PyObject* self, void*) {
  return to_str(self_of(self).id()).release();
}

void dealloc(PyObject* self) {
  PyTypeObject* const its = Py_TYPE(self);
  reinterpret_cast<freefunc>(PyType_GetSlot(its, Py_tp_free))(self);
  Py_DECREF(its);
}

PyMethodDef methods[] = {
    {"fileno", fd, METH_NOARGS, "Readable while turn() may have something to do."},
    {"turn", turn, METH_NOARGS, "Serves one request; False where there is none."},
    {"stopped", stopped, METH_NOARGS, nullptr},
    {"running", running, METH_NOARGS, "The number of what runs, or 0."},
    {nullptr, nullptr, 0, nullptr}};
PyGetSetDef members[] = {{"id", id, nullptr, "\"\" is the kernel's own", nullptr},
                         {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                       {Py_tp_methods, methods},
                       {Py_tp_getset, members},
                       {Py_tp_new, nullptr},
                       {0, nullptr}};
PyType_Spec spec = {"kmux_child._kmux.Shell", sizeof(shell_object), 0, Py_TPFLAGS_DEFAULT, slots};

}  // namespace

object make_shell(child::shell& it) {
  PyObject* const self = reinterpret_cast<allocfunc>(PyType_GetSlot(type, Py_tp_alloc))(type, 0);
  if (self == nullptr) return {};
  reinterpret_cast<shell_object*>(self)->it = &it;
  return object(self);
}

bool add_shell_type(PyObject* module) {
  type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (type == nullptr) return false;
  Py_INCREF(type);
  return PyModule_AddObject(module, "Shell", reinterpret_cast<PyObject*>(type)) == 0;
}

}  // namespace kmux::python
