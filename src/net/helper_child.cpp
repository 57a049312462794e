#include "net/helper_child.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/text.h"
#include "base/unique_fd.h"
#include "kernel/caps.h"
#include "kernel/descriptors.h"
#include "kernel/mount.h"
#include "kernel/session.h"
#include "net/helper.h"
#include "net/messages.h"

namespace sbx {
namespace {

constexpr int ready_number = 3;
constexpr int wait_for_orders_ms = 120'000;  // the launcher's own deadlines are shorter

[[noreturn]] void give_up(std::string_view what, int error) {
  const std::string line = cat(what, ": ", errno_text(error), "\n");
  std::ignore = ::write(STDERR_FILENO, line.data(), line.size());
  ::_exit(1);
}

void check(std::string_view what, bool good) {
  if (!good) give_up(what, errno);
}

// Signals as a program expects them: the launcher blocks all and ignores SIGPIPE, which pasta takes for a fault.
void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// SIGKILL with the launcher; a launcher that died before that is seen by its pidfd.
void die_with_launcher(int parent_pidfd) {
  check("PR_SET_PDEATHSIG", ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0);
  pollfd entry{parent_pidfd, POLLIN, 0};
  if (::poll(&entry, 1, 0) != 0) ::_exit(1);
}

// A copy of what is at `path`, read-only, at the same path below `root`; what the host lacks is left out.
void show(const std::string& root, const char* path, bool writable = false) {
  const UniqueFd source(::open(path, O_PATH | O_CLOEXEC));
  if (!source && errno == ENOENT) return;
  check(path, bool(source));
  struct stat facts {};
  check(path, ::fstat(source.get(), &facts) == 0);
  const std::string target = root + path;
  for (std::size_t at = target.find('/', root.size() + 1); at != std::string::npos; at = target.find('/', at + 1)) ::mkdir(target.substr(0, at).c_str(), 0755);
  if (S_ISDIR(facts.st_mode)) ::mkdir(target.c_str(), 0755);
  else ::close(::open(target.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  const UniqueFd mount(clone_mount(source.get(), true));
  check("open_tree", mount.get() >= 0);
  MountAttributes attributes;
  attributes.read_only = !writable;
  attributes.no_devices = !writable;
  if (const int error = add_mount_attributes(mount.get(), attributes, true); error != 0) give_up("mount_setattr", -error);
  const UniqueFd place(::open(target.c_str(), O_PATH | O_CLOEXEC));
  if (const int error = attach_mount(mount.get(), place.get()); error != 0) give_up("move_mount", -error);
}

// The helper's root: programs and libraries, the host's resolver, the tun device, and what it is told by name. Nothing of
// the user's. The network's name is a file there: a program that closes what it inherits, as newer pasta does, still
// finds it, and /proc/PID/ns would be refused, since init isn't dumpable.
int make_root(int network_namespace) {
  check("unshare", ::unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) == 0);
  if (const int error = cut_propagation(); error != 0) give_up("cut propagation", -error);
  const std::string root = "/tmp";
  check("mount", ::mount("tmpfs", root.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=64k") == 0);
  for (const char* path : {"/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/resolv.conf", "/etc/nsswitch.conf", "/proc"}) show(root, path);
  show(root, "/dev/net/tun", true);
  show(root, "/dev/null", true);
  ::mkdir("/tmp/tmp", 0700);
  const std::string name = cat(root, helper_network_path), ready_name = cat(root, helper_ready_path);
  const UniqueFd file(::open(name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  const std::string source = cat("/proc/self/fd/", network_namespace);
  check(helper_network_path, file && ::mount(source.c_str(), name.c_str(), nullptr, MS_BIND, nullptr) == 0);
  check(helper_ready_path, ::mkfifo(ready_name.c_str(), 0600) == 0);
  // For reading too: opening it doesn't wait, and it never looks closed.
  const int ready = ::open(ready_name.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  check(helper_ready_path, ready >= 0);
  const UniqueFd top(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (const int error = top ? enter_root(top.get(), 0) : -errno; error != 0) give_up("pivot_root", -error);
  return ready;
}

[[noreturn]] void become(const std::vector<std::string>& words, int ready) {
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  char* environment[] = {nullptr};
  check("dup3", ready == ready_number || ::dup2(ready, ready_number) == ready_number);
  check("fcntl", ::fcntl(ready_number, F_SETFD, 0) == 0);
  const int kept[] = {0, 1, 2, ready_number};
  if (const int error = close_all_but(kept, std::size(kept), 1024); error != 0) give_up("close_range", -error);
  // What it needs to enter the network and to make a device there, in the sandbox's user namespace; kept through exec.
  int at = 0;
  const int error = limit_capabilities((std::uint64_t{1} << CAP_SYS_ADMIN) | (std::uint64_t{1} << CAP_NET_ADMIN), &at);
  if (error != 0) give_up(cat("capability ", at), -error);
  check("no_new_privs", ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  ::execve(argv[0], argv.data(), environment);
  give_up(words[0], errno);
}

}  // namespace

void run_helper(const HelperEnds& ends) {
  reset_signals();
  die_with_launcher(ends.parent_pidfd);
  // Out of reach of the terminal's signals.
  ::setsid();
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  check("standard descriptors", null >= 0 && ::dup2(null, 0) == 0 && ::dup2(ends.words, 1) == 1 && ::dup2(ends.words, 2) == 2);
  const auto orders = receive_message(ends.channel, wait_for_orders_ms);
  if (!orders || orders->closed || orders->descriptors.size() != 2) ::_exit(1);
  const auto words = unpack_words(orders->text);
  if (words.empty()) ::_exit(1);
  check("setns", ::setns(orders->descriptors[0].get(), CLONE_NEWUSER) == 0);
  die_with_launcher(ends.parent_pidfd);  // the change of credentials took it away (prctl(2))
  if (const int error = join_new_keyring(); error != 0) give_up("session keyring", -error);
  const int ready = make_root(orders->descriptors[1].get());
  const int passed[] = {ready};
  if (const int error = send_message(ends.channel, "+", passed); error != 0) give_up("send", -error);
  if (::chdir("/") != 0) give_up("chdir", errno);
  become(words, ready);
}

}  // namespace sbx
