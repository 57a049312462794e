#include "base/fault.h"
#include "cli/cli.h"
#include "cli/output.h"

int main(int argc, char** argv) {
  sbx::open_standard_fds();
  sbx::load_faults();
  return sbx::run_cli(argc, argv);
}
