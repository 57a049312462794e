// How each key of the format is kept in a Profile: the one table that parse, merge and format_profile walk. What a key
// means to people stands in keys.cpp; a unit test holds the two against each other.
#pragma once
#include <span>
#include <variant>

#include "profile/profile.h"
#include "profile/values.h"

namespace sbx {

using TextMap = std::map<std::string, Said<std::string>>;
using FlagMap = std::map<std::string, Said<bool>>;

struct TextField {  // a string; with `numbers` an integer of 0 and more as well
  Maybe<std::string>& (*at)(Profile&);
  Check check;
  bool numbers = false;
};
struct FlagField {
  Maybe<bool>& (*at)(Profile&);
};
struct TextListField {  // strings; "!x" takes x away
  List<std::string>& (*at)(Profile&);
  Check check;
};
struct CommandField {  // a list that replaces as a whole
  Maybe<std::vector<std::string>>& (*at)(Profile&);
};
struct TextEntryField {  // one entry of a map, named by the key behind its first dot
  TextMap& (*at)(Profile&);
  Check check;
};
struct RlimitField {
  TextMap& (*at)(Profile&);
};
struct FlagEntryField {
  FlagMap& (*at)(Profile&);
};
struct OpenTableField {  // any names; with `scalars` numbers and booleans as well
  TextMap& (*at)(Profile&);
  Check check_name;
  bool scalars = false;
};
// Lists of tables; a string "!PATH" takes the entry for PATH inside away.
struct BindListField {
  List<ProfileBind>& (*at)(Profile&);
};
struct TmpfsListField {
  List<ProfileTmpfs>& (*at)(Profile&);
};
struct SymlinkListField {
  List<ProfileSymlink>& (*at)(Profile&);
};
struct FileListField {
  List<ProfileFile>& (*at)(Profile&);
};

struct Field {
  std::string_view key;  // "cgroup.memory.max"
  std::variant<TextField, FlagField, TextListField, CommandField, TextEntryField, RlimitField, FlagEntryField,
               OpenTableField, BindListField, TmpfsListField, SymlinkListField, FileListField>
      kind;
  // "memory.max" of "cgroup.memory.max": the name of a map's entry.
  std::string entry() const { return std::string(key.substr(key.find('.') + 1)); }
};

std::span<const Field> profile_fields();

// The path inside that tells one entry of a list of tables from another.
inline std::string& entry_key(ProfileBind& entry) { return entry.target; }
inline std::string& entry_key(ProfileTmpfs& entry) { return entry.path; }
inline std::string& entry_key(ProfileSymlink& entry) { return entry.target; }
inline std::string& entry_key(ProfileFile& entry) { return entry.path; }

// The list as it stands at the end: each "!x" has taken away every x before it and is gone itself; of equal items the
// first stays.
List<std::string> settled(const List<std::string>& list);
// The same for a list of tables; of entries for one path the last one stays.
template <typename Entry>
List<Entry> settled_entries(const List<Entry>& list);

}  // namespace sbx
