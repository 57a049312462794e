// Looks at the host for `sbx doctor`.
#pragma once
#include "cli/doctor_checks.h"

namespace sbx {
DoctorFacts gather_doctor_facts();
}  // namespace sbx
