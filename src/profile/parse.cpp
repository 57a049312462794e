// TOML to Profile. The only user of toml++.
// Debian's pkg-config file asks for the shared library; the headers hold all of it, and leave nothing to link.
#undef TOML_HEADER_ONLY
#undef TOML_SHARED_LIB
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 1
// toml++ 3.3 asserts where a malformed text leads it astray ("[(a]"): a wrong profile is an error, and no abort.
#define TOML_ASSERT(expression) ((expression) ? static_cast<void>(0) : sbx::toml_went_astray())
namespace sbx {
struct TomlAstray {};
[[noreturn]] static void toml_went_astray() { throw TomlAstray{}; }
}  // namespace sbx
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_WINDOWS_COMPAT 0
#define TOML_ENABLE_UNRELEASED_FEATURES 0
#define TOML_MAX_NESTED_VALUES 64
#include <toml++/toml.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "profile/fields.h"
#include "profile/parse_internal.h"
#include "profile/scan.h"

namespace sbx {
namespace {

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "an integer";
    case toml::node_type::floating_point: return "a floating-point number";
    case toml::node_type::boolean: return "a boolean";
    case toml::node_type::array: return "a list";
    case toml::node_type::table: return "a table";
    default: return "a date or time";
  }
}

class Parser {
 public:
  Parser(const std::string& place, bool positions) : place_(place), positions_(positions) {}

  std::expected<Profile, ParseFault> run(const toml::table& root) {
    walk(root, "");
    if (faults_.empty()) return std::move(profile_);
    // Tables are ordered by name; people read from the top.
    std::ranges::stable_sort(faults_, [](const auto& a, const auto& b) { return a.first < b.first; });
    ParseFault out{false, {}, std::move(profile_)};
    for (auto& [at, error] : faults_) out.errors.push_back(std::move(error));
    return std::unexpected(std::move(out));
  }

  std::string position(const toml::source_position& at) const {
    return positions_ ? cat(place_, ":", at.line, ":", at.column) : place_;
  }

 private:
  void complain(const toml::source_region& at, const std::string& what, std::string hint = {}) {
    faults_.emplace_back(at.begin, Error{Step::read_profile, ErrorKind::profile, 0, cat(position(at.begin), ": ", what), std::move(hint)});
  }
  void wrong_type(const toml::node& node, std::string_view key, std::string_view allowed) {
    complain(node.source(), cat(key, " must be ", allowed, ", not ", type_name(node)));
  }
  void wrong_value(const toml::node& node, std::string_view key, std::string_view value, std::string_view allowed) {
    complain(node.source(), cat(key, " is \"", value.substr(0, 100), value.size() > 100 ? "..." : "",
                                "\", and must be ", allowed));
  }

  void walk(const toml::table& table, const std::string& prefix) {
    for (const auto& [key, node] : table) {
      const std::string full = cat(prefix, key.str());
      const auto fields = profile_fields();
      const auto field = std::ranges::find(fields, std::string_view(full), &Field::key);
      if (field != fields.end()) {
        if (!seen_.insert(full).second) complain(key.source(), cat(full, " is said twice"));
        else take(*field, node);
        continue;
      }
      const std::string below = full + '.';
      if (std::ranges::none_of(fields, [&](const Field& f) { return f.key.starts_with(below); })) {
        unknown(key.source(), full, node);
      } else if (const auto* inner = node.as_table()) {
        walk(*inner, below);
      } else {
        wrong_type(node, full, "a table");
      }
    }
  }

  void unknown(const toml::source_region& at, std::string name, const toml::node& node) {
    std::vector<std::string_view> sections;
    std::vector<std::string_view> keys;
    for (const auto& field : profile_fields()) {
      keys.push_back(field.key);
      const auto section = field.key.substr(0, field.key.find('.'));
      if (sections.empty() || sections.back() != section) sections.push_back(section);
    }
    // [filesytem] is compared with the tables, memroy.max in [cgroup] with the keys.
    const bool section = node.is_table() && name.find('.') == name.npos;
    if (section) {
      if (const auto near = nearest(name, sections)) return complain(at, cat("unknown table ", name), mean(*near));
    }
    const toml::node* inner = &node;
    for (const auto* table = node.as_table(); table != nullptr && table->size() == 1; table = inner->as_table()) {
      inner = &table->begin()->second;
      name += cat('.', table->begin()->first.str());
    }
    auto near = nearest(name, keys);
    // "hostname" at the top belongs into [identity].
    for (const auto key : keys)
      if (!near && key.ends_with(cat('.', name))) near = key;
    for (const auto key : keys)
      if (!near && key.ends_with(std::string_view(name).substr(name.rfind('.') + 1)) && name.size() > 3) near = key;
    complain(at, cat(section ? "unknown table " : "unknown key ", name),
             near ? mean(*near) : "see sbx-profile(5) for the keys there are");
  }
  static std::string mean(std::string_view near) { return cat("did you mean ", near, "?"); }

  // A string without NUL, or nothing and a complaint.
  std::optional<std::string> text(const toml::node& node, std::string_view key, Check check,
                                  std::string_view allowed = "a string") {
    const auto* value = node.as_string();
    if (value == nullptr) return wrong_type(node, key, allowed), std::nullopt;
    if (value->get().find('\0') != std::string::npos)
      return complain(node.source(), cat(key, " holds a NUL character")), std::nullopt;
    if (const auto complaint = check(value->get()))
      return wrong_value(node, key, value->get(), *complaint), std::nullopt;
    return value->get();
  }
  // A string or an integer, as text.
  std::optional<std::string> text_or_number(const toml::node& node, std::string_view key, Check check) {
    const auto* value = node.as_integer();
    if (value == nullptr) return text(node, key, check, "a string or an integer");
    std::string number = std::to_string(value->get());
    if (const auto complaint = check(number))
      return complain(node.source(), cat(key, " is ", number, ", and must be ", *complaint)), std::nullopt;
    return number;
  }
  std::optional<bool> flag(const toml::node& node, std::string_view key) {
    if (const auto* value = node.as_boolean()) return value->get();
    return wrong_type(node, key, "true or false"), std::nullopt;
  }
  template <typename T>
  Said<T> said(const toml::node& node, T value) const {
    return {std::move(value), position(node.source().begin)};
  }
  const toml::array* array(const toml::node& node, std::string_view key, std::string_view of) {
    if (const auto* list = node.as_array()) return list;
    return wrong_type(node, key, cat("a list of ", of)), nullptr;
  }

  void take(const Field& field, const toml::node& node) {
    std::visit([&](const auto& kind) { take_as(kind, field, node); }, field.kind);
  }
  void take_as(const TextField& kind, const Field& field, const toml::node& node) {
    auto value = kind.numbers ? text_or_number(node, field.key, kind.check) : text(node, field.key, kind.check);
    if (value) kind.at(profile_) = said(node, *std::move(value));
  }
  void take_as(const FlagField& kind, const Field& field, const toml::node& node) {
    if (const auto value = flag(node, field.key)) kind.at(profile_) = said(node, *value);
  }
  void take_as(const FlagEntryField& kind, const Field& field, const toml::node& node) {
    if (const auto value = flag(node, field.key)) kind.at(profile_)[field.entry()] = said(node, *value);
  }
  void take_as(const TextEntryField& kind, const Field& field, const toml::node& node) {
    if (auto value = text_or_number(node, field.key, kind.check))
      kind.at(profile_)[field.entry()] = said(node, *std::move(value));
  }
  void take_as(const RlimitField& kind, const Field& field, const toml::node& node) {
    auto value = text_or_number(node, field.key, check_any);
    if (!value) return;
    if (!parse_rlimit(field.entry(), *value))
      return wrong_value(node, field.key, *value,
                         "a number, \"unlimited\", or \"SOFT:HARD\" of these, soft not above hard");
    kind.at(profile_)[field.entry()] = said(node, *std::move(value));
  }
  void take_as(const TextListField& kind, const Field& field, const toml::node& node) {
    const auto* list = array(node, field.key, "strings");
    if (list == nullptr) return;
    for (const auto& item : *list) {
      auto value = text(item, field.key, check_any, "a list of strings");
      if (!value) continue;
      const bool removes = value->starts_with('!');
      if (const auto complaint = kind.check(std::string_view(*value).substr(removes ? 1 : 0)))
        wrong_value(item, field.key, *value, *complaint);
      else kind.at(profile_).push_back(said(item, *std::move(value)));
    }
  }
  void take_as(const CommandField& kind, const Field& field, const toml::node& node) {
    const auto* list = array(node, field.key, "strings");
    if (list == nullptr) return;
    std::vector<std::string> words;
    for (const auto& item : *list)
      if (auto word = text(item, field.key, check_any, "a list of strings")) words.push_back(*std::move(word));
    if (!words.empty() && words[0].empty()) complain(node.source(), cat(field.key, " names an empty command"));
    kind.at(profile_) = said(node, std::move(words));
  }
  void take_as(const OpenTableField& kind, const Field& field, const toml::node& node) {
    const auto* table = node.as_table();
    if (table == nullptr) return wrong_type(node, field.key, "a table");
    for (const auto& [key, value] : *table) {
      const std::string name(key.str());
      const std::string full = cat(field.key, ".", name);
      if (const auto complaint = kind.check_name(name)) {
        complain(key.source(), cat(full, " must be ", *complaint));
      } else if (const auto* boolean = value.as_boolean(); boolean != nullptr && kind.scalars) {
        kind.at(profile_)[name] = said(value, std::string(boolean->get() ? "true" : "false"));
      } else if (auto got = kind.scalars ? text_or_number(value, full, check_any) : text(value, full, check_any)) {
        kind.at(profile_)[name] = said(value, *std::move(got));
      }
    }
  }

  // ---- lists of tables
  template <typename Entry>
  void take_entries(List<Entry>& list, const Field& field, const toml::node& node,
                    void (Parser::*take_entry)(Entry&, std::string_view, std::string_view, const toml::node&),
                    std::initializer_list<std::string_view> required, const std::vector<std::string_view>& known) {
    const auto* items = array(node, field.key, "tables");
    if (items == nullptr) return;
    for (const auto& item : *items) {
      Entry entry;
      const auto* table = item.as_table();
      if (table == nullptr) {
        auto removed = text(item, field.key, check_any, "a list of tables");
        if (!removed) continue;
        if (!removed->starts_with('!') || check_path(std::string_view(*removed).substr(1)))
          wrong_value(item, field.key, *removed, "a table, or \"!PATH\" to take an entry away");
        entry_key(entry) = *std::move(removed);
        list.push_back(said(item, std::move(entry)));
        continue;
      }
      bool strange = false;
      for (const auto& [key, value] : *table) {
        const std::string full = cat(field.key, ".", key.str());
        if (std::ranges::find(known, key.str()) != known.end()) {
          (this->*take_entry)(entry, key.str(), full, value);
        } else {
          strange = true;
          const auto near = nearest(key.str(), known);
          std::string all;
          for (const auto name : known) all += cat(all.empty() ? "" : ", ", name);
          complain(key.source(), cat("unknown key ", full), near ? mean(*near) : cat("the keys are ", all));
        }
      }
      for (const auto name : required)
        if (!strange && !table->contains(name)) complain(item.source(), cat(field.key, " lacks the key ", name));
      list.push_back(said(item, std::move(entry)));
    }
  }
  void put(std::string& to, const toml::node& node, std::string_view key, Check check) {
    if (auto value = text(node, key, check)) to = *std::move(value);
  }
  void put_path(std::string& to, const toml::node& node, std::string_view key) {
    put(to, node, key, check_path);
    if (to.starts_with('!')) wrong_value(node, key, to, "a path; one that starts with ! is written ./!");
  }
  void put(bool& to, const toml::node& node, std::string_view key) {
    if (const auto value = flag(node, key)) to = *value;
  }
  void take_bind(ProfileBind& entry, std::string_view name, std::string_view key, const toml::node& node) {
    std::string access = "read";
    if (name == "source") put_path(entry.source, node, key);
    if (name == "target") put_path(entry.target, node, key);
    if (name == "optional") put(entry.optional, node, key);
    if (name == "exec") put(entry.exec, node, key);
    if (name != "access") return;
    put(access, node, key, check_access);
    entry.access = access == "write" ? Access::write : Access::read;
  }
  void take_tmpfs(ProfileTmpfs& entry, std::string_view name, std::string_view key, const toml::node& node) {
    if (name == "path") return put_path(entry.path, node, key);
    if (auto size = text_or_number(node, key, check_size)) entry.size = *std::move(size);
  }
  void take_symlink(ProfileSymlink& entry, std::string_view name, std::string_view key, const toml::node& node) {
    if (name == "target") put_path(entry.target, node, key);
    else put(entry.to, node, key, [](std::string_view to) {
      return to.empty() || to.size() >= 4096 ? Complaint("a path of 1 to 4095 bytes") : std::nullopt;
    });
  }
  void take_file(ProfileFile& entry, std::string_view name, std::string_view key, const toml::node& node) {
    if (name == "path") put_path(entry.path, node, key);
    else put(entry.content, node, key, check_any);
  }
  void take_as(const BindListField& kind, const Field& field, const toml::node& node) {
    take_entries(kind.at(profile_), field, node, &Parser::take_bind, {"source"},
                 {"source", "target", "access", "optional", "exec"});
    for (auto& [bind, origin] : kind.at(profile_))
      if (bind.target.empty()) bind.target = bind.source;
  }
  void take_as(const TmpfsListField& kind, const Field& field, const toml::node& node) {
    take_entries(kind.at(profile_), field, node, &Parser::take_tmpfs, {"path"}, {"path", "size"});
  }
  void take_as(const SymlinkListField& kind, const Field& field, const toml::node& node) {
    take_entries(kind.at(profile_), field, node, &Parser::take_symlink, {"target", "to"}, {"target", "to"});
  }
  void take_as(const FileListField& kind, const Field& field, const toml::node& node) {
    take_entries(kind.at(profile_), field, node, &Parser::take_file, {"path", "content"}, {"path", "content"});
  }

  const std::string& place_;
  bool positions_;
  Profile profile_;
  std::set<std::string> seen_;
  std::vector<std::pair<toml::source_position, Error>> faults_;
};

}  // namespace

std::expected<Profile, ParseFault> parse_toml(std::string_view text, const std::string& place, bool positions) {
  const auto fault = [&](std::size_t line, std::size_t column, std::string_view what) {
    const std::string at = positions ? cat(place, ":", line, ":", column) : place;
    return std::unexpected(
        ParseFault{true, {Error{Step::read_profile, ErrorKind::profile, 0, cat(at, ": ", what), {}}}, {}});
  };
  std::string ascii;
  if (const auto scan = scan_toml(text, ascii); !scan.what.empty()) return fault(scan.line, scan.column, scan.what);
  try {
    return Parser(place, positions).run(toml::parse(std::string_view(ascii)));
  } catch (const toml::parse_error& error) {
    const auto& at = error.source().begin;
    return fault(at.line, at.column, cat("no valid TOML: ", error.description()));
  } catch (const TomlAstray&) {
    return fault(1, 1, "no valid TOML");
  }
}

Profile parse_profile(std::string_view text, const std::string& file_name, std::vector<Error>& errors) {
  auto parsed = parse_toml(text, file_name, true);
  Profile profile = parsed ? *std::move(parsed) : std::move(parsed.error().rest);
  if (!parsed) std::ranges::move(parsed.error().errors, std::back_inserter(errors));
  std::string_view name = file_name;
  name.remove_prefix(name.rfind('/') + 1);  // npos + 1 is 0
  if (name.ends_with(".toml")) name.remove_suffix(5);
  profile.name = name;
  return profile;
}

Result<Profile> parse_profile(std::string_view text, const std::string& file_name) {
  std::vector<Error> errors;
  auto profile = parse_profile(text, file_name, errors);
  if (!errors.empty()) return fail(std::move(errors.front()));
  return profile;
}

}  // namespace sbx
