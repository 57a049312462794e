// Profiles, parted by lines "===": merging keeps what the last one said, and is blind to nothing.
#include "profile/fields.h"
#include "profile/profile.h"
#include "text.h"

using namespace sbx;
using namespace sbx_fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto input = text(data, size);
  Profile merged;
  for (int part = 0; part < 8 && !input.empty(); ++part) {
    auto profile = parse_profile(take_part(input), "fuzz.toml");
    if (!profile) continue;
    const auto before = merged;
    merged = merge_profiles(std::move(merged), *profile);
    if (profile->workdir) require(merged.workdir == profile->workdir, "the later scalar holds");
    else require(merged.workdir == before.workdir, "an unsaid scalar stays");
    for (const auto& [name, said] : profile->cgroup) require(merged.cgroup.at(name) == said, "the later entry holds");
    for (const auto& [name, said] : before.cgroup) require(merged.cgroup.contains(name), "an entry stays");
    for (const auto& item : settled(profile->filesystem.write)) {
      bool found = false;
      for (const auto& kept : settled(merged.filesystem.write)) found = found || kept.value == item.value;
      require(found, "what the last profile lists is there");
      for (const auto& other : settled(before.filesystem.read)) {
        if (other.value != item.value) continue;
        bool reads = false;
        for (const auto& said : profile->filesystem.read) reads = reads || said.value == item.value;
        for (const auto& kept : settled(merged.filesystem.read)) require(reads || kept.value != item.value, "not both");
      }
    }
    const auto once = settled(merged.seccomp_allow);
    require(settled(once) == once, "settling twice changes nothing");
  }
  require(merge_profiles(merged, Profile{}) == merged, "merging nothing changes nothing");
  return 0;
}
