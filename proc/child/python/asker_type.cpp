// input() and getpass().
#include <poll.h>
#include <pthread.h>

#include "proc/child/python/boxed.hpp"
#include "proc/child/python/process.hpp"
#include "proc/child/python/types.hpp"

namespace kmux::python {

namespace {

constexpr int look_again_ms = 20;  ///< no signal wakes a subshell's thread

struct asker_state {
  object get, not_implemented;
};

using asker_box = boxed<asker_state>;

PyObject* wait_for(child::served_request& asked, child::pending_input& pending) {
  for (;;) {
    {
      const without_gil others_run;
      pollfd item{pending.fd(), POLLIN, 0};
      ::poll(&item, 1, look_again_ms);
    }
    if (auto answer = pending.take()) {
      if (*answer == "\x04") {
        PyErr_SetNone(PyExc_EOFError);
        return nullptr;
      }
      return to_str(*answer).release();
    }
    if (PyErr_CheckSignals() != 0) return nullptr;
    // The main thread has it as a signal; twice would hit what handles the first.
    const bool is_main = interrupts().main_thread == static_cast<unsigned long>(::pthread_self());
    if (!is_main && asked.interrupted()) {
      PyErr_SetNone(PyExc_KeyboardInterrupt);
      return nullptr;
    }
  }
}

PyObject* ask(PyObject* self, PyObject* prompt, bool password) {
  return guard([&]() -> PyObject* {
    const asker_state& it = asker_box::of(self);
    std::string text;
    if (prompt != nullptr) {
      const object words(PyObject_Str(prompt));
      if (!words || !copy_text(words.get(), text)) return nullptr;
    }
    const object who(PyObject_CallObject(it.get.get(), nullptr));
    if (!who) return nullptr;
    auto* const execution = execution_of(who.get());
    const auto asked = execution == nullptr ? nullptr : *execution;
    const auto pending = asked == nullptr ? nullptr : asked->ask(text, password);
    if (pending == nullptr) {
      PyErr_SetString(it.not_implemented.get(),
                      "The client does not take requests for input (allow_stdin is false).");
      return nullptr;
    }
    return wait_for(*asked, *pending);
  });
}

PyObject* input(PyObject* self, PyObject* arguments, PyObject* keywords) {
  static const char* names[] = {"prompt", nullptr};
  PyObject* prompt = nullptr;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|O:input", const_cast<char**>(names),
                                   &prompt)) {
    return nullptr;
  }
  return ask(self, prompt, false);
}

PyObject* getpass(PyObject* self, PyObject* arguments, PyObject* keywords) {
  static const char* names[] = {"prompt", "stream", nullptr};
  PyObject *prompt = nullptr, *stream = nullptr;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|OO:getpass", const_cast<char**>(names),
                                   &prompt, &stream)) {
    return nullptr;
  }
  const object usual = to_str("Password: ");
  return ask(self, prompt == nullptr ? usual.get() : prompt, true);
}

template <auto F>
PyCFunction with_keywords() {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(F));
}

PyMethodDef methods[] = {
    {"input", with_keywords<input>(), METH_VARARGS | METH_KEYWORDS,
     "input(prompt='')\n\nAsks the user, in the front end, for a line of text."},
    {"getpass", with_keywords<getpass>(), METH_VARARGS | METH_KEYWORDS,
     "getpass(prompt='Password: ', stream=None)\n\nThe same, without showing what is typed."},
    {nullptr, nullptr, 0, nullptr}};
}  // namespace

object make_asker(object get, object not_implemented) {
  return asker_box::make(
      std::unique_ptr<asker_state>(new asker_state{std::move(get), std::move(not_implemented)}));
}

bool add_asker_type(PyObject* module) {
  return asker_box::add(module, "kmux_child._kmux.Asker", methods);
}

}  // namespace kmux::python
