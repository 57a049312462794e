// Reports from inside a sandbox, as one JSON object on standard output, what a payload sees and can do. Static and
// free of libraries, so that it runs in an empty root.
//
//   probe [-w PATH] [-r PATH] [-x PATH] [-c SOCKET] [-a NAME] [-t PORT] ...
//     -w  can PATH be written (opened for writing, made where absent)?    -r  can it be read?   -x  can it be executed?
//     -c  can a process connect to the Unix socket at that path?          -a  to that abstract one?
//     -t  to that TCP port of 127.0.0.1?
// Each answer is 0 or the errno's number, under "write", "read", "execute", "connect", "abstract", "tcp".
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

extern char **environ;

static bool first = true;  // no comma is due

static void comma(void) {
  if (!first) putchar(',');
  first = false;
}
static void text(const char *value) {
  putchar('"');
  for (const unsigned char *c = (const unsigned char *)value; *c; ++c) {
    if (*c == '"' || *c == '\\') printf("\\%c", *c);
    else if (*c < 0x20 || *c >= 0x7f) printf("\\u%04x", *c);  // bytes as Latin-1
    else putchar(*c);
  }
  putchar('"');
}
static void key(const char *name) {
  comma();
  text(name);
  putchar(':');
}
static void open_scope(const char *name, char bracket) {
  if (name) key(name);
  else comma();
  putchar(bracket);
  first = true;
}
static void close_scope(char bracket) {
  putchar(bracket);
  first = false;
}
static void number(const char *name, long long value) {
  if (name) key(name);
  else comma();
  printf("%lld", value);
}
static void string(const char *name, const char *value) {
  if (name) key(name);
  else comma();
  text(value);
}

static char *read_file(const char *path) {
  static char buffer[1 << 20];
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  size_t length = 0;
  buffer[0] = 0;
  if (fd < 0) return buffer;
  for (;;) {
    const ssize_t got = read(fd, buffer + length, sizeof(buffer) - 1 - length);
    if (got <= 0) break;
    length += (size_t)got;
  }
  close(fd);
  buffer[length] = 0;
  return buffer;
}

static void report_ids(void) {
  uid_t r, e, s;
  gid_t gr, ge, gs;
  getresuid(&r, &e, &s);
  getresgid(&gr, &ge, &gs);
  open_scope("uid", '['), number(NULL, r), number(NULL, e), number(NULL, s), close_scope(']');
  open_scope("gid", '['), number(NULL, gr), number(NULL, ge), number(NULL, gs), close_scope(']');
  gid_t groups[256];
  const int count = getgroups(256, groups);
  open_scope("groups", '[');
  for (int i = 0; i < count; ++i) number(NULL, groups[i]);
  close_scope(']');
  number("pid", getpid()), number("ppid", getppid()), number("pgid", getpgrp()), number("sid", getsid(0));
  number("no_new_privs", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  number("seccomp", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
  number("dumpable", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
  const mode_t mask = umask(0);
  umask(mask);
  number("umask", mask);
  open_scope("caps", '{');
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
  if (syscall(SYS_capget, &header, data) == 0) {
    number("effective", (long long)data[1].effective << 32 | data[0].effective);
    number("permitted", (long long)data[1].permitted << 32 | data[0].permitted);
    number("inheritable", (long long)data[1].inheritable << 32 | data[0].inheritable);
  }
  long long bounding = 0, ambient = 0;
  for (int cap = 0; cap < 63; ++cap) {
    if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1) bounding |= 1ll << cap;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1) ambient |= 1ll << cap;
  }
  number("bounding", bounding), number("ambient", ambient);
  close_scope('}');
}

static void report_namespaces(void) {
  static const char *const names[] = {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time"};
  open_scope("ns", '{');
  for (size_t i = 0; i < sizeof(names) / sizeof(*names); ++i) {
    char path[64], link[128] = "";
    snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
    const ssize_t length = readlink(path, link, sizeof(link) - 1);
    link[length < 0 ? 0 : length] = 0;
    string(names[i], link);
  }
  close_scope('}');
  string("uid_map", read_file("/proc/self/uid_map"));
  string("gid_map", read_file("/proc/self/gid_map"));
  string("setgroups", read_file("/proc/self/setgroups"));
  string("cgroup", read_file("/proc/self/cgroup"));
  string("status", read_file("/proc/self/status"));
  string("mountinfo", read_file("/proc/self/mountinfo"));
  string("net_dev", read_file("/proc/self/net/dev"));
  struct utsname uts;
  uname(&uts);
  string("hostname", uts.nodename), string("domainname", uts.domainname);
}

static void report_fds(void) {
  open_scope("fds", '{');
  for (int fd = 0; fd < 4096; ++fd) {
    if (fcntl(fd, F_GETFD) < 0) continue;
    char path[64], link[PATH_MAX] = "", name[16];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(path, link, sizeof(link) - 1);
    link[length < 0 ? 0 : length] = 0;
    snprintf(name, sizeof(name), "%d", fd);
    string(name, link);
  }
  close_scope('}');
}

static void report_signals(void) {
  sigset_t mask;
  sigprocmask(SIG_SETMASK, NULL, &mask);
  open_scope("signals_blocked", '[');
  for (int n = 1; n < 65; ++n)
    if (sigismember(&mask, n) == 1) number(NULL, n);
  close_scope(']');
  open_scope("signals_ignored", '[');
  for (int n = 1; n < 65; ++n) {
    struct sigaction action;
    if (sigaction(n, NULL, &action) == 0 && action.sa_handler == SIG_IGN) number(NULL, n);
  }
  close_scope(']');
  int death = 0;
  prctl(PR_GET_PDEATHSIG, &death, 0, 0, 0);
  number("parent_death_signal", death);
}

static void report_limits(void) {
  static const struct { const char *name; int resource; } limits[] = {
      {"cpu", RLIMIT_CPU}, {"fsize", RLIMIT_FSIZE}, {"data", RLIMIT_DATA}, {"stack", RLIMIT_STACK},
      {"core", RLIMIT_CORE}, {"rss", RLIMIT_RSS}, {"nproc", RLIMIT_NPROC}, {"nofile", RLIMIT_NOFILE},
      {"memlock", RLIMIT_MEMLOCK}, {"as", RLIMIT_AS}, {"locks", RLIMIT_LOCKS}, {"sigpending", RLIMIT_SIGPENDING},
      {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE}, {"rtprio", RLIMIT_RTPRIO}, {"rttime", RLIMIT_RTTIME}};
  open_scope("rlimits", '{');
  for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); ++i) {
    struct rlimit value;
    if (getrlimit((__rlimit_resource_t)limits[i].resource, &value) != 0) continue;
    open_scope(limits[i].name, '[');
    number(NULL, value.rlim_cur == RLIM_INFINITY ? -1 : (long long)value.rlim_cur);
    number(NULL, value.rlim_max == RLIM_INFINITY ? -1 : (long long)value.rlim_max);
    close_scope(']');
  }
  close_scope('}');
}

static void report_terminal(void) {
  open_scope("isatty", '[');
  for (int fd = 0; fd < 3; ++fd) number(NULL, isatty(fd));
  close_scope(']');
  const int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
  number("controlling_terminal", terminal >= 0);
  if (terminal >= 0) number("foreground", tcgetpgrp(terminal) == getpgrp()), close(terminal);
  struct winsize size = {0, 0, 0, 0};
  if (ioctl(0, TIOCGWINSZ, &size) == 0)
    open_scope("window", '['), number(NULL, size.ws_row), number(NULL, size.ws_col), close_scope(']');
}

static void list_directory(const char *name, const char *path, bool numbers_only) {
  open_scope(name, '{');
  DIR *directory = opendir(path);
  for (struct dirent *entry; directory && (entry = readdir(directory));) {
    struct stat st;
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    if (numbers_only && (entry->d_name[0] < '0' || entry->d_name[0] > '9')) continue;
    if (fstatat(dirfd(directory), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
    char what[64];
    const char kind = S_ISDIR(st.st_mode) ? 'd' : S_ISLNK(st.st_mode) ? 'l' : S_ISCHR(st.st_mode) ? 'c'
                    : S_ISBLK(st.st_mode) ? 'b' : S_ISREG(st.st_mode) ? '-' : '?';
    snprintf(what, sizeof(what), "%c %o %u:%u", kind, st.st_mode & 07777, major(st.st_rdev), minor(st.st_rdev));
    string(entry->d_name, what);
  }
  if (directory) closedir(directory);
  close_scope('}');
}

static int try_open(const char *path, int flags) {
  struct stat st;
  // Existing files are left as they are; absent ones are made and taken away again.
  const bool existed = stat(path, &st) == 0;
  if (existed && S_ISDIR(st.st_mode) && flags != O_RDONLY) {
    char inside[PATH_MAX];
    snprintf(inside, sizeof(inside), "%s/.probe", path);
    return try_open(inside, flags);
  }
  const int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (flags == O_RDONLY ? 0 : O_CREAT), 0600);
  if (fd < 0) return errno;
  char byte;
  int problem = 0;
  if (flags == O_RDONLY && !(existed && S_ISDIR(st.st_mode)) && read(fd, &byte, 1) < 0) problem = errno;
  close(fd);
  if (!existed) unlink(path);
  return problem;
}

static int try_connect(const char *name, bool abstract) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const size_t length = strlen(name);
  if (length + 1 >= sizeof(address.sun_path)) return ENAMETOOLONG;
  memcpy(address.sun_path + (abstract ? 1 : 0), name, length);
  const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return errno;
  const int problem = connect(fd, (struct sockaddr *)&address, size) == 0 ? 0 : errno;
  close(fd);
  return problem;
}

static int try_tcp(const char *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  const int problem = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : errno;
  close(fd);
  return problem;
}

static void answer(const char *name, char option, int count, char **arguments) {
  open_scope(name, '{');
  for (int i = 1; i + 1 < count; i += 2) {
    const char *const value = arguments[i + 1];
    if (arguments[i][0] != '-' || arguments[i][1] != option) continue;
    int problem = 0;
    switch (option) {
      case 'w': problem = try_open(value, O_WRONLY); break;
      case 'r': problem = try_open(value, O_RDONLY); break;
      case 'x': problem = access(value, X_OK) == 0 ? 0 : errno; break;
      case 'c': problem = try_connect(value, false); break;
      case 'a': problem = try_connect(value, true); break;
      default: problem = try_tcp(value); break;
    }
    number(value, problem);
  }
  close_scope('}');
}

int main(int count, char **arguments) {
  char directory[PATH_MAX] = "";
  open_scope(NULL, '{');
  first = true;
  report_fds();  // first: nothing of the probe's own is open yet
  report_ids();
  report_namespaces();
  report_signals();
  report_limits();
  report_terminal();
  string("cwd", getcwd(directory, sizeof(directory)) ? directory : "");
  open_scope("env", '[');
  for (char **entry = environ; *entry; ++entry) string(NULL, *entry);
  close_scope(']');
  open_scope("arguments", '[');
  for (int i = 0; i < count; ++i) string(NULL, arguments[i]);
  close_scope(']');
  list_directory("dev", "/dev", false);
  list_directory("root", "/", false);
  list_directory("processes", "/proc", true);
  answer("write", 'w', count, arguments);
  answer("read", 'r', count, arguments);
  answer("execute", 'x', count, arguments);
  answer("connect", 'c', count, arguments);
  answer("abstract", 'a', count, arguments);
  answer("tcp", 't', count, arguments);
  close_scope('}');
  putchar('\n');
  return fflush(stdout) == 0 ? 0 : 1;
}
