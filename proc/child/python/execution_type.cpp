#include "proc/child/python/boxed.hpp"
#include "proc/child/python/types.hpp"

namespace kmux::python {

namespace {

using child::served_request;

using execution_box = boxed<std::shared_ptr<served_request>>;

served_request& self_of(PyObject* self) {
  return *execution_box::of(self);
}

/// publish(type, content, metadata=b"{}", buffers=())
PyObject* publish(PyObject* self, PyObject* arguments) {
  return guard([&]() -> PyObject* {
    const char* kind = nullptr;
    PyObject *content = nullptr, *metadata = nullptr, *buffers = nullptr;
    if (!PyArg_ParseTuple(arguments, "sO|OO", &kind, &content, &metadata, &buffers)) return nullptr;
    std::string_view content_text, metadata_text = "{}";
    object keep_content, keep_metadata;
    if (!text_of(content, content_text, keep_content)) return nullptr;
    if (metadata != nullptr && !text_of(metadata, metadata_text, keep_metadata)) return nullptr;
    std::vector<object> kept;
    std::vector<std::string_view> views;
    if (!views_of(buffers, kept, views)) return nullptr;
    served_request& it = self_of(self);
    if (!wait_for_room(it.out())) return nullptr;
    it.publish(kind, content_text, metadata_text, views);
    Py_RETURN_NONE;
  });
}

/// finish(ok, ename, evalue, traceback, payload, user_expressions, execution_count)
PyObject* finish(PyObject* self, PyObject* arguments) {
  return guard([&]() -> PyObject* {
    int ok = 0, count = 0;
    PyObject *ename = nullptr, *evalue = nullptr, *traceback = nullptr, *payload = nullptr,
             *expressions = nullptr;
    if (!PyArg_ParseTuple(arguments, "pOOOOOi", &ok, &ename, &evalue, &traceback, &payload,
                          &expressions, &count)) {
      return nullptr;
    }
    child::execute_result done;
    done.ok = ok != 0;
    done.published = true;
    done.execution_count = count;
    if (!copy_text(ename, done.ename) || !copy_text(evalue, done.evalue) ||
        !copy_text(payload, done.payload) || !copy_text(expressions, done.user_expressions)) {
      return nullptr;
    }
    const Py_ssize_t lines = PySequence_Size(traceback);
    for (Py_ssize_t i = 0; i < lines; ++i) {
      const object line(PySequence_GetItem(traceback, i));
      if (!line || !copy_text(line.get(), done.traceback.emplace_back())) return nullptr;
    }
    if (lines < 0) return nullptr;
    self_of(self).finish(done);
    Py_RETURN_NONE;
  });
}

/// interrupted(): it is served, and an interrupt has been aimed at it.
PyObject* interrupted(PyObject* self, PyObject*) {
  return PyBool_FromLong(self_of(self).interrupted());
}

PyObject* get_serial(PyObject* self, void*) {
  return PyLong_FromUnsignedLongLong(self_of(self).serial());
}
PyObject* get_header(PyObject* self, void*) {
  return to_bytes(self_of(self).asked()->message().header).release();
}
PyObject* get_content(PyObject* self, void*) {
  return to_bytes(self_of(self).asked()->message().content).release();
}
PyObject* get_metadata(PyObject* self, void*) {
  return to_bytes(self_of(self).asked()->message().metadata).release();
}
PyObject* get_msg_id(PyObject* self, void*) {
  return to_str(self_of(self).asked()->head.msg_id).release();
}
PyObject* get_has_expressions(PyObject* self, void*) {
  return PyBool_FromLong(self_of(self).cell.has_user_expressions);
}
PyObject* get_identities(PyObject* self, void*) {
  object out(PyList_New(0));
  for (const auto each : self_of(self).asked()->identities()) {
    const object bytes = to_bytes(each);
    if (!out || !bytes || PyList_Append(out.get(), bytes.get()) != 0) return nullptr;
  }
  return out.release();
}
PyObject* get_buffers(PyObject* self, void*) {
  object out(PyList_New(0));
  for (const auto each : self_of(self).asked()->message().buffers) {
    const object bytes = to_bytes(each);
    const object view(bytes ? PyMemoryView_FromObject(bytes.get()) : nullptr);
    if (!out || !view || PyList_Append(out.get(), view.get()) != 0) return nullptr;
  }
  return out.release();
}

PyMethodDef methods[] = {
    {"publish", publish, METH_VARARGS, "publish(type, content, metadata=b'{}', buffers=()): iopub"},
    {"finish", finish, METH_VARARGS,
     "finish(ok, ename, evalue, traceback, payload, user_expressions, execution_count)"},
    {"interrupted", interrupted, METH_NOARGS, "An interrupt has been aimed at it."},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef members[] = {{"header", get_header, nullptr, "JSON, bytes", nullptr},
                         {"content", get_content, nullptr, "JSON, bytes", nullptr},
                         {"metadata", get_metadata, nullptr, "JSON, bytes", nullptr},
                         {"msg_id", get_msg_id, nullptr, nullptr, nullptr},
                         {"serial", get_serial, nullptr, "0: not served", nullptr},
                         {"has_user_expressions", get_has_expressions, nullptr, nullptr, nullptr},
                         {"identities", get_identities, nullptr, "list of bytes", nullptr},
                         {"buffers", get_buffers, nullptr, "list of memoryview", nullptr},
                         {nullptr, nullptr, nullptr, nullptr, nullptr}};

}  // namespace

bool views_of(PyObject* buffers, std::vector<object>& kept, std::vector<std::string_view>& views) {
  if (buffers == nullptr || buffers == Py_None) return true;
  const Py_ssize_t count = PySequence_Size(buffers);
  if (count < 0) return false;
  for (Py_ssize_t i = 0; i < count; ++i) {
    const object each(PySequence_GetItem(buffers, i));
    // The buffer protocol is not in the stable ABI before 3.11: bytes() goes through it.
    object bytes(each ? PyObject_Bytes(each.get()) : nullptr);
    std::string_view view;
    object keep;
    if (!bytes || !text_of(bytes.get(), view, keep)) return false;
    views.push_back(view);
    kept.push_back(std::move(bytes));
  }
  return true;
}

bool wait_for_room(child::outbox& out) {
  while (!out.has_room()) {
    {
      const without_gil others_run;
      out.wait_for_room(std::chrono::milliseconds(50));
    }
    if (PyErr_CheckSignals() != 0) return false;
  }
  return true;
}

object make_execution(std::shared_ptr<served_request> it) {
  return execution_box::make(std::make_unique<std::shared_ptr<served_request>>(std::move(it)));
}

std::shared_ptr<served_request>* execution_of(PyObject* candidate) {
  return execution_box::try_of(candidate);
}

bool add_execution_type(PyObject* module) {
  return execution_box::add(module, "kmux_child._kmux.Execution", methods, members);
}

}  // namespace kmux::python
