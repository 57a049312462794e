#include "base/fault.h"
int main() { sbx::load_faults(); return 0; }
