#include <unistd.h>

#include <new>
#include <string_view>

#include "base/fault.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "kernel/descriptors.h"
#include "kernel/resident.h"
#include "launch/own_program.h"

int main(int argc, char** argv) {
  sbx::keep_heap_together();
  // Before anything opens a descriptor. Where it fails the launcher says so.
  int closed = 0;
  static_cast<void>(sbx::fill_standard_descriptors(&closed));
  try {
    if (argc > 1 && (std::string_view(argv[1]) == "run" || std::string_view(argv[1]) == "exec"))
      if (const auto left = sbx::leave_own_program(argv); !left) {
        sbx::complain(sbx::format_error(left.error()));
        return sbx::exit_status(left.error());
      }
    sbx::load_faults();
    sbx::leave_process(sbx::run_cli(argc, argv));
  } catch (const std::bad_alloc&) {
    // Whatever was made has been taken back on the way here. Nothing is allocated to say so.
    static constexpr std::string_view line =
        "sbx: cannot go on: out of memory; raise the limit of address space (ulimit -v) or free some [memory]\n";
    static_cast<void>(!::write(2, line.data(), line.size()));
    return 125;
  }
}
