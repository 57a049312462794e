// The probe of paths, on a tree of its own below the temporary directory.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "catch.h"
#include "kernel/probe.h"
#include "kernel/probe_paths.h"

using namespace sbx;

namespace {

struct Tree {
  std::string top;
  Tree() {
    std::string name = cat(std::filesystem::temp_directory_path().string(), "/sbx-probe-XXXXXX");
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    top = std::filesystem::canonical(name).string();
    ::chmod(top.c_str(), 0755);
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  ~Tree() { std::filesystem::remove_all(top); }
  std::string at(const std::string& name) const { return cat(top, "/", name); }
  void directory(const std::string& name, mode_t mode = 0755) const {
    ::mkdir(at(name).c_str(), 0755);
    ::chmod(at(name).c_str(), mode);
  }
  void file(const std::string& name, mode_t mode = 0644) const {
    std::ofstream(at(name)) << "x";
    ::chmod(at(name).c_str(), mode);
  }
  void link(const std::string& name, const std::string& text) const { REQUIRE(::symlink(text.c_str(), at(name).c_str()) == 0); }
};

}  // namespace

TEST_CASE("a plain path leads to itself, by device and inode", "[probe]") {
  const Tree tree;
  tree.directory("d");
  tree.file("d/f");
  std::map<std::string, std::string> links;
  PathProbe probe(links);
  struct stat status {};
  REQUIRE(::stat(tree.at("d/f").c_str(), &status) == 0);
  const PathFact fact = probe.look(tree.at("d/f"));
  CHECK(fact.kind == FileKind::regular);
  CHECK(fact.real_path == tree.at("d/f"));
  CHECK(fact.dev == status.st_dev);
  CHECK(fact.ino == status.st_ino);
  CHECK(probe.look(tree.at("d")).kind == FileKind::directory);
  CHECK(probe.look(tree.at("d/none")).kind == FileKind::absent);
  CHECK(probe.look(tree.at("d/f/below")).kind == FileKind::absent);
  CHECK(probe.look("/dev/null").kind == FileKind::device);
  CHECK(links.empty());
}

TEST_CASE("symlinks on the way are followed and told", "[probe]") {
  const Tree tree;
  tree.directory("d");
  tree.file("d/f");
  tree.link("l", "d");
  tree.link("d/m", "../l/f");
  tree.link("dangling", "d/none");
  tree.link("a", "b");
  tree.link("b", "a");
  std::map<std::string, std::string> links;
  PathProbe probe(links);
  CHECK(probe.look(tree.at("l/m")).real_path == tree.at("d/f"));
  CHECK(links.at(tree.at("l")) == "d");
  CHECK(links.at(tree.at("d/m")) == "../l/f");
  CHECK(probe.look(tree.at("dangling")).kind == FileKind::absent);
  CHECK(links.at(tree.at("dangling")) == "d/none");
  CHECK(probe.look(tree.at("l/none")).kind == FileKind::absent);
  CHECK(probe.look(tree.at("a")).errno_value == ELOOP);
  CHECK(probe.is_link(tree.at("l")));
  CHECK_FALSE(probe.is_link(tree.at("d")));
}

TEST_CASE("what others can't read is private, and links aren't followed", "[probe]") {
  const Tree tree;
  tree.directory("etc");
  tree.file("etc/passwd");
  tree.file("etc/shadow", 0640);
  tree.directory("etc/ssl");
  tree.directory("etc/ssl/private", 0710);
  tree.file("etc/ssl/private/key", 0644);
  tree.directory("etc/ssh");
  tree.file("etc/ssh/host_key", 0600);
  tree.file("secret", 0600);
  tree.link("etc/link", "../secret");
  std::vector<std::string> found;
  find_private_paths(tree.at("etc"), found);
  CHECK(found == std::vector<std::string>{tree.at("etc/shadow"), tree.at("etc/ssh/host_key"), tree.at("etc/ssl/private")});
  // Too much to look at: what wasn't looked into counts as private.
  found.clear();
  find_private_paths(tree.at("etc"), found, 2);
  CHECK(found == std::vector<std::string>{tree.at("etc/shadow"), tree.at("etc/ssh"), tree.at("etc/ssl")});
}

TEST_CASE("a directory's names, each with what it is", "[probe]") {
  const Tree tree;
  tree.directory("d");
  tree.file("d/f");
  tree.link("d/l", "f");
  const auto names = list_directory(tree.at("d"));
  REQUIRE(names);
  REQUIRE(names->size() == 2);
  CHECK(((*names)[0].name == "f" && (*names)[0].kind == FileKind::regular && (*names)[0].ino != 0));
  CHECK(((*names)[1].name == "l" && (*names)[1].kind == FileKind::symlink && (*names)[1].link == "f"));
  CHECK_FALSE(list_directory(tree.at("none")));
}

TEST_CASE("the caller's mount points are known", "[probe]") {
  const auto points = read_mount_points();
  CHECK(std::find(points.begin(), points.end(), "/proc") != points.end());
}
