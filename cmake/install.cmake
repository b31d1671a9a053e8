# cmake --install: the programs, and kmux::child with its headers, for kernels in C++.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS kmuxd kmux kmux-child kmux-spawn)
# Where kmuxd looks for it: beside the directory that it is in.
install(TARGETS kmux_python LIBRARY DESTINATION lib/kmux/python/kmux_child)
install(DIRECTORY proc/child/python/kmux_child DESTINATION lib/kmux/python
  FILES_MATCHING PATTERN "*.py" PATTERN "__pycache__" EXCLUDE)
install(DIRECTORY proc/child/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
set_target_properties(kmux_child PROPERTIES EXPORT_NAME child)
install(TARGETS kmux_child kmux_journal kmux_proc kmux_zmtp kmux_protocol kmux_json EXPORT kmux_targets)
set(kmux_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/kmux)
install(EXPORT kmux_targets NAMESPACE kmux:: DESTINATION ${kmux_cmake_dir} FILE kmux-targets.cmake)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/kmux-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/kmux-config.cmake ${PROJECT_BINARY_DIR}/kmux-config-version.cmake
  DESTINATION ${kmux_cmake_dir})
