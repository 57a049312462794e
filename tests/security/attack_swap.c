// Exchanges two names in a loop, as fast as it can: a directory for a symbolic link while somebody walks that path.
//   attack_swap A B SECONDS
#include <linux/fs.h>
#include <time.h>

#include "attack.h"

int main(int argc, char **argv) {
  if (argc < 4) broken("usage");
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  const double end = (double)now.tv_sec + strtod(argv[3], NULL);
  long swaps = 0;
  while ((double)now.tv_sec < end) {
    for (int i = 0; i < 1000; ++i, ++swaps)
      if (syscall(SYS_renameat2, AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) < 0) broken("renameat2");
    clock_gettime(CLOCK_MONOTONIC, &now);
  }
  reached("swapped", "%ld", swaps);
  return 0;
}
