#include "cli/telemetry_table.h"

namespace sbx {
namespace {

constexpr OptionInfo help_option = {"help", 'h', Takes::nothing, {}, "Print this help."};

constexpr OptionInfo logs_options[] = {
    {"follow", 'f', Takes::nothing, {}, "Go on with what comes, until interrupted."},
    {"lines", 'n', Takes::value, "N", "Print the last N lines alone."},
    {"since", 0, Takes::value, "TIME", "Begin at TIME, as journalctl takes it. Without it: when the sandbox was made."},
    {"json", 0, Takes::nothing, {}, "Print JSON, an entry a line, with all its fields."},
    help_option};
constexpr Example logs_examples[] = {{"sbx logs web", "what web and its commands have logged"},
                                     {"sbx logs -f -n 20 web", "the last twenty lines, and what comes"}};

constexpr OptionInfo metrics_options[] = {
    {"format", 0, Takes::value, "FORMAT", "openmetrics, or prometheus: the older text format.", Completes::choice,
     "openmetrics prometheus"},
    {"listen", 0, Takes::optional_value, "ADDRESS",
     "Serve them over HTTP under /metrics: on the socket that sbx-metrics.socket hands over, or on ADDRESS, which is "
     "127.0.0.1:PORT, [::1]:PORT or the absolute path of a socket."},
    help_option};
constexpr Example metrics_examples[] = {{"sbx metrics", "of all your sandboxes"},
                                        {"sbx metrics --format prometheus", "for readers of files"}};

constexpr Command telemetry_commands[] = {
    {"logs", "ID|NAME", "Show what the journal has of a sandbox",
     "Shown are its start and end, what sbx run --log=journal handed over, and what else its scope has logged; of one that "
     "has ended as well. journalctl does it.",
     logs_options, logs_examples},
    {"metrics", "", "Print or serve metrics of the sandboxes",
     "Of running ones memory, CPU time and throttling, processes, I/O, pressure and kills for memory; of ended ones their "
     "statuses and the time of their launch by its steps. The system's Prometheus reads them from sbx-metrics.socket: "
     "systemctl --user enable --now sbx-metrics.socket.",
     metrics_options, metrics_examples},
};

}  // namespace

std::span<const Command> telemetry_command_table() { return telemetry_commands; }

}  // namespace sbx
