#include <algorithm>
#include <chrono>
#include <memory>
#include <set>

#include "proc/child/connection.hpp"
#include "proc/child/kernel_host.hpp"
#include "proc/child/python/boxed.hpp"
#include "proc/child/python/process.hpp"
#include "proc/child/python/python_interpreter.hpp"
#include "proc/child/python/types.hpp"

namespace kmux::python {

namespace {

/// Never destroyed: threads of the language may use it up to the process's end.
struct kernel_state {
  connection_info where;
  python_interpreter language;
  child::kernel_host host;
  object decide;  ///< whether an interrupt raises here and now

  kernel_state(connection_info w, object target, python_interpreter::features f,
               const child::kernel_settings& settings)
      : where(std::move(w)),
        language(std::move(target), std::move(f)),
        host(where, language, settings) {}
};

struct kernel_handle {
  kernel_state& it;
};
using kernel_box = boxed<kernel_handle>;

kernel_state& self_of(PyObject* self) {
  return kernel_box::of(self).it;
}

thread_local int guard_depth = 0;

/// 0 for what is no time.
std::chrono::milliseconds duration_from(double seconds) {
  constexpr double longest = 1e9;
  const std::chrono::duration<double> bounded(seconds > 0 ? std::min(seconds, longest) : 0);
  return std::chrono::ceil<std::chrono::milliseconds>(bounded);
}

/// Kernel(connection_file, language, kernel_info, subshells, debugger, capture,
/// stop_on_error_timeout, in_program)
PyObject* create(PyTypeObject*, PyObject* arguments, PyObject*) {
  return guard([&]() -> PyObject* {
    const char* file = nullptr;
    PyObject *target = nullptr, *info = nullptr;
    int subshells = 0, debugger = 0, capture = 0, in_program = 0;
    double stop_on_error_timeout = 0;
    if (!PyArg_ParseTuple(arguments, "sOOpppdp", &file, &target, &info, &subshells, &debugger,
                          &capture, &stop_on_error_timeout, &in_program)) {
      return nullptr;
    }
    python_interpreter::features features;
    if (!copy_text(info, features.kernel_info)) return nullptr;
    features.subshells = subshells != 0;
    features.debugger = debugger != 0;
    features.in_program = in_program != 0;
    child::kernel_settings settings;
    settings.take_signals = false;
    settings.capture_output = capture != 0;
    settings.follow_parent = in_program == 0;
    settings.stop_on_error_timeout = duration_from(stop_on_error_timeout);
    const child::thread_signals_blocked quiet;
    const child::startup_file startup = child::read_startup(file);
    auto state = std::make_unique<kernel_state>(startup.asked, object::share(target),
                                                std::move(features), settings);
    {
      const without_gil others_run;  // a launcher may take its time
      child::keep_connection(startup, state->where);
    }
    begin(state->host, in_program != 0 ? owner::program : owner::kernel);
    return kernel_box::make(std::unique_ptr<kernel_handle>(new kernel_handle{*state.release()}))
        .release();
  });
}

PyObject* start(PyObject* self, PyObject* decide) {
  return guard([&]() -> PyObject* {
    kernel_state& it = self_of(self);
    it.decide = object::share(decide);
    {
      const child::thread_signals_blocked quiet;  // signals are the main thread's
      it.host.start();
    }
    take_crashes();
    Py_RETURN_NONE;
  });
}
PyObject* finish(PyObject* self, PyObject*) {
  if (forked()) Py_RETURN_NONE;
  kernel_state& it = self_of(self);
  {
    const without_gil others_run;
    it.host.finish();
  }
  Py_RETURN_NONE;
}
PyObject* release(PyObject* self, PyObject*) {
  return guard([&]() -> PyObject* {
    kernel_state& it = self_of(self);
    end();
    it.language.forget();
    it.decide = {};
    latest_request().reset();
    Py_RETURN_NONE;
  });
}
PyObject* stop(PyObject* self, PyObject*) {
  self_of(self).host.terminate();
  Py_RETURN_NONE;
}
PyObject* close(PyObject*, PyObject*) {
  interrupts().closing = true;
  Py_RETURN_NONE;
}
PyObject* shell(PyObject* self, PyObject*) {
  return make_shell(self_of(self).host.shell()).release();
}
PyObject* take_signals_again(PyObject*, PyObject*) {
  take_signals();
  Py_RETURN_NONE;
}
PyObject* forget_interrupts(PyObject*, PyObject*) {
  interrupts().asked = 0;
  Py_RETURN_NONE;
}
PyObject* interrupt(PyObject* self, PyObject*) {
  self_of(self).host.interrupt();
  Py_RETURN_NONE;
}
PyObject* is_forked(PyObject*, PyObject*) {
  return PyBool_FromLong(forked());
}

/// What has begun before `asked` and still awaits is hit where `late`: something else has begun
/// since. 1: raise here and now; -1: with an exception.
int decide(const kernel_state& it, std::uint64_t asked, bool late) {
  const object arguments(
      Py_BuildValue("(KO)", static_cast<unsigned long long>(asked), late ? Py_True : Py_False));
  const object raise(arguments ? PyObject_CallObject(it.decide.get(), arguments.get()) : nullptr);
  return raise ? PyObject_IsTrue(raise.get()) : -1;
}

/// The handler of SIGINT. A Python function would be a frame in the user's traceback.
PyObject* on_interrupt(PyObject* self, PyObject*) {
  const std::uint64_t asked = interrupts().asked.exchange(0);
  kernel_state& it = self_of(self);
  if (!forked()) {
    if (interrupts().closing || asked == 0) Py_RETURN_NONE;
    const bool late = it.host.shell().running() > asked - 1;
    if (late || guard_depth == 0) {
      const int raise = decide(it, asked - 1, late);
      if (raise < 0) return nullptr;
      if (raise == 0) Py_RETURN_NONE;
    }
  }
  PyErr_SetNone(PyExc_KeyboardInterrupt);
  return nullptr;
}

/// The threads that raise_in() was told, and that have not looked since; with the GIL.
std::set<unsigned long> raised_in;

/// What raise_in() raises only at the next bytecode must not hit what comes after the guarded call.
/// Taking it back (a null exception) would do, but leaves CPython 3.11's eval breaker set for ever.
void take_late_raise() {
  if (raised_in.erase(PyThread_get_thread_ident()) == 0) return;
  const object code(Py_CompileString("None", "<kmux>", Py_eval_input)), names(PyDict_New());
  const object ignored(code ? PyEval_EvalCode(code.get(), names.get(), names.get()) : nullptr);
  PyErr_Clear();
}

/// guarded(callable, *arguments) → (result, exception): between its beginning and its end, and
/// nowhere else on this thread, an interrupt raises.
PyObject* guarded(PyObject*, PyObject* arguments) {
  const object callable = object::share(PyTuple_GetItem(arguments, 0));
  if (!callable) return nullptr;
  const object rest(PyTuple_GetSlice(arguments, 1, PyTuple_Size(arguments)));
  if (!rest) return nullptr;
  ++guard_depth;
  object result(PyObject_CallObject(callable.get(), rest.get()));
  --guard_depth;
  if (result) {
    take_late_raise();
    return PyTuple_Pack(2, result.get(), Py_None);
  }
  PyObject *kind = nullptr, *value = nullptr, *traceback = nullptr;
  PyErr_Fetch(&kind, &value, &traceback);
  PyErr_NormalizeException(&kind, &value, &traceback);
  if (traceback != nullptr) PyException_SetTraceback(value, traceback);
  const object keep_kind(kind), keep_value(value), keep_traceback(traceback);
  take_late_raise();
  return PyTuple_Pack(2, Py_None, value);
}

/// raise_in(thread_ident): KeyboardInterrupt at that thread's next bytecode.
PyObject* raise_in(PyObject*, PyObject* ident) {
  const unsigned long thread = PyLong_AsUnsignedLong(ident);
  if (PyErr_Occurred() != nullptr) return nullptr;
  raised_in.insert(thread);
  return PyLong_FromLong(PyThreadState_SetAsyncExc(thread, PyExc_KeyboardInterrupt));
}

/// publish(type, content, metadata, buffers, parent_header): for who has no Execution.
PyObject* publish(PyObject* self, PyObject* arguments) {
  return guard([&]() -> PyObject* {
    const char* kind = nullptr;
    PyObject *content = nullptr, *metadata = nullptr, *buffers = nullptr, *parent = nullptr;
    if (!PyArg_ParseTuple(arguments, "sOOOO", &kind, &content, &metadata, &buffers, &parent)) {
      return nullptr;
    }
    std::string texts[3];
    if (!copy_text(content, texts[0]) || !copy_text(metadata, texts[1]) ||
        !copy_text(parent, texts[2])) {
      return nullptr;
    }
    std::vector<object> kept;
    std::vector<std::string_view> views;
    if (!views_of(buffers, kept, views)) return nullptr;
    kernel_state& it = self_of(self);
    if (!wait_for_room(it.host.out())) return nullptr;
    it.host.says().publish(nullptr, {kind, texts[2], texts[0], texts[1], views});
    Py_RETURN_NONE;
  });
}

/// writer(name, get): the write function of a stream.
PyObject* writer(PyObject* self, PyObject* arguments) {
  return guard([&]() -> PyObject* {
    const char* name = nullptr;
    PyObject* get = nullptr;
    if (!PyArg_ParseTuple(arguments, "sO", &name, &get)) return nullptr;
    return make_writer(self_of(self).host, name, object::share(get)).release();
  });
}

/// asker(get, not_implemented)
PyObject* asker(PyObject*, PyObject* arguments) {
  PyObject *get = nullptr, *error = nullptr;
  if (!PyArg_ParseTuple(arguments, "OO", &get, &error)) return nullptr;
  return make_asker(object::share(get), object::share(error)).release();
}

PyObject* set_latest(PyObject*, PyObject* execution) {
  const auto* const it = execution_of(execution);
  if (it != nullptr) latest_request() = (*it)->asked();
  Py_RETURN_NONE;
}

/// original(fd): a duplicate of what descriptor 1 or 2 was at first.
PyObject* original(PyObject* self, PyObject* argument) {
  const long fd = PyLong_AsLong(argument);
  if (PyErr_Occurred() != nullptr) return nullptr;
  const auto* const capture = self_of(self).host.capture();
  return PyLong_FromLong(capture == nullptr ? fd : capture->original(static_cast<int>(fd)));
}

/// control_request(): the last on the control channel, as an Execution; None before there was one.
PyObject* control_request(PyObject* self, PyObject*) {
  return guard([&]() -> PyObject* {
    auto& host = self_of(self).host;
    auto asked = host.latest_on_control();
    if (!asked) Py_RETURN_NONE;
    return make_execution(std::make_shared<child::served_request>(host.shell(), std::move(asked),
                                                                  child::served_request::unseen))
        .release();
  });
}

PyObject* get_session(PyObject* self, void*) {
  return to_str(self_of(self).host.session()).release();
}

PyMethodDef methods[] = {
    {"start", start, METH_O, "start(decide): the control loop begins."},
    {"finish", finish, METH_NOARGS, "Sends what was said, and closes the sockets."},
    {"release", release, METH_NOARGS, "After finish(): the process is a program's again."},
    {"stop", stop, METH_NOARGS, "Asks for the end. Any thread."},
    {"close", close, METH_NOARGS, "No interrupt raises from now on."},
    {"shell", shell, METH_NOARGS, "The kernel's own shell."},
    {"take_signals", take_signals_again, METH_NOARGS, nullptr},
    {"forget_interrupts", forget_interrupts, METH_NOARGS, nullptr},
    {"interrupt", interrupt, METH_NOARGS, "As interrupt_request. Any thread."},
    {"on_interrupt", on_interrupt, METH_VARARGS, "For signal.signal(SIGINT)."},
    {"guarded", guarded, METH_VARARGS, "guarded(callable, *arguments) -> (result, exception)"},
    {"raise_in", raise_in, METH_O, "raise_in(thread_ident)"},
    {"forked", is_forked, METH_NOARGS, nullptr},
    {"publish", publish, METH_VARARGS, "publish(type, content, metadata, buffers, parent_header)"},
    {"writer", writer, METH_VARARGS, "writer(name, get)"},
    {"asker", asker, METH_VARARGS, "asker(get, error_class)"},
    {"set_latest", set_latest, METH_O, "Whose output is nobody's else."},
    {"control_request", control_request, METH_NOARGS, nullptr},
    {"original", original, METH_O, "original(fd)"},
    {nullptr, nullptr, 0, nullptr}};
PyGetSetDef members[] = {{"session", get_session, nullptr, nullptr, nullptr},
                         {nullptr, nullptr, nullptr, nullptr, nullptr}};
}  // namespace

bool add_kernel_type(PyObject* module) {
  return kernel_box::add(module, "kmux_child._kmux.Kernel", methods, members, create);
}

}  // namespace kmux::python
