// kmux_child._kmux: the loop pair for Python. One file for every CPython from 3.9 on.
#include "proc/child/python/types.hpp"

namespace {

PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                          "_kmux",
                          "The channels and the two loops of a Jupyter kernel.",
                          -1,
                          nullptr,
                          nullptr,
                          nullptr,
                          nullptr,
                          nullptr};

}  // namespace

PyMODINIT_FUNC PyInit__kmux() {
  using namespace kmux::python;
  object module(PyModule_Create(&definition));
  if (!module || !add_execution_type(module.get()) || !add_shell_type(module.get()) ||
      !add_asker_type(module.get()) || !add_kernel_type(module.get()) ||
      !add_writer_type(module.get())) {
    return nullptr;
  }
  return module.release();
}
