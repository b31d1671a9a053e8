#pragma once
// A Python class around one C++ object, in the stable ABI.

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "proc/child/python/object.hpp"

namespace kmux::python {

/// One class of the extension module for each T; its instances own a T. What the class can do is in
/// the slots that add() is given. To be used with the GIL held.
template <class T>
class boxed {
public:
  /// Makes the class, and puts it into the module; false with an exception set. `name` is
  /// "kmux_child._kmux.NAME"; it and the tables live as long as the process. Without a `create`
  /// (tp_new) Python code cannot make instances.
  static bool add(PyObject* module, const char* name, PyMethodDef* methods,
                  PyGetSetDef* members = nullptr, newfunc create = refuse) {
    static PyGetSetDef none[] = {{nullptr, nullptr, nullptr, nullptr, nullptr}};
    PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                           {Py_tp_methods, methods},
                           {Py_tp_getset, members == nullptr ? none : members},
                           {Py_tp_new, reinterpret_cast<void*>(create)},
                           {0, nullptr}};
    PyType_Spec spec = {name, sizeof(layout), 0, Py_TPFLAGS_DEFAULT, slots};
    type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
    if (type == nullptr) return false;
    Py_INCREF(type);
    const std::string_view whole(name);
    const std::string short_name(whole.substr(whole.rfind('.') + 1));
    return PyModule_AddObject(module, short_name.c_str(), reinterpret_cast<PyObject*>(type)) == 0;
  }

  /// Empty with an exception set where there is no memory.
  static object make(std::unique_ptr<T> it) {
    PyObject* const self = reinterpret_cast<allocfunc>(PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (self != nullptr) reinterpret_cast<layout*>(self)->it = it.release();
    return object(self);
  }

  static T& of(PyObject* self) noexcept { return *reinterpret_cast<layout*>(self)->it; }
  /// nullptr for an object of another class; no exception is set.
  static T* try_of(PyObject* candidate) noexcept {
    return candidate != nullptr && Py_TYPE(candidate) == type ? &of(candidate) : nullptr;
  }

private:
  struct layout {
    PyObject_HEAD T* it;
  };

  static PyObject* refuse(PyTypeObject* its, PyObject*, PyObject*) {
    PyErr_Format(PyExc_TypeError, "%R is made by the kernel only", its);
    return nullptr;
  }

  static void dealloc(PyObject* self) {
    PyTypeObject* const its = Py_TYPE(self);
    delete reinterpret_cast<layout*>(self)->it;
    reinterpret_cast<freefunc>(PyType_GetSlot(its, Py_tp_free))(self);
    Py_DECREF(its);
  }

  static inline PyTypeObject* type = nullptr;
};

}  // namespace kmux::python
