#include "catch.h"
#include "cli/shim_script.h"

using namespace sbx;

TEST_CASE("a shim's script is known again, and runs what it says", "[shim]") {
  const Shim shim = {"build", "/usr/bin/make"};
  const auto script = shim_script(shim, "/usr/bin/sbx");
  CHECK(parse_shim(script) == shim);
  CHECK(script.ends_with("\nexec '/usr/bin/sbx' run --profile 'build' -- '/usr/bin/make' \"$@\"\n"));
}

TEST_CASE("no path ends its word or its line in a shim's script", "[shim]") {
  const Shim shim = {"/p/it's.toml", "/odd/$(id)\n'; id #"};
  const auto script = shim_script(shim, "/usr/bin/sbx");
  CHECK(parse_shim(script) == shim);
  CHECK(script.find("'/odd/$(id)\n'\\''; id #'") != std::string::npos);
}

TEST_CASE("other files are no shims", "[shim]") {
  for (const char* text : {"", "#!/bin/sh\n", "#!/bin/sh\n# sbx-shim: \n", "#!/bin/sh\n# sbx-shim: {\"profile\":1}\n",
                           "# sbx-shim: {\"profile\":\"a\",\"program\":\"/b\"}\n", "#!/bin/sh\n# sbx-shim: [\"a\"]\n",
                           "#!/bin/sh\n# sbx-shim: {\"profile\":\"a\",\"program\":\"b\"}\n",
                           "#!/bin/sh\nexec sbx run -- make\n# sbx-shim: {\"profile\":\"a\",\"program\":\"/b\"}\n"})
    CHECK_FALSE(parse_shim(text));
  for (const char* name : {"", ".", "..", "-x", "a/b", "a b", "a\n"}) CHECK_FALSE(is_shim_name(name));
  for (const char* name : {"make", "g++", "python3.11", "[", "it's"}) CHECK(is_shim_name(name));
}
