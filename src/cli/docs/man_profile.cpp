#include "base/text.h"
#include "cli/docs/docs.h"
#include "cli/docs/mdoc.h"
#include "profile/keys.h"

namespace sbx::docs {
namespace {

constexpr std::string_view description =
    "A profile is a TOML file that says what a command run by sbx may see and do. Whatever it doesn't say keeps the "
    "strictest value: an empty profile shows nothing of the host.\n"
    "sbx run takes the profiles named by --profile, over them what --set and the other options say. A name without a "
    "slash is looked for as NAME.toml in ~/.config/sbx/profiles, /etc/sbx/profiles and the installed profiles, in this "
    "order; a word that holds a slash or ends in .toml is a path. A profile that others than its owner can write, or "
    "that belongs to neither root nor the caller, is refused.\n"
    "Profiles merge key by key: later ones win, lists append, and an item !x takes x away. A profile that extends "
    "others is merged over them.\n"
    "In paths ~, $HOME, $XDG_RUNTIME_DIR and $UID expand, and nothing else does. Relative paths start at the working "
    "directory of the caller. An unknown key, a wrong type or a value out of range is an error.\n"
    "Sizes are numbers with an optional K, M, G or T, powers of 1024. Times are spans such as 90, 10min or 1h 30s; a "
    "plain number counts seconds.";

std::string_view table_of(std::string_view key) {
  const auto dot = key.find('.');
  return dot == std::string_view::npos ? std::string_view{} : key.substr(0, dot);
}

std::string sentence(std::string_view text) {
  std::string out(text);
  if (!out.empty() && out.back() != '.') out += '.';
  return out;
}

std::string values_text(std::string_view values) {
  if (values.empty()) return "";
  if (!values.starts_with("default")) return prose(sentence(cat("Values: ", values)));
  values.remove_prefix(7);
  while (values.starts_with(':') || values.starts_with(' ')) values.remove_prefix(1);
  return prose(sentence(cat("Default: ", values)));
}

std::string key_sections() {
  std::string out;
  std::string_view table = "-";
  for (const auto& key : profile_keys()) {
    if (table_of(key.name) != table) {
      if (table != "-") out += ".El\n";
      table = table_of(key.name);
      out += cat(".Ss ", table.empty() ? "Top level" : argument(cat("[", table, "]")), "\n.Bl -tag -width Ds\n");
    }
    out += cat(".It Ic ", argument(key.name), " Pq ", argument(key.type), "\n", prose(sentence(key.meaning)));
    out += values_text(key.values);
  }
  return table == "-" ? out : cat(out, ".El\n");
}

constexpr std::string_view example_file =
    "description = \"Run the tests of a project, offline\"\n"
    "extends = [\"build\"]\n"
    "\n"
    "[command]\n"
    "argv = [\"make\", \"check\"]\n"
    "\n"
    "[filesystem]\n"
    "hide = [\".env\", \"~/.ssh\"]\n"
    "tmpfs = [{ path = \"/var/tmp\", size = \"64M\" }]\n"
    "\n"
    "[cgroup]\n"
    "memory.max = \"1G\"\n"
    "pids.max = 128\n"
    "\n"
    "[environment]\n"
    "set = { CI = \"1\" }\n"
    "\n"
    "[limits]\n"
    "wall_time = \"10min\"\n";

constexpr Example examples[] = {
    {"sbx profile check ./tests.toml", "Is it right"},
    {"sbx run -p ./tests.toml", "Run its command"},
    {"sbx run -p ./tests.toml -- make", "Run another command under it"},
    {"sbx profile show ./tests.toml --effective", "What it comes to, defaults filled in"},
};

}  // namespace

std::string man_sbx_profile(std::string_view version) {
  auto out = cat(heading("sbx-profile", 5, SBX_DOCS_DATE, version),
                 ".Sh NAME\n.Nm sbx-profile\n.Nd what a confined command may see and do\n.Sh DESCRIPTION\n",
                 prose(description), ".Sh KEYS\n", key_sections());
  out += cat(".Sh EXAMPLES\nA file\n.Pa tests.toml :\n", literal(example_file), ".Pp\n", example_list(examples));
  return out + ".Sh SEE ALSO\n.Xr sbx 1 ,\n.Xr systemd.resource-control 5 ,\n.Xr capabilities 7 ,\n.Xr cgroups 7\n";
}

std::string key_words() {
  std::string out;
  for (const auto& key : profile_keys()) {
    // A key with a placeholder, as "rlimits.NAME", is completed up to it.
    const auto name = key.name.substr(0, key.name.find_first_of("<*("));
    out += cat(out.empty() ? "" : " ", name);
  }
  return out;
}

}  // namespace sbx::docs
