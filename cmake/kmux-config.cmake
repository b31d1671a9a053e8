# find_package(kmux): the target kmux::child. What it is linked with are Debian packages.
include(CMakeFindDependencyMacro)
find_dependency(Boost)
find_dependency(OpenSSL)
find_dependency(PkgConfig)
find_dependency(fmt)
pkg_check_modules(libzmq REQUIRED IMPORTED_TARGET libzmq)
include(${CMAKE_CURRENT_LIST_DIR}/kmux-targets.cmake)
