#include "proc/child/python/object.hpp"

namespace kmux::python {

bool text_of(PyObject* from, std::string_view& out, object& keep) {
  Py_ssize_t size = 0;
  if (PyUnicode_Check(from)) {
    if (const char* const text = PyUnicode_AsUTF8AndSize(from, &size)) {
      out = {text, static_cast<std::size_t>(size)};
      return true;
    }
    PyErr_Clear();
    keep = object(PyUnicode_AsEncodedString(from, "utf-8", "replace"));
    if (!keep) return false;
    from = keep.get();
  }
  char* bytes = nullptr;
  if (PyBytes_AsStringAndSize(from, &bytes, &size) != 0) return false;
  out = {bytes, static_cast<std::size_t>(size)};
  return true;
}

bool copy_text(PyObject* from, std::string& out) {
  std::string_view text;
  object keep;
  if (!text_of(from, text, keep)) return false;
  out = text;
  return true;
}

}  // namespace kmux::python
