#include <csignal>

#include "catch.h"
#include "systemd/manager_errors.h"
#include "systemd/unit_property.h"

using namespace sbx;

namespace {

PropertyValue value_of(const std::string& name, const std::string& text) {
  const auto property = parse_unit_property(name, text, true);
  INFO(name << "=" << text << ": " << (property ? "" : format_error(property.error())));
  REQUIRE(property);
  return property->value;
}

Error error_of(const std::string& name, const std::string& text, bool system_manager = true) {
  const auto property = parse_unit_property(name, text, system_manager);
  REQUIRE_FALSE(property);
  return property.error();
}

}  // namespace

TEST_CASE("scope properties are read as systemd-run -p reads them") {
  const auto runtime = parse_unit_property("RuntimeMaxSec", "10min", false);
  REQUIRE(runtime);
  CHECK(*runtime == UnitProperty{"RuntimeMaxUSec", std::uint64_t{600'000'000}});
  CHECK(parse_unit_property("CPUQuota", "150%", false) == UnitProperty{"CPUQuotaPerSecUSec", std::uint64_t{1'500'000}});
  CHECK(parse_unit_property("CPUQuota", "0.5%", false)->value == PropertyValue(std::uint64_t{5000}));
  CHECK(parse_unit_property("MemoryMax", "50%", false) == UnitProperty{"MemoryMaxScale", std::uint32_t{0x80000000}});
  CHECK(parse_unit_property("Delegate", "cpu memory", false) ==
        UnitProperty{"DelegateControllers", std::vector<std::string>{"cpu", "memory"}});
  CHECK(parse_unit_property("Delegate", "yes", false) == UnitProperty{"Delegate", true});
  CHECK(value_of("MemoryMax", "1G") == PropertyValue(std::uint64_t{1} << 30U));
  CHECK(value_of("MemoryMax", "infinity") == PropertyValue(UINT64_MAX));
  CHECK(value_of("CPUWeight", "idle") == PropertyValue(std::uint64_t{0}));
  CHECK(value_of("AllowedCPUs", "0-2,9 4") == PropertyValue(std::vector<std::uint8_t>{0x17, 0x02}));
  CHECK(value_of("IODeviceWeight", "/dev/sda 200") == PropertyValue(std::vector<DeviceNumber>{{"/dev/sda", 200}}));
  CHECK(value_of("IOReadBandwidthMax", "/a b 10M") == PropertyValue(std::vector<DeviceNumber>{{"/a b", 10'000'000}}));
  CHECK(value_of("IODeviceLatencyTargetSec", "/dev/sda 25ms") ==
        PropertyValue(std::vector<DeviceNumber>{{"/dev/sda", 25'000}}));
  CHECK(value_of("DeviceAllow", "/dev/null rw") == PropertyValue(std::vector<TextPair>{{"/dev/null", "rw"}}));
  CHECK(value_of("DevicePolicy", "strict") == PropertyValue(std::string("strict")));
  CHECK(value_of("KillSignal", "SIGINT") == PropertyValue(std::int32_t{SIGINT}));
  CHECK(value_of("RestrictNetworkInterfaces", "~lo") == PropertyValue(NameFilter{false, {"lo"}}));
  CHECK(value_of("SocketBindDeny", "ipv4:tcp:1024-2047 any") ==
        PropertyValue(std::vector<PortRule>{{2, 6, 1024, 1024}, {0, 0, 0, 0}}));
  CHECK(value_of("NFTSet", "cgroup:inet:filter:mine") == PropertyValue(std::vector<NftSet>{{3, 1, "filter", "mine"}}));
}

TEST_CASE("an address keeps only the bits of its prefix") {
  CHECK(value_of("IPAddressAllow", "10.1.2.3/8") == PropertyValue(std::vector<AddressPrefix>{{2, {10, 0, 0, 0}, 8}}));
  const auto any = std::get<std::vector<AddressPrefix>>(value_of("IPAddressDeny", "any"));
  CHECK(any.size() == 2);
  CHECK(any[1].address.size() == 16);
  CHECK(std::get<std::vector<AddressPrefix>>(value_of("IPAddressAllow", "fe80::1 localhost")).size() == 3);
}

TEST_CASE("values out of range or syntax are refused with what would do") {
  for (const auto& [name, text] : std::vector<std::pair<std::string, std::string>>{
           {"CPUWeight", "0"}, {"CPUWeight", "10001"}, {"IOWeight", "idle"}, {"CPUQuota", "50"}, {"CPUQuota", "0%"},
           {"MemoryMax", "101%"}, {"MemoryMax", ""}, {"MemoryMax", "-1"}, {"TasksMax", "1M"}, {"RuntimeMaxSec", "soon"},
           {"AllowedCPUs", "3-1"}, {"AllowedCPUs", "99999999"}, {"AllowedCPUs", ""}, {"IODeviceWeight", "/dev/sda"},
           {"IODeviceWeight", "sda 100"}, {"IPAddressAllow", "10.0.0.0/33"}, {"IPAddressAllow", "nowhere"},
           {"SocketBindAllow", "tcp:ipv4:1"}, {"SocketBindAllow", "0"}, {"SocketBindAllow", "70000"},
           {"DeviceAllow", "/dev/null rwx"}, {"DeviceAllow", "/etc/passwd r"}, {"DevicePolicy", "loose"},
           {"KillSignal", "SIGNOTHING"}, {"KillSignal", "0"}, {"SendSIGKILL", "maybe"}, {"BPFProgram", "egress"}}) {
    const auto error = error_of(name, text);
    INFO(name << "=" << text);
    CHECK(error.what.find(name) != std::string::npos);
    CHECK(error.hint.starts_with("give "));
  }
}

TEST_CASE("an unknown property names the nearest, a foreign one its own place") {
  CHECK(error_of("MemroyMax", "1G").hint == "did you mean MemoryMax");
  CHECK(error_of("ExecStart", "/bin/true").hint == "see systemd.resource-control(5)");
  CHECK(error_of("Slice", "a.slice").hint == "set [systemd] slice");
  CHECK(error_of("MemoryLimit", "1G").hint == "use MemoryMax");
}

TEST_CASE("what a user's manager takes and doesn't enforce is refused there") {
  for (const char* name : {"IPAddressDeny", "DevicePolicy", "SocketBindDeny", "RestrictNetworkInterfaces"})
    CHECK(error_of(name, "any", false).what.find("user's service manager") != std::string::npos);
  CHECK(property_controller("AllowedCPUs") == "cpuset");
  CHECK(property_controller("IOWeight") == "io");
  CHECK(property_controller("RuntimeMaxSec").empty());
}

TEST_CASE("limits become properties that the manager turns back into the same cgroup values") {
  CgroupSpec limits;
  limits.memory_max = 512U << 20U;
  limits.memory_swap_max = 0;
  limits.cpu_quota_us = 33'333;
  limits.cpu_period_us = 99'999;
  limits.pids_max = 256;
  const auto properties = scope_properties(limits, {{"RuntimeMaxSec", "1h"}}, false);
  REQUIRE(properties);
  const auto number = [&](const char* name) {
    for (const auto& property : *properties)
      if (property.name == name) return std::get<std::uint64_t>(property.value);
    return std::uint64_t{UINT64_MAX};
  };
  CHECK(number("MemoryMax") == 512U << 20U);
  CHECK(number("MemorySwapMax") == 0);
  CHECK(number("CPUQuotaPerSecUSec") * 99'999 / 1'000'000 == 33'333);
  CHECK(number("CPUQuotaPeriodUSec") == 99'999);
  CHECK(number("TasksMax") == 256);
  CHECK(number("RuntimeMaxUSec") == 3'600'000'000U);
  CHECK(properties->at(properties->size() - 2) == UnitProperty{"DelegateControllers", std::vector<std::string>{}});
  CHECK(properties->back() == UnitProperty{"CollectMode", std::string("inactive-or-failed")});
}

TEST_CASE("every cpu.max survives the way through the manager") {
  for (const std::uint64_t period : {1000U, 7919U, 99'999U, 100'000U, 1'000'000U})
    for (const std::uint64_t quota : {1000U, 1001U, 33'333U, 50'000U, 99'991U, 3'200'001U}) {
      CgroupSpec limits;
      limits.cpu_quota_us = quota;
      limits.cpu_period_us = period;
      const auto properties = scope_properties(limits, {}, false);
      REQUIRE(properties);
      CHECK(std::get<std::uint64_t>(properties->at(0).value) * period / 1'000'000 == quota);
    }
  CgroupSpec unlimited;
  unlimited.cpu_quota_us = UINT64_MAX;
  CHECK(std::get<std::uint64_t>(scope_properties(unlimited, {}, false)->at(0).value) == UINT64_MAX);
  unlimited.cpu_quota_us = UINT64_MAX - 1;
  CHECK(std::get<std::uint64_t>(scope_properties(unlimited, {}, false)->at(0).value) == UINT64_MAX - 1);
}

TEST_CASE("a property may not undo a limit") {
  CgroupSpec limits;
  limits.memory_max = 1U << 20U;
  CHECK_FALSE(scope_properties(limits, {{"MemoryMax", "infinity"}}, false));
  CHECK_FALSE(scope_properties(limits, {{"MemoryMax", "90%"}}, false));
  CHECK(scope_properties(limits, {{"MemoryHigh", "90%"}}, false));
}

TEST_CASE("unit names are those of systemd.unit(5)") {
  CHECK(check_unit_name("sbx-build-1a2b.scope", ".scope"));
  CHECK(check_unit_name("sbx.slice", ".slice"));
  CHECK(check_unit_name("-.slice", ".slice"));
  CHECK_FALSE(check_unit_name("sbx", ".slice"));
  CHECK_FALSE(check_unit_name(".slice", ".slice"));
  CHECK_FALSE(check_unit_name("a--b.slice", ".slice"));
  CHECK_FALSE(check_unit_name("-a.slice", ".slice"));
  CHECK_FALSE(check_unit_name("../a.scope", ".scope"));
  CHECK_FALSE(check_unit_name("a'b.scope", ".scope"));
  CHECK_FALSE(check_unit_name(std::string(300, 'a') + ".scope", ".scope"));
}

TEST_CASE("a manager's refusal names its cause and the way out") {
  const auto hint = [](const char* name) {
    const auto error = manager_error(name, "reason", "sbx-a.scope", "sbx.slice", false);
    CHECK_FALSE(error.hint.empty());
    CHECK(error.kind == ErrorKind::service_manager);
    return error.what + "|" + error.hint;
  };
  CHECK(hint("org.freedesktop.systemd1.UnitExists").find("systemctl --user stop sbx-a.scope") != std::string::npos);
  CHECK(hint("org.freedesktop.DBus.Error.AccessDenied").find("refuses") != std::string::npos);
  CHECK(hint("org.freedesktop.DBus.Error.PropertyReadOnly").find("[systemd] properties") != std::string::npos);
  CHECK(hint("org.freedesktop.DBus.Error.InvalidArgs").find("slice") != std::string::npos);
  CHECK(hint("org.freedesktop.DBus.Error.ServiceUnknown").find("enable-linger") != std::string::npos);
  CHECK(hint("org.example.New").find("reason (org.example.New)") != std::string::npos);
}
