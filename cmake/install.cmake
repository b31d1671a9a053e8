# cmake --install: component kmux, the programs and all that belongs to them; kmux-spawn, the helper of
# shared hosts; dev, kmux::child with its headers, for kernels in C++.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# What is made of the tables in the programs.
set(generated ${PROJECT_BINARY_DIR}/packaging)
foreach(page kmuxd.toml man/kmuxd.8 man/kmux-spawn.8 man/kmux.1 man/kmuxd.toml.5 man/kmux-child.1)
  set(template ${PROJECT_SOURCE_DIR}/packaging/${page}.in)
  add_custom_command(OUTPUT ${generated}/${page}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${generated}/man
    COMMAND kmux manual ${template} > ${generated}/${page}
    DEPENDS kmux ${template})
  list(APPEND pages ${generated}/${page})
endforeach()
add_custom_target(kmux_pages ALL DEPENDS ${pages})

set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME kmux)
install(TARGETS kmuxd kmux kmux-child)
# Where kmuxd looks for it: beside the directory that it is in.
install(TARGETS kmux_python LIBRARY DESTINATION lib/kmux/python/kmux_child)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/proc/child/python/kmux_child DESTINATION lib/kmux/python
  FILES_MATCHING REGEX "\\.(py|svg|png)$" PATTERN "__pycache__" EXCLUDE)
install(FILES ${generated}/man/kmuxd.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES ${generated}/man/kmux.1 ${generated}/man/kmux-child.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${generated}/man/kmuxd.toml.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
foreach(program kmux kmuxd)  # a shell looks for a file of the program's name
  install(FILES packaging/completions/kmux.bash RENAME ${program} DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES packaging/completions/kmux.fish RENAME ${program}.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endforeach()
install(FILES packaging/completions/_kmux DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(DIRECTORY docs/examples/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

if(TARGET kmux-spawn)
  install(TARGETS kmux-spawn COMPONENT kmux-spawn)
  install(FILES ${generated}/man/kmux-spawn.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8 COMPONENT kmux-spawn)
endif()

# systemd/: what begins with kmux-spawn is that component's, the rest is kmux's. kmuxd by itself is the one of
# alone/; with kmux-spawn comes what makes it the one of a host that people share.
function(install_units component drop_in)
  list(TRANSFORM ARGN PREPEND ${PROJECT_SOURCE_DIR}/systemd/)
  list(JOIN ARGN " " patterns)
  install(CODE "set(patterns ${patterns})
    set(scratch ${generated}/units)
    set(drop_in ${drop_in})
    include(${PROJECT_SOURCE_DIR}/cmake/install_units.cmake)" COMPONENT ${component})
endfunction()
install_units(kmux "" alone/kmuxd.service kmuxd.socket user/kmuxd* sysusers.conf)
install_units(kmux-spawn "" kmux-spawn*.service kmux-spawn*.socket kmux-kernels* tmpfiles.conf)
install_units(kmux-spawn kmux-spawn kmuxd.service)

# As GNUInstallDirs has it: /etc for the prefix /usr, else below the prefix. Who has written one keeps it.
function(install_configuration component file)
  get_filename_component(name ${file} NAME)
  install(CODE "
    set(etc \"\${CMAKE_INSTALL_PREFIX}/etc\")
    if(CMAKE_INSTALL_PREFIX STREQUAL \"/usr\")
      set(etc /etc)
    endif()
    if(NOT EXISTS \"\$ENV{DESTDIR}\${etc}/kmux/${name}\")
      file(INSTALL \"${file}\" DESTINATION \"\${etc}/kmux\")
    endif()
    " COMPONENT ${component})
endfunction()
install_configuration(kmux ${generated}/kmuxd.toml)
install_configuration(kmux-spawn ${PROJECT_SOURCE_DIR}/systemd/kmux-spawn.toml)

set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME dev)
install(DIRECTORY proc/child/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
set_target_properties(kmux_child PROPERTIES EXPORT_NAME child)
install(TARGETS kmux_child kmux_journal kmux_proc kmux_zmtp kmux_protocol kmux_json EXPORT kmux_targets)
set(kmux_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/kmux)
install(EXPORT kmux_targets NAMESPACE kmux:: DESTINATION ${kmux_cmake_dir} FILE kmux-targets.cmake)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/kmux-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/kmux-config.cmake ${PROJECT_BINARY_DIR}/kmux-config-version.cmake
  DESTINATION ${kmux_cmake_dir})
