// Looks at the host for `sbx doctor`, and tries what can be tried, in a child that ends in time.
#pragma once
#include "cli/doctor_checks.h"

namespace sbx {
DoctorFacts gather_doctor_facts();
// doctor_trials.cpp
DoctorTrials run_trials();
}  // namespace sbx
