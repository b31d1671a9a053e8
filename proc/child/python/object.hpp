#pragma once
// CPython's stable ABI (PEP 384), as of 3.9, with owners for references.

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x03090000
#include <Python.h>
#include <string>
#include <string_view>
#include <utility>

extern "C" {
// In the stable ABI since 3.10, and exported before that.
const char* PyUnicode_AsUTF8AndSize(PyObject*, Py_ssize_t*);
}

namespace kmux::python {

/// Owns one reference. To be used with the GIL held.
class object {
public:
  object() = default;
  /// Takes the reference over; nullptr stays an error that is set.
  explicit object(PyObject* owned) noexcept : it_(owned) {}
  static object share(PyObject* borrowed) noexcept {
    Py_XINCREF(borrowed);
    return object(borrowed);
  }
  object(object&& other) noexcept : it_(other.release()) {}
  object& operator=(object&& other) noexcept {
    PyObject* const old = std::exchange(it_, other.release());
    Py_XDECREF(old);
    return *this;
  }
  ~object() { Py_XDECREF(it_); }

  PyObject* get() const noexcept { return it_; }
  PyObject* release() noexcept { return std::exchange(it_, nullptr); }
  explicit operator bool() const noexcept { return it_ != nullptr; }

private:
  PyObject* it_ = nullptr;
};

/// Holds the GIL; any thread of the process, also one that Python did not make.
class with_gil {
public:
  with_gil() : state_(PyGILState_Ensure()) {}
  ~with_gil() { PyGILState_Release(state_); }
  with_gil(const with_gil&) = delete;
  with_gil& operator=(const with_gil&) = delete;

private:
  PyGILState_STATE state_;
};

/// Lets others have the GIL.
class without_gil {
public:
  without_gil() : state_(PyEval_SaveThread()) {}
  ~without_gil() { PyEval_RestoreThread(state_); }
  without_gil(const without_gil&) = delete;
  without_gil& operator=(const without_gil&) = delete;

private:
  PyThreadState* state_;
};

inline object to_str(std::string_view text) {
  return object(PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
}
inline object to_bytes(std::string_view bytes) {
  return object(PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size())));
}

/// The bytes of a bytes or str object, as long as that lives; lone surrogates become '?'. False,
/// with an exception set, for another type. `keep` owns what had to be made.
bool text_of(PyObject*, std::string_view& out, object& keep);
/// The same, copied.
bool copy_text(PyObject*, std::string& out);

}  // namespace kmux::python
