// Catch2 2 has no library with a main(); Catch2 3 has one (catch2-with-main).
#ifndef CATCH2_V3
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif
