// Golden files: what a test makes is held against a kept file below tests/data. SBX_UPDATE_GOLDEN=1 rewrites them.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "catch.h"

namespace sbx_test {

inline std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

inline void check_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string(TEST_DATA) + "/" + name;
  const char* update = std::getenv("SBX_UPDATE_GOLDEN");
  if (update != nullptr && std::string(update) == "1") {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return;
  }
  INFO("golden file " << name << "; SBX_UPDATE_GOLDEN=1 rewrites it");
  CHECK(std::filesystem::exists(path));
  CHECK(text == read_text(path));
}

}  // namespace sbx_test
