// Debian 12's Catch2 2 and Debian 13's Catch2 3 through one include.
#pragma once
#ifdef CATCH2_V3
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
