#include <string_view>

#include "base/fault.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "launch/own_program.h"

int main(int argc, char** argv) {
  sbx::open_standard_fds();
  if (argc > 1 && std::string_view(argv[1]) == "run")
    if (const auto left = sbx::leave_own_program(argv); !left) {
      sbx::complain(sbx::format_error(left.error()));
      return sbx::exit_status(left.error());
    }
  sbx::load_faults();
  return sbx::run_cli(argc, argv);
}
