# SPDX-License-Identifier: Apache-2.0
# What cmake --install puts beside the programs and plugins: pages, documents, examples, schemas and rule files. The unit
# and its accounts come with the Debian package (packaging/debian), whose paths they name.
foreach(page dietvpn.1 dietvpn-rules.1 dietvpn.conf.5 dietvpnd.8)
  string(REGEX REPLACE ".*\\." "" section ${page})
  install(FILES docs/man/${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs
  FILES_MATCHING PATTERN "*.md" PATTERN "*.svg" PATTERN "man" EXCLUDE)
install(DIRECTORY conf/examples/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples FILES_MATCHING PATTERN "*.conf")
install(FILES conf/reference.conf DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(DIRECTORY conf/schema/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/schema FILES_MATCHING PATTERN "*.cddl")
install(DIRECTORY conf/rules/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples/rules FILES_MATCHING PATTERN "*.json")
install(DIRECTORY conf/rules/ DESTINATION ${CMAKE_INSTALL_DATADIR}/dietvpn/rules FILES_MATCHING PATTERN "*.cbor")
install(PROGRAMS packaging/demo DESTINATION ${CMAKE_INSTALL_DATADIR}/dietvpn)
