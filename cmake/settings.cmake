# How everything here is compiled. One place, so that a folder's CMakeLists.txt only lists its files.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)  # the libraries are in a Python extension too
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

option(KMUX_WERROR "warnings are errors" OFF)
set(KMUX_SANITIZE "" CACHE STRING "sanitizers, as -fsanitize= takes them (address,undefined or thread)")
option(KMUX_FUZZ "build the fuzz targets with libFuzzer (clang)" OFF)

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow=local -Wnon-virtual-dtor -Woverloaded-virtual)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # clang knows no -Wshadow=local; RapidJSON's comparisons are ambiguous only in clang's eyes.
  add_compile_options(-Wno-unknown-warning-option -Wno-ambiguous-reversed-operator)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 takes Asio's own operator new of coroutine frames for a mismatch.
  add_compile_options(-Wno-mismatched-new-delete)
endif()
if(KMUX_WERROR)
  add_compile_options(-Werror)
endif()

# What nobody calls is left out: the daemon's code is most of its resident memory.
add_compile_options(-ffunction-sections -fdata-sections)
add_link_options(-Wl,--gc-sections)

if(CMAKE_BUILD_TYPE STREQUAL "Release")
  # What is installed on hosts of others: as Debian builds its own.
  add_compile_options(-fstack-protector-strong -D_FORTIFY_SOURCE=2)
  add_link_options(-Wl,-z,relro,-z,now)
endif()

if(KMUX_SANITIZE)
  add_compile_options(-fsanitize=${KMUX_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${KMUX_SANITIZE})
  if(KMUX_SANITIZE MATCHES undefined)
    # clang: "Cannot represent a difference across sections" with Boost's coroutines otherwise.
    add_compile_options(-fno-sanitize=function
      -fsanitize-ignorelist=${CMAKE_CURRENT_SOURCE_DIR}/cmake/sanitizer-ignore.txt)
  endif()
endif()
if(KMUX_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(KMUX_MOLD mold)
if(KMUX_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
find_program(KMUX_CCACHE ccache)
if(KMUX_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${KMUX_CCACHE})
endif()
