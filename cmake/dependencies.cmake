# Third-party libraries, all Debian packages. Which folder may use which: docs/architecture.md.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(RapidJSON REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
pkg_check_modules(libzmq REQUIRED IMPORTED_TARGET libzmq)
pkg_check_modules(tomlplusplus REQUIRED IMPORTED_TARGET tomlplusplus)
find_package(CLI11 REQUIRED)
pkg_check_modules(libsystemd REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(libedit REQUIRED IMPORTED_TARGET libedit)
pkg_check_modules(pam REQUIRED IMPORTED_TARGET pam)

# Asio and Beast are compiled once (protocol/io/asio.cpp, daemon/http/beast.cpp), not in every file.
add_library(kmux_boost INTERFACE)
target_link_libraries(kmux_boost INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(kmux_boost INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_HANDLER_TYPE_REQUIREMENTS)

# std::string in RapidJSON, and its iterative parser everywhere (a recursive one falls to deep nesting).
add_library(kmux_json INTERFACE)
target_include_directories(kmux_json SYSTEM INTERFACE ${RAPIDJSON_INCLUDE_DIRS})
target_compile_definitions(kmux_json INTERFACE RAPIDJSON_HAS_STDSTRING=1)
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter Development.Module)
