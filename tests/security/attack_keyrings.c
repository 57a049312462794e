// Looks for a key of the caller's in the session, user and persistent keyrings.
//   attack_keyrings NAME                       searches
//   attack_keyrings --plant NAME -- COMMAND…   puts the key into a new session keyring and the user's, then executes
#include <linux/keyctl.h>

#include "attack.h"

static void plant(const char *name) {
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0) broken("session keyring");
  const long key = syscall(SYS_add_key, "user", name, "secret-of-the-keyring", 21, KEY_SPEC_SESSION_KEYRING);
  // Open to all: only the keyrings being others keeps the key away.
  if (key < 0 || syscall(SYS_keyctl, KEYCTL_SETPERM, key, 0x3f3f3f3f) < 0) broken("add_key");
  if (syscall(SYS_keyctl, KEYCTL_LINK, key, KEY_SPEC_USER_KEYRING) < 0) broken("link");
}

static void search(const char *what, const char *name, int ring) {
  const long key = syscall(SYS_keyctl, KEYCTL_SEARCH, ring, "user", name, 0);
  if (key < 0) { refused(what); return; }
  char content[64] = "";
  if (syscall(SYS_keyctl, KEYCTL_READ, key, content, sizeof content - 1) < 0) { refused(what); return; }
  reached(what, "%s", content);
}

int main(int argc, char **argv) {
  if (argc > 4 && !strcmp(argv[1], "--plant")) {
    plant(argv[2]);
    execvp(argv[4], argv + 4);
    broken("exec");
  }
  if (argc < 2) broken("usage");
  search("session", argv[1], KEY_SPEC_SESSION_KEYRING);
  search("user", argv[1], KEY_SPEC_USER_KEYRING);
  search("user-session", argv[1], KEY_SPEC_USER_SESSION_KEYRING);
  const long found = syscall(SYS_request_key, "user", argv[1], NULL, 0);
  outcome("request", found);
  if (file_holds("/proc/keys", argv[1], 1 << 20)) reached("proc-keys", "listed");
  else refused("proc-keys");
  outcome("add", syscall(SYS_add_key, "user", "attack", "x", 1, KEY_SPEC_PROCESS_KEYRING));
  return 0;
}
