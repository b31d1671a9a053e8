#include "proc/child/python/python_interpreter.hpp"

#include <cstdlib>
#include <unistd.h>

#include "proc/child/python/process.hpp"
#include "proc/child/python/types.hpp"

namespace kmux::python {

using child::code_query;
using child::execute_request;
using child::execution;

namespace {

/// Shows the exception that is set, as an "ignored" one: on the process's own stderr.
void show_exception(PyObject* where) {
  if (PyErr_Occurred() != nullptr) PyErr_WriteUnraisable(where);
}

object call(const object& target, const char* method, const object& arguments) {
  if (!arguments) return {};
  const object bound(PyObject_GetAttrString(target.get(), method));
  return bound ? object(PyObject_CallObject(bound.get(), arguments.get())) : object();
}

object execution_from(const std::shared_ptr<execution>& world) {
  return make_execution(std::static_pointer_cast<child::served_request>(world));
}

}  // namespace

std::string python_interpreter::ask(const char* method, const object& arguments,
                                    std::string otherwise) {
  const object answer = call(target_, method, arguments);
  std::string out;
  if (answer && copy_text(answer.get(), out)) return out;
  show_exception(target_.get());
  return otherwise;
}

child::execute_result python_interpreter::execute(const execute_request&, execution&) {
  return {};  // start() is there
}

void python_interpreter::start(const execute_request& cell, std::shared_ptr<execution> world) {
  const with_gil held;
  const object who = execution_from(world), code = to_str(cell.code);
  if (who && code) {
    const object arguments(Py_BuildValue("OOOO", who.get(), code.get(),
                                         cell.silent ? Py_True : Py_False,
                                         cell.store_history ? Py_True : Py_False));
    if (call(target_, "execute", arguments)) return;
  }
  show_exception(target_.get());
  child::execute_result failed;
  failed.ok = false;
  failed.ename = "RuntimeError";
  failed.evalue = "the kernel failed to run this cell; its log has the reason";
  world->finish(failed);
}

int python_interpreter::count_cell(bool stored) {
  const with_gil held;
  const object arguments(Py_BuildValue("(O)", stored ? Py_True : Py_False));
  const object count = call(target_, "count_cell", arguments);
  const long number = count ? PyLong_AsLong(count.get()) : -1;
  show_exception(target_.get());
  return static_cast<int>(number);
}

void python_interpreter::comm(const child::comm_request& r,
                              const std::shared_ptr<execution>& world) {
  const with_gil held;
  const object who = execution_from(world), kind = to_str(r.type);
  const object arguments(PyTuple_Pack(2, who.get(), kind.get()));
  call(target_, "comm", arguments);
  show_exception(target_.get());
}

std::string python_interpreter::complete(const code_query& q) {
  const with_gil held;
  const object code = to_str(q.code);
  return ask("complete",
             object(Py_BuildValue("On", code.get(), static_cast<Py_ssize_t>(q.cursor_pos))),
             interpreter::complete(q));
}

std::string python_interpreter::inspect(const code_query& q) {
  const with_gil held;
  const object content = to_bytes(q.content);
  return ask("inspect", object(PyTuple_Pack(1, content.get())), interpreter::inspect(q));
}

std::string python_interpreter::is_complete(std::string_view code) {
  const with_gil held;
  const object text = to_str(code);
  return ask("is_complete", object(PyTuple_Pack(1, text.get())), interpreter::is_complete(code));
}

std::string python_interpreter::history(std::string_view content) {
  const with_gil held;
  const object text = to_bytes(content);
  return ask("history", object(PyTuple_Pack(1, text.get())), interpreter::history(content));
}

std::string python_interpreter::comm_info(std::string_view content) {
  const with_gil held;
  const object text = to_bytes(content);
  return ask("comm_info", object(PyTuple_Pack(1, text.get())), interpreter::comm_info(content));
}

std::string python_interpreter::debug(std::string_view content, execution&) {
  const with_gil held;
  const object text = to_bytes(content);
  return ask("debug", object(PyTuple_Pack(1, text.get())), "{}");
}

std::string python_interpreter::stacks() {
  const with_gil held;
  return ask("stacks", object(PyTuple_New(0)), interpreter::stacks());
}

void python_interpreter::run_subshell(child::shell& it) {
  interrupter_.post([] {});  // its thread begins now: later there may be none left
  const with_gil held;
  const object shell = make_shell(it);
  const object arguments(PyTuple_Pack(1, shell.get()));
  call(target_, "run_subshell", arguments);
  show_exception(target_.get());
}

void python_interpreter::interrupt(child::shell& it, bool by_message) {
  if (it.id().empty()) {
    if (by_message) interrupt_main(it);
    return;
  }
  interrupter_.post([this, id = it.id()] {
    const with_gil held;
    const object name = to_str(id);
    call(target_, "interrupt_subshell", object(PyTuple_Pack(1, name.get())));
    show_exception(target_.get());
  });
}

void python_interpreter::forget() {
  interrupter_.stop();
  {
    const without_gil others_run;
    interrupter_.join();
  }
  target_ = {};
}

bool python_interpreter::may_abandon() {
  if (features_.in_program) return false;
  // Exit handlers may take longer than a cell that does not listen.
  constexpr int exit_patience = 4;
  return !interrupts().closing || ++grace_ >= exit_patience;
}

void python_interpreter::abandon() {
  ::_exit(0);
}

}  // namespace kmux::python
