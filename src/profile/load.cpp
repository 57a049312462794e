// Finds and opens profiles. What a profile says decides what untrusted code can do, so who can write it matters.
#include "profile/load.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>
#include <set>

#include "base/text.h"
#include "base/unique_fd.h"
#include "profile/scan.h"
#include "sbx_config.h"

namespace sbx {
namespace {

constexpr std::size_t depth_limit = 32;
constexpr std::size_t file_limit = 256;

bool is_path(std::string_view name) { return name.find('/') != name.npos || name.ends_with(".toml"); }

std::string environment(const char* name) {
  // With AT_SECURE (setuid, file capabilities) the environment is someone else's word.
  if (::getauxval(AT_SECURE) != 0) return {};
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string canonical(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  return real ? std::string(real.get()) : std::string();
}

// Root, the caller, or, in a user namespace that doesn't map the host's root, the unmapped owner that "/" has.
bool is_trusted_owner(uid_t owner) {
  if (owner == 0 || owner == ::geteuid()) return true;
  struct stat root {};
  return owner == 65534 && ::stat("/", &root) == 0 && root.st_uid == owner;
}

// `profile`: the file as it was named; `path`: it, or a directory that decides what is found there.
Result<> check_trust(const struct stat& status, const std::string& path, const std::string& profile) {
  const bool directory = S_ISDIR(status.st_mode);
  const auto refused = [&](std::string what, std::string hint) {
    return fail(Step::read_profile, ErrorKind::profile, std::move(what), std::move(hint));
  };
  if (!is_trusted_owner(status.st_uid))
    return refused(cat(profile, directory ? cat(": its directory ", path) : "", " is owned by uid ", status.st_uid, ", who could change the profile"),
                   "copy the profile to a directory of your own");
  // In a sticky directory others can't replace what isn't theirs.
  const mode_t others = S_IWGRP | S_IWOTH;
  if ((status.st_mode & others) != 0 && !(directory && (status.st_mode & S_ISVTX) != 0))
    return refused(cat(profile, directory ? cat(": others can write its directory ", path) : ": others can write it"), cat("chmod go-w ", path));
  return {};
}

Result<> check_directory(const std::string& path, const std::string& profile) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    return fail_errno(Step::read_profile, errno, cat("the directory ", path));
  return check_trust(status, path, profile);
}

Result<UniqueFd> open_profile(const std::string& path, const std::string& real) {
  // Looked at before it is opened, since opening alone makes some devices act; the fd is what counts.
  struct stat status {};
  const auto irregular = [&] {
    return fail(Step::read_profile, ErrorKind::profile, cat(path, " is ", S_ISDIR(status.st_mode) ? "a directory" : "no regular file"),
                "name a TOML file");
  };
  if (::stat(real.c_str(), &status) != 0) return fail_errno(Step::read_profile, errno, path);
  if (!S_ISREG(status.st_mode)) return irregular();
  // `real` has no symlinks; one there by now was put there meanwhile.
  UniqueFd file(::open(real.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (!file) return fail_errno(Step::read_profile, errno, path, errno == EACCES ? "make it readable to yourself" : "");
  if (::fstat(file.get(), &status) != 0) return fail_errno(Step::read_profile, errno, path);
  if (!S_ISREG(status.st_mode)) return irregular();
  SBX_TRY(check_trust(status, path, path));
  SBX_TRY(check_directory(std::string(parent_path(real)), path));
  // Where a symlink led here, whoever can replace the symlink chooses the profile.
  SBX_TRY(check_directory(std::string(parent_path(path)), path));
  return file;
}

Result<std::string> read_all(const UniqueFd& file, const std::string& path) {
  // Grown as needed: clearing a buffer of the limit's size takes longer than all the rest of the reading.
  std::string text;
  std::size_t size = 0;
  while (size <= profile_size_limit) {
    text.resize(std::min(size + 8192, profile_size_limit + 1));
    const auto got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(Step::read_profile, errno, path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > profile_size_limit)
    return fail(Step::read_profile, ErrorKind::profile, cat(path, " is larger than ", format_bytes(profile_size_limit)));
  text.resize(size);
  return text;
}

struct Found {
  std::string path;   // as it is opened
  std::string shown;  // in origins: the name of a named one, else the path as written
};

Result<Found> find_profile(const std::string& name, const std::string& directory) {
  if (name.empty()) return fail(Step::read_profile, ErrorKind::profile, "a profile's name is empty");
  if (name.find('\0') != std::string::npos) return fail(Step::read_profile, ErrorKind::profile, "a profile's name holds a NUL");
  if (is_path(name)) {
    if (name.starts_with("~/")) {
      const auto home = environment("HOME");
      if (home.empty()) return fail(Step::read_profile, ErrorKind::profile, cat(name, ": HOME is not set"), "write the path out");
      return Found{cat(home, name.substr(1)), name};
    }
    return Found{name.starts_with('/') || directory.empty() ? name : cat(directory, '/', name), name};
  }
  for (const auto& folder : profile_directories()) {
    auto path = cat(folder, '/', name, ".toml");
    // An entry that exists and can't be used is an error, and not a reason to take another profile of that name.
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 || (errno != ENOENT && errno != ENOTDIR))
      return Found{std::move(path), cat(name, ".toml")};
  }
  const auto all = list_profiles();
  std::vector<std::string_view> names;
  for (const auto& profile : all) names.push_back(profile.name);
  const auto near = nearest(name, names);
  return fail(Step::read_profile, ErrorKind::profile, cat("no profile is named ", name),
              near ? cat("did you mean ", *near, "?") : "see sbx profile list; a path holds a / or ends in .toml");
}

class Loader {
 public:
  explicit Loader(std::vector<Error>* all_errors = nullptr) : all_errors_(all_errors) {}
  // `profile` gets `name` over it, and before that what it extends.
  Result<> load(const std::string& name, const std::string& directory, Profile& profile) {
    SBX_ASSIGN(const auto found, find_profile(name, directory));
    const auto real = canonical(found.path);
    if (real.empty()) return fail_errno(Step::read_profile, errno, found.path, errno == ENOENT ? "see sbx profile list" : "");
    if (std::ranges::find(stack_, real) != stack_.end()) return cycle(real);
    if (stack_.size() >= depth_limit)
      return fail(Step::read_profile, ErrorKind::profile, cat(found.path, ": a chain of extends of more than ", depth_limit, " levels"));
    if (!done_.insert(real).second) {
      profile.name = names_[real];
      return {};
    }
    if (done_.size() > file_limit)
      return fail(Step::read_profile, ErrorKind::profile, cat("more than ", file_limit, " profiles are to be merged"));

    SBX_ASSIGN(const auto file, open_profile(found.path, real));
    SBX_ASSIGN(const auto text, read_all(file, found.path));
    std::vector<Error> errors;
    auto said = parse_profile(text, found.shown, errors);
    if (!errors.empty()) {
      // An error names the file so that it can be opened; an origin is short.
      errors.clear();
      parse_profile(text, found.path, errors);
      for (auto& error : errors) SBX_TRY(take(std::move(error)));
    }
    names_[real] = said.name;
    stack_.push_back(real);
    for (const auto& [base, origin] : settled_extends(said)) {
      if (auto loaded = load(base, std::string(parent_path(real)), profile); !loaded) {
        Error error = std::move(loaded).error();
        if (error.what.starts_with("no profile is named") || error.errno_value == ENOENT)
          error.what = cat(origin, ": ", error.what);
        SBX_TRY(take(std::move(error)));
      }
    }
    stack_.pop_back();
    said.extends.clear();
    profile = merge_profiles(std::move(profile), said);
    return {};
  }

 private:
  // The end, unless all of them are asked for.
  Result<> take(Error error) {
    if (all_errors_ == nullptr) return fail(std::move(error));
    all_errors_->push_back(std::move(error));
    return {};
  }
  static List<std::string> settled_extends(const Profile& profile) {
    List<std::string> out;
    for (const auto& item : profile.extends)
      if (item.value.starts_with('!')) std::erase_if(out, [&](const auto& base) { return base.value == item.value.substr(1); });
      else out.push_back(item);
    return out;
  }
  std::unexpected<Error> cycle(const std::string& again) const {
    std::string path;
    for (auto at = std::ranges::find(stack_, again); at != stack_.end(); ++at) path += cat(*at, " extends ");
    return fail(Step::read_profile, ErrorKind::profile, cat("a cycle: ", path, again), "take one of the extends away");
  }

  std::vector<Error>* all_errors_;
  std::vector<std::string> stack_;
  std::set<std::string> done_;
  std::map<std::string, std::string> names_;
};

}  // namespace

std::vector<std::string> profile_directories() {
  std::vector<std::string> out;
  if (const auto replaced = environment("SBX_PROFILE_PATH"); !replaced.empty()) {
    for (const auto piece : split(replaced, ':'))
      if (!piece.empty()) out.emplace_back(piece);
    return out;
  }
  // The XDG base directory specification: a relative path is to be ignored.
  const auto config = environment("XDG_CONFIG_HOME");
  const auto home = environment("HOME");
  if (config.starts_with('/')) out.push_back(cat(config, "/sbx/profiles"));
  else if (home.starts_with('/')) out.push_back(cat(home, "/.config/sbx/profiles"));
  out.emplace_back("/etc/sbx/profiles");
  out.emplace_back(SBX_PROFILE_DIR);
  return out;
}

std::vector<ProfileLocation> list_profiles() {
  std::vector<ProfileLocation> out;
  std::set<std::string> met;
  for (const auto& directory : profile_directories()) {
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), &::closedir);
    if (!open) continue;
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(open.get())) {
      const std::string_view file = entry->d_name;
      if (file.ends_with(".toml") && file.size() > 5 && !file.starts_with('.')) names.emplace_back(file.substr(0, file.size() - 5));
    }
    std::ranges::sort(names);
    for (const auto& name : names) {
      const bool shadowed = !met.insert(name).second;
      out.push_back({name, cat(directory, '/', name, ".toml"), directory, shadowed});
    }
  }
  return out;
}

Result<Profile> load_profile(const std::string& name_or_path) { return load_profiles({name_or_path}); }

Profile load_profile(const std::string& name_or_path, std::vector<Error>& errors) {
  Profile profile;
  if (auto loaded = Loader(&errors).load(name_or_path, "", profile); !loaded) errors.push_back(std::move(loaded).error());
  return profile;
}

Result<Profile> load_profiles(const std::vector<std::string>& names_or_paths) {
  Profile profile;
  Loader loader;
  std::string first;
  for (const auto& name : names_or_paths) {
    SBX_TRY(loader.load(name, "", profile));
    if (first.empty()) first = profile.name;
  }
  profile.name = first;
  return profile;
}

}  // namespace sbx
