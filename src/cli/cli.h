// The whole command line: finds the subcommand, prints its error once, returns the exit status.
#pragma once

namespace sbx {
int run_cli(int argc, char** argv);
}  // namespace sbx
