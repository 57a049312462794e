// Profiles over profiles: scalars and map entries replace, lists append, "!item" removes.
#include <algorithm>
#include <ranges>
#include <unordered_set>

#include "base/text.h"
#include "profile/fields.h"

namespace sbx {
namespace {

// The const_cast is the accessors': they serve writers and readers alike.
Profile& readable(const Profile& profile) { return const_cast<Profile&>(profile); }

template <typename T>
void replace(std::optional<T>& earlier, const std::optional<T>& later) {
  if (later) earlier = later;
}
template <typename T>
void append(std::vector<T>& earlier, const std::vector<T>& later) {
  earlier.insert(earlier.end(), later.begin(), later.end());
}
template <typename Map>
void replace_entries(Map& earlier, const Map& later) {
  for (const auto& [name, value] : later) earlier.insert_or_assign(name, value);
}

// A name that `later` puts into one of two lists that exclude each other leaves the other one: what a later profile
// asks for as read-only is no longer writable because an earlier one said so.
void take_away(List<std::string>& earlier, const List<std::string>& later) {
  std::unordered_set<std::string_view> names;
  for (const auto& item : later)
    if (!item.value.starts_with('!')) names.insert(item.value);
  std::erase_if(earlier, [&](const auto& item) { return names.contains(item.value); });
}

// "!x" stays in the list: a profile that takes x away does so from whatever it is merged over. What it took away goes.
List<std::string> without_removed(const List<std::string>& list) {
  std::unordered_set<std::string_view> removed;
  List<std::string> out;
  for (const auto& item : std::views::reverse(list)) {
    const std::string_view value = item.value;
    if (value.starts_with('!')) {
      if (removed.insert(value.substr(1)).second) out.push_back(item);
    } else if (!removed.contains(value)) {
      out.push_back(item);
    }
  }
  std::ranges::reverse(out);
  return out;
}

}  // namespace

List<std::string> settled(const List<std::string>& list) {
  List<std::string> out;
  std::unordered_set<std::string_view> seen;
  for (auto& item : without_removed(list))
    if (!item.value.starts_with('!')) out.push_back(std::move(item));
  List<std::string> unique;
  for (const auto& item : out)
    if (seen.insert(item.value).second) unique.push_back(item);
  return unique;
}

template <typename Entry>
List<Entry> settled_entries(const List<Entry>& list) {
  // From the end: the first met for a path is the one that holds, and "!path" holds as well.
  std::unordered_set<std::string> met;
  List<Entry> out;
  for (auto item : std::views::reverse(list)) {
    const std::string& key = entry_key(item.value);
    const bool removes = key.starts_with('!');
    if (met.insert(removes ? key.substr(1) : key).second && !removes) out.push_back(std::move(item));
  }
  std::ranges::reverse(out);
  return out;
}
template List<ProfileBind> settled_entries(const List<ProfileBind>&);
template List<ProfileTmpfs> settled_entries(const List<ProfileTmpfs>&);
template List<ProfileSymlink> settled_entries(const List<ProfileSymlink>&);
template List<ProfileFile> settled_entries(const List<ProfileFile>&);

Profile merge_profiles(Profile earlier, const Profile& later) {
  if (!later.name.empty()) earlier.name = later.name;
  take_away(earlier.filesystem.read, later.filesystem.write);
  take_away(earlier.filesystem.write, later.filesystem.read);
  take_away(earlier.require, later.accept);
  take_away(earlier.accept, later.require);
  for (const auto& field : profile_fields()) {
    std::visit(
        [&]<typename Kind>(const Kind& kind) {
          auto& to = kind.at(earlier);
          const auto& from = kind.at(readable(later));
          if constexpr (std::is_same_v<Kind, TextListField>) {
            append(to, from);
            to = without_removed(to);
          } else if constexpr (requires { replace(to, from); }) {
            replace(to, from);
          } else if constexpr (requires { append(to, from); }) {
            append(to, from);
          } else {
            // Entry fields share their map: it is merged once for each of them, which changes nothing more.
            replace_entries(to, from);
          }
        },
        field.kind);
  }
  return earlier;
}

}  // namespace sbx
