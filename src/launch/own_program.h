// Keeps a payload from changing sbx's own executable.
#pragma once
#include "base/result.h"

namespace sbx {
// A payload that runs "#!/proc/self/exe", or that name itself, makes the kernel execute sbx inside, through the host's
// own mount and not one of the sandbox's: no read-only mount is in the way, and where the caller owns the file, the
// payload may change its mode, or write it when nobody runs it (CVE-2019-5736). So where the caller owns sbx's file,
// this executes a sealed copy in memory of it, with the same arguments, and doesn't return. Does nothing in the copy,
// nor where the file is another's: the usual case of an installed sbx, which pays one fstat.
Result<> leave_own_program(char** argv);
}  // namespace sbx
