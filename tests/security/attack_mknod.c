// Makes device nodes, and opens one that somebody left in a directory it sees.
//   attack_mknod DIRECTORY [NODE]
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "attack.h"

static void make(const char *name, const char *directory, mode_t kind, dev_t device) {
  char path[4096];
  snprintf(path, sizeof path, "%s/node-%s", directory, name);
  if (!outcome(name, mknod(path, kind | 0666, device))) return;
  char opened[64];
  snprintf(opened, sizeof opened, "open-%s", name);
  outcome(opened, open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  unlink(path);
}

int main(int argc, char **argv) {
  if (argc < 2) broken("usage");
  make("memory", argv[1], S_IFCHR, makedev(1, 1));
  make("null", argv[1], S_IFCHR, makedev(1, 3));
  make("console", argv[1], S_IFCHR, makedev(5, 1));
  make("loop", argv[1], S_IFBLK, makedev(7, 0));
  if (argc > 2) outcome("found", open(argv[2], O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  return 0;
}
